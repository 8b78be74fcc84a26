//! `sftpjail check`: whether a user can log in, and into a jail only.
//!
//! It calls the checks that a login makes, compares what sshd, PAM and systemd say with the desired state, and fills a
//! report. It changes nothing: what the first login would make has a stand-in in the rehearsal.

mod account;
mod all;
mod authentication;
mod expiry;
mod groups;
mod home;
mod host_programs;
mod in_no_profile;
mod interrupted;
mod keys;
mod leftovers;
mod pam;
mod path_to_home;
mod precedence;
mod profile;
mod rehearsal;
mod room;
mod selinux;
mod sessions;
mod sshd;
mod system;
mod trusted;
mod user;
mod user_manager;

use crate::host::rehearsal::Rehearsal;
use crate::host::workers::{self, Work};
use crate::report::conclusion::{Kind, Standing};
use crate::report::json::{VERSION, document};
use crate::report::{Conclusion, Findings, Status};
use groups::Concern;
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::User;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use system::Host;
use user::Examined;

/// What to check, and how to report it.
pub(crate) struct Request<'a> {
    /// The path of the configuration, if it is not the usual one.
    pub(crate) config: Option<&'a Path>,
    /// The file of sshd's configuration, if it is not the usual one.
    pub(crate) sshd_config: Option<&'a Path>,
    /// A login name. `None`: every member, and users in no profile that sshd chroots into the jail root.
    pub(crate) user: Option<&'a str>,
    /// Whether setup asks, where a trial member exists and the running sshd has not read the files yet.
    pub(crate) is_trial: bool,
    /// Whether to write one JSON document instead of text.
    pub(crate) json: bool,
}

/// What was found out about one user.
#[derive(Serialize)]
struct Report {
    user: String,
    status: Status,
    conclusion: Conclusion,
    findings: Findings,
    #[serde(serialize_with = "rehearsal::serialize", skip_serializing_if = "Option::is_none")]
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
            let report = check_user(request, user);
            (report.status, if request.json { json(&report, out) } else { report.print(out) })
        }
        None => {
            let report = all::run(request);
            (report.status, if request.json { json(&report, out) } else { report.print(out) })
        }
    };
    status.after(written, out)
}

fn json(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    document(&Document { version: VERSION, report }, out)
}

/// The check of one user, in a child: a filesystem of the user's may not answer.
struct One<'h, 'c> {
    host: &'h mut Host<'c>,
    about_host: Findings,
}

impl Work for One<'_, '_> {
    type Result = Examined;

    fn check(&mut self, user: &str) -> Examined {
        user::examine(self.host, user, std::mem::take(&mut self.about_host))
    }

    fn give_up(&mut self, user: &str, why: &str) -> Examined {
        user::examine_without_files(self.host, user, std::mem::take(&mut self.about_host), why)
    }
}

/// Checks one user. `about_host`: the findings about the host, which are reported among those of a member.
fn examine(host: &mut Host<'_>, user: &str, about_host: Findings) -> Examined {
    let mut one = One { host, about_host };
    let mut examined = None;
    let ran = workers::run(&[user.to_owned()], &mut one, |_, result| examined = Some(result));
    // Without a child, nothing can be given up.
    examined.unwrap_or_else(|| {
        let why = ran.err().map_or_else(String::new, |error| format!("no child can be started: {error}"));
        one.give_up(user, &why)
    })
}

/// Checks one user, and what the host has set up for all users.
fn check_user(request: &Request<'_>, user: &str) -> Report {
    let path = request.config;
    let mut findings = Findings::default();
    let Some(config) = system::config(path, &mut findings) else {
        let examined = Examined { findings, rehearsal: None, standing: Standing::Undecided };
        return Report::new(user, examined, &Findings::default());
    };
    let mut about_host = Findings::default();
    let mut host = Host::examine(&config, request, &mut about_host);
    // The jail has the name as NSS spells it.
    let name = match User::by_name(user) {
        Ok(Some(known)) => known.name,
        // The checks of the login report an unknown user.
        Ok(None) | Err(_) => user.to_owned(),
    };
    sessions::unseen(&config, &host.confined, &mut about_host);
    leftovers::examine(&config, path, UserName::parse(&name).ok().as_ref(), &mut about_host);
    groups::examine(&config, Concern::Nothing, &mut about_host);
    profile::examine_all(&config, path, &mut about_host);
    let examined = examine(&mut host, user, about_host);
    findings.append(examined.findings);
    precedence::apply(&mut [&mut findings]);
    Report::new(user, Examined { findings, ..examined }, &Findings::default())
}

impl Report {
    /// Concludes from what was found out about the user, and from findings about the host that are not among it.
    fn new(user: &str, examined: Examined, about_host: &Findings) -> Self {
        let Examined { findings, rehearsal, standing } = examined;
        let conclusion = Conclusion::of(user, standing, &findings, about_host);
        Self { user: user.to_owned(), status: conclusion.status, conclusion, findings, rehearsal }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.findings.print(out)?;
        if let Some(rehearsal) = &self.rehearsal {
            rehearsal::print(rehearsal, self.conclusion.kind != Kind::NotJailed, out)?;
        }
        self.conclusion.print(out)
    }
}
