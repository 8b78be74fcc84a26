//! Around the home: what the jail opens that modes have closed, and who can put another directory
//! in the home's place.

use super::path_to_home::{PathToHome, described, group, user};
use crate::report::Findings;
use nix::sys::stat::{Mode, stat};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::{escaped, word};
use std::path::PathBuf;

/// Looks at what is above the home. `keys`: whether there could be keys in it.
pub(super) fn examine(account: &Account, path_to_home: &PathToHome, keys: bool, findings: &mut Findings) {
    reach(account, path_to_home, keys, findings);
    replaceable(account, path_to_home.above(), findings);
}

/// A bind mount opens the home even where a directory above it is closed.
fn reach(account: &Account, path_to_home: &PathToHome, keys: bool, findings: &mut Findings) {
    let Some(tried) = &path_to_home.tried else { return };
    let closed = path_to_home.above().iter().enumerate().find(|(i, _)| tried.is_closed(*i));
    let Some((_, directory)) = closed else {
        return findings.passed("home reach", "the modes above the home let the user in, as the jail does");
    };
    let (name, home) = (escaped(&account.name), escaped(&account.home));
    let state = stat(directory).map(|stat| described(&stat)).unwrap_or_default();
    let keys = if keys { "; sshd cannot read keys there, as it does so as the user" } else { "" };
    let evidence = format!(
        "{} ({state}) is closed to {name}, and the jail opens {home} below it{keys}",
        escaped(directory)
    );
    let fix = format!(
        "nothing if that is meant; else another home: usermod -d {} -m {}",
        word(&format!("/home/{}", account.name)),
        word(&account.name)
    );
    findings.warned("home reach", evidence, fix);
}

/// Whoever can write a directory above the home can put another there between two logins.
fn replaceable(account: &Account, above: &[PathBuf], findings: &mut Findings) {
    let mut sound = true;
    for directory in above {
        let Ok(stat) = stat(directory) else { continue };
        let mut who = Vec::new();
        let mut fixes = Vec::new();
        if stat.st_uid != 0 && stat.st_uid != account.uid.as_raw() {
            who.push(format!("its owner {}", user(stat.st_uid)));
            fixes.push(format!("chown root {}", word(directory)));
        }
        // In a sticky directory (/tmp) only the owner can.
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
            sound = false;
            let evidence = format!(
                "{} ({}): {} can put another directory of {}'s or of root's in the home's place",
                escaped(directory),
                described(&stat),
                who.join(" and "),
                escaped(&account.name)
            );
            findings.warned(
                "home parents",
                evidence,
                format!("nothing if that is meant; else {}", fixes.join(" && ")),
            );
        }
    }
    if sound && !above.is_empty() {
        findings.passed("home parents", "nobody but root and the user can replace what is above the home");
    }
}
