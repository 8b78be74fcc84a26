//! Lets the fix wait that makes sshd read its files, until nothing else is wrong with these: what it has read before may be
//! what jails members now.

use super::sshd::running;
use crate::host::sshd::logins::Sshd;
use crate::report::Findings;
use pam_sftpjail::fix::Fix;

const FIRST: &str = "make the other fixes about sshd first, and reload or restart it only then: as its files are now, it may \
                    jail nobody";

/// Orders the fixes in these findings, which are all that were found. `sshd`: that which was checked.
pub(super) fn apply(sshd: Option<&Sshd>, all: &mut [&mut Findings]) {
    let is_reload = |check: &str, fix: &str| {
        check == running::CHECK && sshd.is_some_and(|sshd| running::makes_it_read(sshd, fix))
    };
    let is_about_sshd = |check: &str, fix: &str| check.starts_with("sshd") && !is_reload(check, fix);
    if all.iter().any(|findings| findings.any_wrong(is_about_sshd)) {
        let fix = Fix::from(FIRST);
        all.iter_mut().for_each(|findings| findings.postpone(is_reload, &fix));
    }
}
