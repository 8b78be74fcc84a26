//! Checks the directories above a home: whether the jail opens a home that their modes close, and who can replace the
//! home.

use super::path_to_home::{PathToHome, described, group, user};
use crate::report::Findings;
use nix::sys::stat::{Mode, stat};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::{escaped, word};
use std::path::PathBuf;

/// Checks the directories above the home. `has_keys`: whether sshd looks for keys of the user's.
pub(super) fn examine(account: &Account, path_to_home: &PathToHome, has_keys: bool, findings: &mut Findings) {
    access(account, path_to_home, has_keys, findings);
    parents(account, path_to_home.above(), findings);
}

/// A bind mount opens the home even where a directory above it is closed.
fn access(account: &Account, path_to_home: &PathToHome, has_keys: bool, findings: &mut Findings) {
    let Some(tried) = &path_to_home.tried else { return };
    let closed = path_to_home.above().iter().enumerate().find(|(i, _)| tried.is_closed(*i));
    let Some((_, directory)) = closed else {
        return findings.passed("home access", "the user may enter every directory above the home");
    };
    let (name, home) = (escaped(&account.name), escaped(&account.home));
    let state = stat(directory).map(|stat| described(&stat)).unwrap_or_default();
    let keys = if has_keys { "; sshd cannot read keys there, since it reads them as the user" } else { "" };
    let evidence = format!(
        "{name} may not enter {} ({state}), but the jail shows {home} below it{keys}",
        escaped(directory)
    );
    let fix = format!(
        "nothing if that is intended; otherwise another home: usermod -d {} -m {}",
        word(&format!("/home/{}", account.name)),
        word(&account.name)
    );
    findings.warned("home access", evidence, fix);
}

/// Users who can write a directory above the home can replace the home between two logins.
fn parents(account: &Account, above: &[PathBuf], findings: &mut Findings) {
    let mut is_ok = true;
    for directory in above {
        let Ok(stat) = stat(directory) else { continue };
        let mut who = Vec::new();
        let mut fixes = Vec::new();
        if stat.st_uid != 0 && stat.st_uid != account.uid.as_raw() {
            who.push(format!("its owner {}", user(stat.st_uid)));
            fixes.push(format!("chown root {}", word(directory)));
        }
        // In a sticky directory, such as /tmp, only the owner of an entry can replace it.
        let is_open = |bit| stat.st_mode & bit != 0 && stat.st_mode & Mode::S_ISVTX.bits() == 0;
        if is_open(0o020) {
            who.push(format!("the group {}", group(stat.st_gid)));
            fixes.push(format!("chmod g-w {}", word(directory)));
        }
        if is_open(0o002) {
            who.push("everybody".into());
            fixes.push(format!("chmod o-w {}", word(directory)));
        }
        if !who.is_empty() {
            is_ok = false;
            let evidence = format!(
                "{} ({}): {} can replace the home with another directory that {} or root owns",
                escaped(directory),
                described(&stat),
                who.join(" and "),
                escaped(&account.name)
            );
            findings.warned(
                "home parents",
                evidence,
                format!("nothing if that is intended; otherwise {}", fixes.join(" && ")),
            );
        }
    }
    if is_ok && !above.is_empty() {
        findings.passed("home parents", "only root and the user can replace the directories above the home");
    }
}
