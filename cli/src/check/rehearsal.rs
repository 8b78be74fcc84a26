//! Rehearses a login as the running sshds could do it, and writes the result as text and as JSON: what the user will
//! see in the jail.

mod writing;

use super::system::Host;
use crate::desired::home_access::{self, Need};
use crate::desired::restrictions::{Attempt, Kept, Trial};
use crate::host::rehearsal::{AsSshd, Failure, Kind, Rehearsal};
use crate::report::error::AS_ROOT;
use crate::report::terminal::wrapped;
use crate::report::{Consequence, Findings, Outside};
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{HomeAccess, Profile};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::plan::{Check, VolumePaths};
use serde::{Serialize, Serializer};
use std::cell::OnceCell;
use std::io::{self, Write};

const CHECK: &str = "rehearsal";

/// Whose jail is built, and what it should show.
pub(super) struct Subject<'a> {
    /// The name as typed.
    pub(super) user: &'a str,
    pub(super) account: &'a Account,
    pub(super) profile: &'a Profile,
    /// Those of the plan.
    pub(super) volumes: &'a [VolumePaths],
}

/// Builds the jail in a private namespace, with the confinement of each running sshd, and enters it as the user.
pub(super) fn run(host: &Host<'_>, subject: &Subject<'_>, findings: &mut Findings) -> Option<Rehearsal> {
    let user = subject.user;
    if !geteuid().is_root() {
        findings.unknown(CHECK, "only root can build a jail", AS_ROOT);
        return None;
    }
    let own: OnceCell<io::Result<Result<Rehearsal, Failure>>> = OnceCell::new();
    let tried_here = || own.get_or_init(|| host.rehearsals.rehearse(user, &AsSshd::default()));
    // An sshd without restrictions does what this program does.
    let mut needs_own = host.confined.is_empty() || host.has_unconfined;
    if needs_own {
        tried_here();
    }
    let mut built = Vec::new();
    let mut seen = None;
    let mut kept = Vec::new();
    for confined in &host.confined {
        let trial = Trial { confined, rehearsals: &host.rehearsals, user, whom: "the user" };
        match trial.attempt(tried_here) {
            Attempt::Built(rehearsal) => {
                built.push(confined.sshd.name());
                seen.get_or_insert(rehearsal);
            }
            Attempt::Kept(problem) => kept.push((trial, problem)),
            // It has nothing to do with the confinement.
            Attempt::Failed => needs_own = true,
            Attempt::Untried { problem, fix } => findings.unknown(CHECK, problem, fix),
        }
    }
    let own = own.into_inner().filter(|_| needs_own);
    if let Some(failed @ (Err(_) | Ok(Err(_)))) = own {
        return report(host, failed, subject, &[], findings);
    }
    let rehearsal = seen.or(own.and_then(Result::ok).and_then(Result::ok));
    for (trial, problem) in &kept {
        let Kept { consequence, evidence, fix } = trial.blame(problem, rehearsal.is_some());
        findings.failed(CHECK, consequence, evidence, fix);
    }
    report(host, Ok(Ok(rehearsal?)), subject, &built, findings)
}

