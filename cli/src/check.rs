//! `sftpjail check`: whether a login would work, and end in a jail.

mod account;
mod all;
mod groups;
mod home;
mod keys;
mod leftovers;
mod outside;
mod pam;
mod path_to_home;
mod rehearsal;
mod sshd;
mod system;
mod user;
mod user_manager;

use crate::host::rehearsal::Rehearsal;
use crate::report::Findings;
use crate::report::Status;
use crate::report::json::{VERSION, document};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::User;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use system::Host;

/// Who is looked at, and how it is told.
pub(crate) struct Request<'a> {
    /// Where the configuration is, if not at its usual place.
    pub(crate) config: Option<&'a Path>,
    /// `None`: every member, and whoever is sent into the jail root without being one.
    pub(crate) user: Option<&'a str>,
    pub(crate) json: bool,
}

/// What was found out about one user.
#[derive(Serialize)]
struct Report {
    user: String,
    status: Status,
    findings: Findings,
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal: Option<Rehearsal>,
}

/// A document of `--json`.
#[derive(Serialize)]
struct Document<'r, T> {
    version: u32,
    #[serde(flatten)]
    report: &'r T,
}

/// Checks, and writes the report to `out`.
pub(crate) fn run(request: &Request<'_>, out: &mut impl Write) -> io::Result<Status> {
    let (status, written) = match request.user {
        Some(user) => {
            let report = one(request.config, user);
            (report.status, if request.json { json(&report, out) } else { report.print(out) })
        }
        None => {
            let report = all::run(request.config);
            (report.status, if request.json { json(&report, out) } else { report.print(out) })
        }
    };
    status.after(written, out)
}

fn json(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    document(&Document { version: VERSION, report }, out)
}

/// Looks at one user and at all of the host that matters for them.
fn one(path: Option<&Path>, user: &str) -> Report {
    let mut findings = Findings::default();
    let Some(config) = system::config(path, &mut findings) else {
        return Report { user: user.to_owned(), status: findings.status(), findings, rehearsal: None };
    };
    let mut around = Findings::default();
    let mut host = Host::examine(&config, path, &mut around);
    // The jail has the name that NSS gives.
    let name = match User::by_name(user) {
        Ok(Some(known)) => known.name,
        // Of whom nothing is known, the login's own checks tell.
        Ok(None) | Err(_) => user.to_owned(),
    };
    leftovers::examine(&config, UserName::parse(&name).ok().as_ref(), &mut around);
    let own = user::examine(&mut host, user, around);
    findings.append(own.findings);
    let status = match own.not_jailed && findings.status() == Status::Ok {
        true => Status::InNoProfile,
        false => findings.status(),
    };
    Report { user: user.to_owned(), status, findings, rehearsal: own.rehearsal }
}

impl Report {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.findings.print(out)?;
        if let Some(rehearsal) = &self.rehearsal {
            rehearsal::print(rehearsal, out)?;
        }
        let user = escaped(&self.user);
        match self.status {
            Status::Ok => {
                writeln!(
                    out,
                    "A jail can be built for {user}. sshd and PAM send {user} there and nowhere else."
                )
            }
            Status::Problems => {
                writeln!(out, "What is marked ✗ keeps {user} out, or out of the jail, until it is fixed.")
            }
            Status::Unchecked => writeln!(out, "{user} could not be checked: see what is marked !."),
            Status::InNoProfile => writeln!(out, "{user} is not jailed by this policy."),
        }
    }
}
