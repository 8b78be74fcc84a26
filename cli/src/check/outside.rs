//! What the host runs as the member outside of the jail, and may do so by the member's own files.
//!
//! The user manager of systemd has a check of its own.

use crate::host::home::{Alias, Home};
use crate::host::{jobs, programs};
use crate::report::Findings;
use crate::report::error::AS_ROOT;
use crate::report::text::counted;
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{HomeAccess, Profile};
use pam_sftpjail::escape::{escaped, word};
use pam_sftpjail::name::UserName;
use std::io;
use std::path::{Path, PathBuf};

const CHECK: &str = "outside";

/// Looks for it. What is so for many members is said in the same words, so that it stands once.
pub(super) fn examine(account: &Account, profile: &Profile, findings: &mut Findings) {
    let mut found = Findings::default();
    match UserName::parse(&account.name) {
        Ok(name) if geteuid().is_root() => scheduled(&name, account.uid.as_raw(), &mut found),
        Ok(_) => found.unknown(CHECK, "only root can see crontabs and at jobs", AS_ROOT),
        // The login is refused.
        Err(_) => {}
    }
    let home = (profile.home == HomeAccess::ReadWrite).then(|| Home::open(&account.home));
    // Others tell of a home that cannot be opened. In one of another kind no session can write.
    if let Some(Ok(home)) = home {
        mail(&home, profile, &mut found);
        guarded(&home, account, profile, &mut found);
    }
    if found.is_empty() {
        findings.passed(
            CHECK,
            "no crontab, no at jobs, and no mail server that obeys files which sessions can write",
        );
    }
    findings.append(found);
}

/// What runs at its time.
fn scheduled(name: &UserName, uid: u32, findings: &mut Findings) {
    match jobs::crontab(name) {
        Ok(None) => {}
        Ok(Some(path)) => {
            let evidence = format!("cron runs what {} says, outside of the jail", escaped(&path));
            let fix = format!("look at it, and take out what is not meant: crontab -u {} -e", word(name));
            findings.warned(CHECK, evidence, fix);
        }
        Err(error) => unseen("the crontab", &error, findings),
    }
    match jobs::at_jobs(uid) {
        Ok(0) => {}
        Ok(count) => {
            let jobs = counted(count, "job");
            let evidence = format!("at has {jobs} of {} to run, outside of the jail", escaped(name));
            findings.warned(
                CHECK,
                evidence,
                "look at them (atq, at -c), and take out what is not meant (atrm)",
            );
        }
        Err(error) => unseen("at's jobs", &error, findings),
    }
}

/// What runs when mail comes.
fn mail(home: &Home, profile: &Profile, findings: &mut Findings) {
    let sendmail = programs::find("sendmail")
        .or_else(|| Some(PathBuf::from("/usr/lib/sendmail")).filter(|path| path.is_file()));
    for (program, name) in [(sendmail, ".forward"), (programs::find("procmail"), ".procmailrc")] {
        let Some(program) = program else { continue };
        if profile.guard.iter().any(|guarded| guarded.covers(Path::new(name))) {
            continue;
        }
        let there = match home.holds(name) {
            Ok(true) => "there is one, and sessions can change it",
            Ok(false) => "there is none, and sessions can make one",
            Err(error) => {
                unseen(name, &error, findings);
                continue;
            }
        };
        let evidence = format!(
            "{} is installed: when mail comes for a local user, it may run what {name} in the home says, outside of \
             the jail; {there}",
            escaped(&program)
        );
        let fix = format!("add \"{name}\" to the guard of the profile {}", escaped(&profile.name));
        findings.warned(CHECK, evidence, fix);
    }
}

/// Links in guarded directories, through which what is guarded could be changed elsewhere.
fn guarded(home: &Home, account: &Account, profile: &Profile, findings: &mut Findings) {
    for guarded in &profile.guard {
        let aliases = match home.aliases(&guarded.path()) {
            Ok(aliases) => aliases,
            Err(error) => {
                unseen(&escaped(&account.home.join(guarded.path())).to_string(), &error, findings);
                continue;
            }
        };
        for alias in aliases {
            let (at, why) = match alias {
                Alias::HardLink(at) => (at, "has another name as well, a hard link"),
                Alias::Symlink { at, target } => {
                    if !leads_to_what_is_open(&at, &target, account, profile) {
                        continue;
                    }
                    (at, "is a symlink to what is not guarded")
                }
            };
            let evidence = format!(
                "{} {why}, so that sessions could change what is read there in spite of the guard",
                escaped(&account.home.join(at))
            );
            findings.warned("guard", evidence, "look at it, and put a copy in its place");
        }
    }
}

/// Whether a symlink in a guarded directory leads to what sessions can write: below the home, and not
/// guarded. By its spelling alone.
fn leads_to_what_is_open(at: &Path, target: &Path, account: &Account, profile: &Profile) -> bool {
    let from = account.home.join(at);
    let mut real = PathBuf::new();
    for component in from.parent().unwrap_or(&account.home).join(target).components() {
        match component {
            std::path::Component::ParentDir => drop(real.pop()),
            other => real.push(other),
        }
    }
    match real.strip_prefix(&account.home) {
        Ok(below) => !profile.guard.iter().any(|guarded| guarded.covers(below)),
        Err(_) => false,
    }
}

fn unseen(what: &str, error: &io::Error, findings: &mut Findings) {
    findings.unknown(CHECK, format!("{what} cannot be looked at: {error}"), AS_ROOT);
}

/// Of a login shell: whether it runs something for whoever logs in.
pub(super) fn is_shell(shell: &Path) -> bool {
    let none = ["nologin", "false", "true", "null"];
    !shell.file_name().is_some_and(|name| none.iter().any(|none| name == *none))
}
