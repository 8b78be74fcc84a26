//! Why a user cannot write a directory of the host whose modes may allow it, and the fix.

use crate::host::mounts::mount_point;
use nix::errno::Errno;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use std::path::Path;

/// What is so, and the fix.
pub(crate) type Reason = (String, Fix);

/// The reason for an error of the kernel's. `None`: the modes, or another reason. `host`: the path on the host.
pub(crate) fn reason(host: &Path, errno: Errno) -> Option<Reason> {
    let shown = escaped(host);
    match errno {
        Errno::EROFS => {
            let at = mount_point(host).unwrap_or_else(|| host.to_owned());
            let at = escaped(&at);
            let fix = format!(
                "make the mount at {at} writable; where it has become read-only by itself, the kernel's log has the error"
            );
            Some((format!("the mount at {at} is read-only"), fix.into()))
        }
        Errno::EPERM => Some((
            format!("an attribute of {shown} forbids it, whatever its modes are"),
            format!("see the attributes i and a in lsattr -d {shown}, and why they were set: chattr(1)")
                .into(),
        )),
        _ => None,
    }
}
