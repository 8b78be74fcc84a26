//! A file that root relies on must be owned by root and writable by nobody else: the fix for one that is not.

use nix::sys::stat::lstat;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::plan::root_path;
use std::path::Path;

/// `changeable`: what others can change, `file` itself or something that leads to it. An owner or a group of a
/// directory on the way may need it, so then it is no command.
pub(crate) fn fix(file: &Path, changeable: &Path) -> Fix {
    let stat = lstat(changeable).ok();
    let is_roots = stat.is_some_and(|stat| stat.st_uid == 0);
    let is_open_to_all_only = is_roots && stat.is_some_and(|stat| stat.st_mode & 0o022 == 0o002);
    let own = root_path(changeable).and_then(|path| match (changeable == file, is_open_to_all_only) {
        (_, true) => Some(Command::new("chmod o-w").arg(&path)),
        (true, false) => {
            let modes = Command::new("chmod go-w").arg(&path);
            Some(if is_roots { modes } else { Command::new("chown -h root").arg(&path).and(&modes) })
        }
        (false, false) => None,
    });
    match own {
        Some(own) => Fix::after("check its content", &own),
        None => format!("let only root own and write {}, after a look at what is in it", escaped(changeable))
            .into(),
    }
}
