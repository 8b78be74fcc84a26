//! Finds out why the user cannot write into a directory of the jail, where the modes may allow it.

use super::host_directory::HostDirectory;
use super::login_settings::LoginSettings;
use crate::desired::unwritable::{self, Reason};
use crate::host::as_user;
use crate::host::room::{Shortage, Writer, shortage};
use nix::errno::Errno;
use pam_sftpjail::escape::escaped;
use std::path::Path;

/// The reason on the host, or else in sshd's settings. `None`: the modes, or another reason.
pub(super) fn reason(directory: &HostDirectory, user: &str, settings: &LoginSettings) -> Option<Reason> {
    let host = directory.host.as_deref()?;
    let shown = escaped(host);
    if let Some(shortage) = shortage(host, Writer::User) {
        return Some(full(host, shortage));
    }
    Some(match as_user::write(user, host).ok()? {
        None => return limited(settings),
        Some(errno @ (Errno::EROFS | Errno::EPERM)) => return unwritable::reason(host, errno),
        Some(Errno::ENOSPC) => full(host, Shortage::Space),
        Some(Errno::EDQUOT) => (
            format!("the quota of {} for {shown} is used up", escaped(user)),
            "let the user remove files, or raise the quota: see quota(1)".into(),
        ),
        Some(_) => return None,
    })
}

/// The reason why the user cannot use what the session makes. `umask`: that of the session.
pub(super) fn by_umask(umask: u32) -> Reason {
    (
        format!("the umask of the session is {umask:04o}, so the user can use no file and no directory that it makes"),
        "let the session have another umask, such as 022: see umask of the profile, -u of internal-sftp in sshd_config, \
         pam_umask in /etc/pam.d and UMASK in /etc/login.defs"
            .into(),
    )
}

fn full(host: &Path, shortage: Shortage) -> Reason {
    let shown = escaped(host);
    let fix = format!("make room there: see {} {shown}", shortage.df());
    (format!("the filesystem of {shown} has {shortage} left"), fix.into())
}

/// The user can write there on the host: whether internal-sftp was told to forbid it.
fn limited(settings: &LoginSettings) -> Option<Reason> {
    let server = settings.server.as_deref().filter(|_| settings.is_limited())?;
    Some((
        format!("sshd runs `{server}`, which limits what the user may do"),
        "if the user should be able to write: remove -R, -P and -p from that line of sshd_config".into(),
    ))
}
