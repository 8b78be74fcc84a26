//! Lets the fix wait that makes sshd read its files, until nothing else is wrong with these: what it has read before
//! may be what jails members now.

use crate::report::{Finding, Findings};
use pam_sftpjail::fix::Fix;

const FIRST: &str = "make the other fixes about sshd first, and reload or restart it only then: as its files are now, it may \
                    jail nobody";

/// Orders the fixes in these findings, which are all that were found.
pub(super) fn apply(all: &mut [&mut Findings]) {
    let is_other = |finding: &Finding| finding.is_about_sshd() && !finding.reloads_sshd();
    if all.iter().any(|findings| findings.any_wrong(is_other)) {
        let fix = Fix::from(FIRST);
        all.iter_mut().for_each(|findings| findings.postpone_reload(&fix));
    }
}
