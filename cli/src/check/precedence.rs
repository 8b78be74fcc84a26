//! Lets the fixes wait that make a daemon read its files, until nothing else is wrong with these: what it has read before
//! may be what jails members now.

use super::sshd::running;
use super::user_manager;
use crate::host::sshd::logins::Sshd;
use crate::report::Findings;
use pam_sftpjail::fix::Fix;

const SSHD: &str = "make the other fixes about sshd first, and reload or restart it only then: as its files are now, it may \
                    jail nobody";

const SYSTEMD: &str =
    "make the other fixes about the user manager first, and let systemd read its files again only then";

/// Orders the fixes in these findings, which are all that were found. `sshd`: that which was checked.
pub(super) fn apply(sshd: Option<&Sshd>, all: &mut [&mut Findings]) {
    let is_reload = |check: &str, fix: &str| {
        check == running::CHECK && sshd.is_some_and(|sshd| running::makes_it_read(sshd, fix))
    };
    let is_about_sshd = |check: &str, fix: &str| check.starts_with("sshd") && !is_reload(check, fix);
    wait(all, is_reload, is_about_sshd, SSHD);
    let reload = Fix::from(user_manager::reload()).to_string();
    let is_reload = |check: &str, fix: &str| check == user_manager::CHECK && fix == reload;
    let is_about_manager = |check: &str, fix: &str| check == user_manager::CHECK && fix != reload;
    wait(all, is_reload, is_about_manager, SYSTEMD);
}

/// Lets what `is_reload` is true of wait, if there is something else of which `is_wrong` is true.
fn wait(
    all: &mut [&mut Findings],
    is_reload: impl Fn(&str, &str) -> bool,
    is_wrong: impl Fn(&str, &str) -> bool,
    sentence: &str,
) {
    if all.iter().any(|findings| findings.any_wrong(&is_wrong)) {
        let fix = Fix::from(sentence);
        all.iter_mut().for_each(|findings| findings.postpone(&is_reload, &fix));
    }
}
