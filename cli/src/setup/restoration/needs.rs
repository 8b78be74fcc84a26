//! What others still need of what setup made: a `Match` block that stays needs the jail root, PAM's lines and all that
//! these need; a line of PAM that stays needs the module.

use super::Extent;
use super::file::{Fate, OwnFile};
use super::part::Part;
use crate::desired::pam::OURS;
use crate::host::sshd::files::{Setting, SshdConfig};
use crate::report::{Error, Location};
use crate::setup::atomic;
use crate::setup::sshd::own_block::DROP_IN;
use pam_sftpjail::config::Config;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What stays and needs something of setup's, after the files are restored.
#[derive(Default)]
pub(super) struct Needs {
    /// A line of sshd's that sends users into the jail root.
    pub(super) block: Option<Location>,
    /// A file of PAM that names the module.
    pub(super) pam: Option<PathBuf>,
    /// Whether jails without the configuration would be for the same groups, below the same jail root.
    is_config_default: bool,
    /// Whether a `Match` block that setup wrote stays.
    keeps_own_block: bool,
}

impl Needs {
    /// `config`: `None` if it cannot be used.
    pub(super) fn of(
        files: &[OwnFile<'_>],
        config: Option<&Config>,
        jail_roots: &[PathBuf],
        extent: Extent,
    ) -> Result<Self, Error> {
        let is_config_default = config.is_some_and(|config| {
            let built_in = Config::default();
            config.jail_root == built_in.jail_root && config.groups().eq(built_in.groups())
        });
        let keeps_own_block =
            files.iter().any(|file| file.part == Part::Sshd && matches!(file.fate, Fate::Stays { .. }));
        let block = match extent == Extent::All || keeps_own_block {
            true => block(files, jail_roots)?,
            false => None,
        };
        Ok(Self { pam: module_user(files, block.is_some())?, block, is_config_default, keeps_own_block })
    }

    /// Whether a `Match` block that stays needs what is for `part`.
    pub(super) fn has_block_for(&self, part: Part) -> bool {
        let is_needed = match part {
            Part::Sshd | Part::Log => false,
            Part::Config => self.keeps_own_block || !self.is_config_default,
            // Before setup, nothing ended the sessions of one that was written by hand.
            Part::Expiry => self.keeps_own_block,
            Part::Pam | Part::UserManager | Part::Module | Part::Confinement | Part::Other => true,
        };
        self.block.is_some() && is_needed
    }

    /// Whether a line of PAM that stays needs what is for `part`.
    pub(super) fn has_pam_for(&self, part: Part) -> bool {
        self.pam.is_some() && (part == Part::Module || part == Part::Config && !self.is_config_default)
    }
}

/// The files of sshd among them.
pub(super) fn of_sshd<'s>(files: &[OwnFile<'s>]) -> impl Iterator<Item = &'s Path> {
    files.iter().filter(|file| file.part == Part::Sshd).map(|file| file.path)
}

/// The first line that would still send users into a jail root.
fn block(files: &[OwnFile<'_>], roots: &[PathBuf]) -> Result<Option<Location>, Error> {
    for main in SshdConfig::main_file().into_iter().chain(of_sshd(files)) {
        let config = SshdConfig::read(main)?;
        let mut chroots = config.settings.iter().filter(|setting| setting.chroots_below(roots));
        if let Some(setting) = chroots.find(|setting| stays(setting, files)) {
            return Ok(Some(setting.location.clone()));
        }
    }
    Ok(None)
}

/// The jail roots: that of the configuration, and those that setup's own blocks in these files of sshd name. If there
/// is no usable configuration, the built-in jail root is among them.
pub(in crate::setup) fn jail_roots<'f>(
    config: Option<&Config>,
    own: impl IntoIterator<Item = &'f Path>,
) -> Vec<PathBuf> {
    let root = config.map_or_else(|| Config::default().jail_root, |config| config.jail_root.clone());
    let mut roots = vec![root.absolute()];
    for path in own {
        // The file itself was read. What others there include is not setup's.
        let config = SshdConfig::readable(path);
        let is_drop_in = path.file_name() == Some(OsStr::new(DROP_IN));
        let own = config.blocks.iter().filter(|block| block.location.file == path);
        let own = own.filter(|block| is_drop_in || block.is_marked);
        for setting in own.flat_map(|block| config.of_block(block)) {
            if let Some(root) = chroot(setting).and_then(|value| value.strip_suffix("/%u")) {
                if !roots.iter().any(|known| known == Path::new(root)) {
                    roots.push(root.into());
                }
            }
        }
    }
    roots
}

fn chroot(setting: &Setting) -> Option<&str> {
    (setting.keyword == "chrootdirectory").then_some(setting.value.as_str())
}

/// Whether a line of sshd's is still there after the files are restored.
fn stays(setting: &Setting, files: &[OwnFile<'_>]) -> bool {
    let at = &setting.location;
    let file = files.iter().find(|file| is_same(file.path, &at.file));
    let Some(Fate::Restored { now, then, .. }) = file.map(|file| &file.fate) else { return true };
    let Some(then) = then else { return false };
    // Undo only removes lines, and restores lines that are no longer there.
    let (now, then) = (String::from_utf8_lossy(now), String::from_utf8_lossy(then));
    let line = now.lines().nth(at.line.saturating_sub(1)).unwrap_or_default().trim();
    then.lines().any(|own| own.trim() == line)
}

/// Whether two paths lead to the same file.
fn is_same(path: &Path, other: &Path) -> bool {
    path == other || matches!((path.canonicalize(), other.canonicalize()), (Ok(one), Ok(two)) if one == two)
}

/// A file of PAM that would still name the module. `keeps_lines`: setup's lines stay.
fn module_user(files: &[OwnFile<'_>], keeps_lines: bool) -> Result<Option<PathBuf>, Error> {
    for path in pam_files()? {
        let own = files.iter().find(|file| is_same(file.path, &path)).filter(|_| !keeps_lines);
        let then = match own.and_then(OwnFile::then) {
            Some(then) => then.unwrap_or_default().to_owned(),
            None => atomic::read(&path)?.unwrap_or_default(),
        };
        if String::from_utf8_lossy(&then).lines().any(names_module) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// PAM's files, by name.
pub(in crate::setup) fn pam_files() -> Result<Vec<PathBuf>, Error> {
    let directory = Path::new("/etc/pam.d");
    let failed = |error: std::io::Error| Error::with(directory, "be read", &error);
    let entries = match directory.read_dir() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if atomic::is_file(&path)? {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Whether a line of PAM names the module.
pub(in crate::setup) fn names_module(line: &str) -> bool {
    line.split('#').next().is_some_and(|line| line.contains(OURS))
}
