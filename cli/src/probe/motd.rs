//! Puts back what pam_motd writes in /run at every login, on Debian and its kind: the greeting of this moment.
//!
//! SELinux labels a file after who writes it, and root's shell has started the probe's sshd. What that one leaves, the
//! running sshd may not replace.

use super::scratch_directory::ScratchDirectory;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The greeting, and its name while the scripts of /etc/update-motd.d write it: pam_motd.c of Debian's pam.
const WRITTEN: [&str; 2] = ["motd.dynamic", "motd.dynamic.new"];

/// What was there before. Dropping it puts that back.
pub(super) struct Motd(Vec<Kept>);

/// A file as it was.
struct Kept {
    path: PathBuf,
    /// Its inode, and a second name of that, with which it keeps its label. `None`: it was missing.
    before: Option<(u64, PathBuf)>,
}

impl Motd {
    /// The scratch directory is in the same filesystem. What can have no second name, such as a directory, is left
    /// alone.
    pub(super) fn keep(scratch: &ScratchDirectory) -> Self {
        Self(WRITTEN.into_iter().filter_map(|name| Kept::of(name, scratch)).collect())
    }
}

impl Kept {
    fn of(name: &str, scratch: &ScratchDirectory) -> Option<Self> {
        let (path, second) = (Path::new(super::RUN).join(name), scratch.path(name));
        match fs::hard_link(&path, &second) {
            Ok(()) => {
                let inode = second.symlink_metadata().ok()?.ino();
                Some(Self { path, before: Some((inode, second)) })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Self { path, before: None }),
            Err(_) => None,
        }
    }
}

impl Drop for Motd {
    fn drop(&mut self) {
        // Another login may have written it meanwhile. The next one writes it again, so neither that nor an error
        // matters.
        for Kept { path, before } in &self.0 {
            let _ = match before {
                None => fs::remove_file(path),
                Some((inode, _)) if path.symlink_metadata().is_ok_and(|now| now.ino() == *inode) => Ok(()),
                Some((_, second)) => fs::rename(second, path),
            };
        }
    }
}
