//! Who changes a grant, and the log entry that says so.

use nix::unistd::Uid;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::log::Log;
use pam_sftpjail::nss::User;

/// The uid of a process that no login has started.
const NO_LOGIN: u32 = u32::MAX;

/// Writes what was done. `what`: a clause, such as `has granted …`.
pub(super) fn log(verb: &'static str, what: &str) {
    Log::of_verb(verb).notice(format_args!("{} {what}", escaped(&who())));
}

/// The user who has run sudo; without sudo, the one who has logged in; else root.
fn who() -> String {
    let of_sudo = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    of_sudo.or_else(of_login).unwrap_or_else(|| "root".to_owned())
}

fn of_login() -> Option<String> {
    let uid = std::fs::read_to_string("/proc/self/loginuid").ok()?.trim().parse().ok()?;
    if uid == NO_LOGIN {
        return None;
    }
    Some(User::by_uid(Uid::from_raw(uid)).ok()??.name)
}