/// Reports a rehearsal. `sshds`: the names of those with whose confinement it was made.
fn report(
    host: &Host<'_>,
    rehearsed: io::Result<Result<Rehearsal, Failure>>,
    subject: &Subject<'_>,
    sshds: &[String],
    findings: &mut Findings,
) -> Option<Rehearsal> {
    match rehearsed {
        Ok(Ok(rehearsal)) => {
            let how = match sshds {
                [] => String::new(),
                names => format!(" with all that restricts {}", names.join(" and with that of ")),
            };
            let evidence = format!(
                "built{how} in {} µs; {} enters it at {}",
                rehearsal.microseconds,
                escaped(subject.user),
                rehearsal.home
            );
            findings.passed(CHECK, evidence);
            for target in &rehearsal.procfs {
                let evidence = format!(
                    "a procfs is mounted at {target} in the jail: a process of the user's outside of the jail leads out through \
                     it"
                );
                findings.warned(CHECK, evidence, "unmount it on the host");
            }
            if !host.is_trial {
                writing::listing(&rehearsal, subject, findings);
                writing::volumes(&rehearsal, subject, findings);
                writing::report(&rehearsal, subject, findings);
            }
            Some(rehearsal)
        }
        // Without any confinement, that is what `sessions` has found.
        Ok(Err(failure))
            if failure.is_of_registry && findings.any_wrong(|finding| finding.is_of(Check::Sessions)) =>
        {
            None
        }
        Ok(Err(failure)) => {
            let consequence = match failure.is_inside {
                true => Consequence::Hindered("cannot enter the home".to_owned()),
                false => Consequence::Refused("building the jail fails".to_owned()),
            };
            let account = subject.account;
            let need = match subject.profile.home {
                HomeAccess::ReadWrite => Need::Write,
                HomeAccess::ReadOnly | HomeAccess::None => Need::Enter,
            };
            let fix = match failure.is_inside {
                true => {
                    let owner = subject.profile.home_owner.as_deref();
                    home_access::fix(account, owner, &account.home, need, failure.fix)
                }
                false => failure.fix,
            };
            findings.failed(CHECK, consequence, failure.problem, fix);
            None
        }
        Err(error) => {
            findings.unknown(CHECK, error, "run this again");
            None
        }
    }
}

/// The column in which paths begin.
const TREE_INDENT: usize = 22;

/// Prints the tree of the jail, with what can be written in it. `is_jailed`: whether sessions get into it.
pub(super) fn print(rehearsal: &Rehearsal, is_jailed: bool, out: &mut impl Write) -> io::Result<()> {
    let what = match is_jailed {
        true => "What the user will see:",
        false => "What the user would see in a jail:",
    };
    writeln!(out, "  {what}")?;
    for entry in &rehearsal.tree {
        let is_meant = rehearsal.unwritable().any(|path| path == entry.path);
        let note = match (entry.kind, entry.writable) {
            (Kind::Home, true) => "  ← the home, writable",
            (Kind::Home, false) if is_meant => "  ← the home, which the user cannot write",
            (Kind::Home, false) => "  ← the home, read-only",
            (Kind::Volume, true) => "  ← a volume, writable",
            (Kind::Volume, false) if is_meant => "  ← a volume, which the user cannot write",
            (Kind::Volume, false) => "  ← a volume, read-only",
            (Kind::Syslog, _) => "  ← the host's, for internal-sftp's log",
            (_, true) => "  ← WRITABLE",
            (_, false) => "",
        };
        let shown = wrapped(&format!("{}{note}", Outside::of_escaped(&entry.path)), TREE_INDENT);
        writeln!(out, "    {} {:>5} {:>5}  {shown}", entry.mode, entry.uid, entry.gid)?;
    }
    Ok(())
}

/// The rehearsal in the JSON document.
#[derive(Serialize)]
struct Document<'r> {
    microseconds: u64,
    home: String,
    /// Hexadecimal, where `home` is not UTF-8 and so not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    home_bytes: Option<String>,
    procfs: Vec<String>,
    tree: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Entry<'r> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    kind: Kind,
    writable: bool,
    mode: &'r str,
    uid: u32,
    gid: u32,
}

/// Writes it with plain values; those of [`Rehearsal`] are escaped.
pub(super) fn serialize<S: Serializer>(rehearsal: &Option<Rehearsal>, out: S) -> Result<S::Ok, S::Error> {
    let document = rehearsal.as_ref().map(|rehearsal| {
        let home = Outside::of_escaped(&rehearsal.home);
        let entries = rehearsal.tree.iter().map(|entry| {
            let path = Outside::of_escaped(&entry.path);
            Entry {
                path: path.plain().into_owned(),
                path_bytes: path.bytes(),
                kind: entry.kind,
                writable: entry.writable,
                mode: &entry.mode,
                uid: entry.uid,
                gid: entry.gid,
            }
        });
        let plain = |path: &String| Outside::of_escaped(path).plain().into_owned();
        Document {
            microseconds: rehearsal.microseconds,
            home: home.plain().into_owned(),
            home_bytes: home.bytes(),
            procfs: rehearsal.procfs.iter().map(plain).collect(),
            tree: entries.collect(),
        }
    });
    document.serialize(out)
}
