//! A text that a file or directory of a tmpfs carries besides its content.
//!
//! A `trusted` attribute can be seen and set with CAP_SYS_ADMIN only: xattr(7). No limit on the size of files
//! holds for it.
#![forbid(unsafe_code)]

use super::SysError;
use nix::errno::Errno;
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
use std::os::fd::AsFd;

const NAME: &str = "trusted.sftpjail";

/// As much as an attribute can hold, in bytes (limits.h: XATTR_SIZE_MAX).
const MAX: usize = 64 << 10;

/// Gives it the text; it must have none yet.
pub(crate) fn set(fd: impl AsFd, text: &str) -> Result<(), SysError> {
    fsetxattr(fd, NAME, text.as_bytes(), XattrFlags::CREATE)
        .map_err(SysError::of("fsetxattr", format!("tmpfs, {NAME}")))
}

/// The text, if it has one.
pub(crate) fn get(fd: impl AsFd) -> Result<Option<String>, Errno> {
    let mut text = vec![0; MAX];
    match fgetxattr(fd, NAME, &mut text[..]) {
        Ok(length) => {
            text.truncate(length);
            Ok(Some(String::from_utf8_lossy(&text).into_owned()))
        }
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOTSUP) => Ok(None),
        Err(errno) => Err(Errno::from_raw(errno.raw_os_error())),
    }
}
