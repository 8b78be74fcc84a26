//! Sets and reads one extended attribute of files and directories on a tmpfs.
//!
//! A `trusted` attribute can be read and set only with CAP_SYS_ADMIN (xattr(7)). Limits on the size of files
//! do not apply to it.
#![forbid(unsafe_code)]

use super::SysError;
use nix::errno::Errno;
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
use std::os::fd::AsFd;

const NAME: &str = "trusted.sftpjail";

/// The largest size of an attribute, in bytes (limits.h: XATTR_SIZE_MAX).
const MAX: usize = 64 << 10;

/// Sets the attribute. It is an error if it exists already.
pub(crate) fn set(fd: impl AsFd, text: &str) -> Result<(), SysError> {
    fsetxattr(fd, NAME, text.as_bytes(), XattrFlags::CREATE)
        .map_err(SysError::of("fsetxattr", format_args!("tmpfs, {NAME}")))
}

/// The attribute. `None`: the file has none.
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
