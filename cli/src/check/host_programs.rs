//! Checks what the host's programs run as a member outside of the jail: cron, at and the mail server, and what gets
//! around a guard that keeps sessions from telling them what to run.
//!
//! User managers of systemd have a check of their own.

use crate::host::home::{Alias, Home};
use crate::host::{jobs, programs};
use crate::report::Findings;
use crate::report::error::{AS_ROOT, unreadable_fix};
use crate::report::text::counted;
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{HomeAccess, Profile};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::name::UserName;
use std::io;
use std::path::{Path, PathBuf};

const CHECK: &str = "host programs";

/// Checks one member. Findings are worded alike for all members, so that `--all` prints each once.
pub(super) fn examine(account: &Account, profile: &Profile, findings: &mut Findings) {
    let mut found = Findings::default();
    match UserName::parse(&account.name) {
        Ok(name) if geteuid().is_root() => scheduled(&name, account.uid.as_raw(), &mut found),
        Ok(_) => found.unknown(CHECK, "only root can see crontabs and at jobs", AS_ROOT),
        // Such a login is refused, for which there is another finding.
        Err(_) => {}
    }
    let home = (profile.home == HomeAccess::ReadWrite).then(|| Home::open(&account.home));
    // A home that cannot be opened has another finding, and only in a writable one can sessions change files.
    if let Some(Ok(home)) = home {
        mail(&home, profile, &mut found);
        guarded(&home, account, profile, &mut found);
    }
    if found.is_empty() {
        findings
            .passed(CHECK, "no crontab, no at jobs, and no mail server that runs what sessions can write");
    }
    findings.append(found);
}

/// What runs at a given time.
fn scheduled(name: &UserName, uid: u32, findings: &mut Findings) {
    match jobs::crontab(name) {
        Ok(None) => {}
        Ok(Some(path)) => {
            let evidence = format!("cron runs what {} says, outside of the jail", escaped(&path));
            let edit = Command::new("crontab -u").arg(Name(name.as_str())).arg("-e");
            findings.warned(CHECK, evidence, Fix::from(edit).explained("remove what is not intended"));
        }
        Err(error) => unknown("the crontab", &error, findings),
    }
    match jobs::at_jobs(uid) {
        Ok(0) => {}
        Ok(count) => {
            let jobs = counted(count, "job");
            let evidence = format!("at will run {jobs} of {} outside of the jail", escaped(name));
            findings.warned(
                CHECK,
                evidence,
                "list them (atq, at -c), and remove what is not intended (atrm)",
            );
        }
        Err(error) => unknown("at's jobs", &error, findings),
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
        let existing = match home.holds(name) {
            Ok(true) => "the file exists, and sessions can change it",
            Ok(false) => "the file does not exist, and sessions can make it",
            Err(error) => {
                unknown(name, &error, findings);
                continue;
            }
        };
        let evidence = format!(
            "{} is installed: when mail comes for a local user, it may run what {name} in the home says, outside of \
             the jail; {existing}",
            escaped(&program)
        );
        let fix = format!("add \"{name}\" to the guard of the profile {}", escaped(&profile.name));
        findings.warned(CHECK, evidence, fix);
    }
}

/// Links in guarded directories that lead to what sessions can change.
fn guarded(home: &Home, account: &Account, profile: &Profile, findings: &mut Findings) {
    for guarded in &profile.guard {
        let aliases = match home.aliases(&guarded.path()) {
            Ok(aliases) => aliases,
            Err(error) => {
                unknown(&escaped(&account.home.join(guarded.path())).to_string(), &error, findings);
                continue;
            }
        };
        for alias in aliases {
            let (at, why) = match alias {
                Alias::HardLink(at) => (at, "has another hard link"),
                Alias::Symlink { at, target } => {
                    if !leads_past_the_guard(&at, &target, account, profile) {
                        continue;
                    }
                    (at, "is a symlink to a file that is not guarded")
                }
            };
            let evidence = format!(
                "{} {why}, so sessions may change its content in spite of the guard",
                escaped(&account.home.join(at))
            );
            findings.warned("guard", evidence, "check its content, and replace it with a copy");
        }
    }
}

/// Whether a symlink in a guarded directory leads to what sessions can write: below the home, and not guarded. Follows
/// no further symlinks.
fn leads_past_the_guard(at: &Path, target: &Path, account: &Account, profile: &Profile) -> bool {
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

fn unknown(what: &str, error: &io::Error, findings: &mut Findings) {
    findings.unknown(CHECK, format!("{what} cannot be read: {error}"), unreadable_fix(error));
}
