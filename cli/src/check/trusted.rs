//! Checks who can change what sshd and PAM read. It says nothing where only root can.

use crate::desired::root_owned;
use crate::desired::trusted::{Found, Untrusted, of_pam, of_sshd};
use crate::host::sshd::logins::Sshd;
use crate::report::{Consequence, Findings, SshdCheck};
use nix::sys::stat::{Mode, lstat};
use pam_sftpjail::escape::escaped;
use std::fmt::Display;

/// `sshd`: if it answers. `service`: the name of its PAM service.
pub(super) fn examine(sshd: Option<&Sshd>, service: &str, findings: &mut Findings) {
    if let Some(sshd) = sshd {
        report(SshdCheck::Files, "sshd", &of_sshd(&sshd.config), findings);
    }
    report("pam files", "PAM", &of_pam(service), findings);
}

fn report(check: impl Display + Copy, reader: &str, found: &Found, findings: &mut Findings) {
    for Untrusted { file, at } in &found.untrusted {
        let shown = escaped(at);
        let state = lstat(at)
            .map(|stat| format!(" (owner {}, mode {:04o})", stat.st_uid, stat.st_mode & Mode::all().bits()));
        let what = if at == file { String::new() } else { format!(", which leads to {}", escaped(file)) };
        let evidence = format!(
            "users other than root can change {shown}{what}{}: what {reader} reads there decides who is jailed",
            state.unwrap_or_default()
        );
        let consequence = Consequence::NotJailed(format!("users other than root can change {shown}"));
        findings.failed(check, consequence, evidence, root_owned::fix(file, at));
    }
    for (path, error) in &found.unknown {
        let evidence = format!("it could not be checked who can change {}: {error}", escaped(path));
        findings.unknown(check, evidence, "run this as root, or run it again");
    }
}
