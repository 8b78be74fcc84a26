//! What keeps undo from restoring everything, and what an admin can do by hand so that undo can.

use crate::report::text::joined;
use crate::writing::difference;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// What only `--force` goes on with.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::setup) enum Obstacle {
    /// A file that stays as it is.
    File {
        path: PathBuf,
        /// The predicate of a sentence about it.
        why: &'static str,
        way: Way,
        edit: Option<Edit>,
    },
    /// A `Match` block that nobody removes needs what is left. The text is a clause.
    Block(String),
    /// The configuration cannot be used. The text is a clause.
    Configuration(String),
}

/// How undo gets a file that it can restore. All of it works whatever was edited.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::setup) enum Way {
    /// It was not there before setup.
    MoveAway,
    /// Its backup is there.
    PutBack(PathBuf),
    /// Setup has inserted something. Its backup may be there.
    RemoveOurs(Option<PathBuf>),
    /// There is none.
    None,
}

/// What others have edited in a file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::setup) struct Edit {
    pub(super) path: PathBuf,
    /// By the latest setup.
    pub(super) written: Vec<u8>,
    pub(super) now: Vec<u8>,
}

/// As setup shows its changes.
impl Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "What was edited in {} since setup:", escaped(&self.path))?;
        difference::write(f, &self.path, Some(&self.written), Some(&self.now))
    }
}

/// What is so because of all of them, and what to do before undo is run again.
pub(in crate::setup) fn explained(obstacles: &[Obstacle]) -> (String, Vec<String>) {
    let whats: Vec<_> = obstacles.iter().map(Obstacle::what).collect();
    (format!("undo cannot restore everything: {}", whats.join(", ")), ways(obstacles))
}

impl Obstacle {
    /// What others have edited in a file that stays, if it is known what setup wrote there.
    pub(in crate::setup) fn edit(&self) -> Option<&Edit> {
        match self {
            Self::File { edit, .. } => edit.as_ref(),
            Self::Block(_) | Self::Configuration(_) => None,
        }
    }

    fn what(&self) -> String {
        match self {
            Self::File { path, why, .. } => format!("{} {why}", escaped(path)),
            Self::Block(clause) | Self::Configuration(clause) => clause.clone(),
        }
    }
}

/// What to do about all of them.
fn ways(obstacles: &[Obstacle]) -> Vec<String> {
    let (mut moved, mut ways, mut is_unusable) = (Vec::new(), Vec::new(), false);
    for obstacle in obstacles {
        match obstacle {
            Obstacle::File { path, way, .. } => {
                let shown = escaped(path);
                match way {
                    Way::MoveAway => moved.push(path),
                    Way::PutBack(backup) => {
                        ways.push(format!("put {} in the place of {shown}", escaped(backup)))
                    }
                    Way::RemoveOurs(backup) => {
                        let backup = backup
                            .as_ref()
                            .map(|backup| format!(", or put {} in its place", escaped(backup)));
                        ways.push(format!(
                            "remove from {shown} what setup has added{}",
                            backup.unwrap_or_default()
                        ));
                    }
                    Way::None => {}
                }
            }
            Obstacle::Block(_) => ways.push("remove that Match block".to_owned()),
            Obstacle::Configuration(_) => is_unusable = true,
        }
    }
    // Without one, the default is known.
    if is_unusable && !moved.iter().any(|path| path.as_path() == Path::new(DEFAULT_PATH)) {
        ways.push("correct the configuration".to_owned());
    }
    if !moved.is_empty() {
        moved.sort_unstable();
        let were = if moved.len() == 1 { "was" } else { "were" };
        ways.insert(0, format!("move {} away, which {were} not there before setup", joined(&moved, " and ")));
    }
    ways
}
