//! Directories that jails and configuration files need: missing ones are made, those that others than root
//! can write are refused.

use super::change::Change;
use super::target::{check_owner_above, roots_alone};
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::path::Normalised;
use pam_sftpjail::plan::unmounted::{self, Unmounted};
use pam_sftpjail::plan::{check_jail_root, root_path};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The change that makes the jail root if it is missing. The error says of one that cannot be used what `check` says.
pub(super) fn jail_root(path: &Path) -> Result<Option<Change>, Error> {
    let wrong =
        |why| Error::new(format!("the jail root {} {why}", escaped(path)), "choose another --jail-root");
    let root = Normalised::parse(path.as_os_str()).map_err(wrong)?;
    check_jail_root(&root).map_err(|refusal| Error::new(&refusal, refusal.fix()))?;
    change(path, 0o700)
}

/// The change that makes a directory if it is missing. The error: it or what leads to it is not owned by
/// root, or others can write it.
pub(super) fn change(path: &Path, mode: u32) -> Result<Option<Change>, Error> {
    let shown = escaped(path);
    match path.symlink_metadata() {
        Err(_) if path.parent().is_some_and(Path::is_dir) => {
            check_owner_above(path)?;
            Ok(Some(Change::Directory { path: path.to_owned(), mode }))
        }
        Err(_) => {
            let above = path.parent().unwrap_or(path);
            if let Some(Unmounted { why, fix }) = unmounted::above(path, above) {
                return Err(Error::new(format!("{shown} cannot be made: {} {why}", escaped(above)), fix));
            }
            Err(Error::new(
                format!("{shown} cannot be made, because {} is not a directory", escaped(above)),
                Fix::or(
                    root_path(above).map(|above| Command::new("install -d -m 0755").arg(&above)),
                    "make it, owned by root and writable by nobody else",
                ),
            ))
        }
        Ok(stat) if !stat.is_dir() => {
            Err(Error::new(format!("{shown} is not a directory"), "move it away, or choose another path"))
        }
        Ok(stat) if stat.uid() != 0 || stat.mode() & 0o022 != 0 => {
            Err(Error::new(format!("{shown} is writable by others than root"), roots_alone(path)))
        }
        Ok(_) => Ok(None),
    }
}
