//! Reports a setup, or its undo, that was killed before it had ended: half of what it changes may be there.

use crate::host::setup_journal::{Phase, interrupted};
use crate::report::Findings;
use pam_sftpjail::fix::{Command, Fix};

pub(super) fn examine(findings: &mut Findings) {
    let check = "setup";
    let (what, then) = match interrupted() {
        Ok(None) => return,
        Ok(Some(Phase::Undoing)) => ("an undo of setup was interrupted", "goes on with it first"),
        Ok(Some(_)) => ("a setup was interrupted", "restores first what was there before that one"),
        Err(error) => {
            let evidence = format!("whether a setup was interrupted is not known: {}", error.what);
            return findings.unknown(check, evidence, error.fix);
        }
    };
    let evidence = format!("{what}, so that only a part of its changes is there; the next setup {then}");
    let setup = Fix::from(Command::new("sftpjail setup"));
    findings.warned(check, evidence, setup.explained("it shows what it does, and asks"));
}
