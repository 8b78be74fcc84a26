//! What sshd and PAM read must be owned by root and writable by nobody else, as must be the directories on the way:
//! whoever can change it can end the jails. This finds what is not so.

use crate::host::pam::stack::{DIRECTORIES, KINDS, Stack};
use crate::host::sshd::files::SshdConfig;
use crate::host::trust::changeable;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// What users other than root can change.
pub(crate) struct Untrusted {
    /// A file that is read, or a directory in which files are looked for.
    pub(crate) file: PathBuf,
    /// It, or what leads to it.
    pub(crate) at: PathBuf,
}

/// What was found. Each place is there once.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) untrusted: Vec<Untrusted>,
    /// What could not be looked at.
    pub(crate) unknown: Vec<(PathBuf, io::Error)>,
}

/// Of what sshd reads.
pub(crate) fn of_sshd(config: &SshdConfig) -> Found {
    Found::of(config.directories.iter().chain(&config.files).map(PathBuf::as_path))
}

/// Of what libpam reads for this service.
pub(crate) fn of_pam(service: &str) -> Found {
    let stacks = KINDS.map(|kind| Stack::read(service, kind));
    let files = stacks.iter().flat_map(|stack| &stack.files).map(PathBuf::as_path);
    Found::of(DIRECTORIES.map(Path::new).into_iter().chain(files))
}

impl Found {
    /// Directories come first, so that each stands for itself and not for what is in it.
    fn of<'p>(paths: impl Iterator<Item = &'p Path>) -> Self {
        let mut found = Self::default();
        // Everybody may write to /dev/null, and nobody reads that.
        let is_device = |path: &&Path| path.metadata().is_ok_and(|stat| stat.file_type().is_char_device());
        for path in paths.filter(|path| !is_device(path)) {
            match changeable(path) {
                Ok(Some(at)) if found.untrusted.iter().all(|known| known.at != at) => {
                    found.untrusted.push(Untrusted { file: path.to_owned(), at });
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => found.unknown.push((path.to_owned(), error)),
            }
        }
        found
    }
}
