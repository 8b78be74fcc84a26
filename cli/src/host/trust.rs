//! Finds out whether others than root can change a file that root relies on, or what leads to it.

use nix::errno::Errno;
use pam_sftpjail::path::MAX_SYMLINKS;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// The first directory, symlink or file on the way from `/` to an absolute path that is not owned by root, or
/// that others can write. Symlinks are followed, and what leads to their destinations is checked, too.
pub(crate) fn changeable(path: &Path) -> io::Result<Option<PathBuf>> {
    let names = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut left: VecDeque<OsString> = names(path).into();
    let mut here = PathBuf::from("/");
    let mut symlinks = 0;
    while let Some(name) = left.pop_front() {
        match Path::new(&name).components().next() {
            Some(Component::ParentDir) => {
                here.pop();
                continue;
            }
            Some(Component::CurDir) => continue,
            _ => {}
        }
        // The first component is "/", which is joined to itself; an absolute symlink starts there again.
        let next = here.join(&name);
        let stat = next.symlink_metadata()?;
        if stat.uid() != 0 || (!stat.is_symlink() && stat.mode() & 0o022 != 0) {
            return Ok(Some(next));
        }
        if !stat.is_symlink() {
            here = next;
            continue;
        }
        symlinks += 1;
        if symlinks > MAX_SYMLINKS {
            return Err(Errno::ELOOP.into());
        }
        for name in names(&next.read_link()?).into_iter().rev() {
            left.push_front(name);
        }
    }
    Ok(None)
}
