//! `sftpjail check --all`: checks every member of every profile, and finds users in no profile that sshd chroots into
//! the jail root.

use super::groups::{self, Concern};
use super::system::{self, Host};
use super::user::{self, Examined};
use super::{Report, Request, in_no_profile, leftovers, precedence, profile, sessions};
use crate::desired::membership;
use crate::host::candidates::Candidates;
use crate::host::workers::{self, Work};
use crate::host::{accounts, shadow};
use crate::report::conclusion::{Kind, Standing};
use crate::report::terminal::{Alarm, wrapped};
use crate::report::text::{counted, listed_first};
use crate::report::{Finding, Findings, Status};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::policy::{Decision, decide};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How long the checks take before a progress bar is shown.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);

/// The findings about everybody.
#[derive(Serialize)]
pub(super) struct Everybody {
    pub(super) status: Status,
    /// Findings about the host, which hold for all users.
    findings: Findings,
    /// Members, and users in no profile that sshd chroots into the jail root; by name.
    users: Vec<Report>,
}

/// Checks everybody.
pub(super) fn run(request: &Request<'_>) -> Everybody {
    let mut findings = Findings::default();
    let mut users = Vec::new();
    if let Some(config) = system::config(request.config, &mut findings) {
        let mut host = Host::examine(&config, request, &mut findings);
        sessions::unseen(&config, &host.confined, &mut findings);
        leftovers::examine(&config, request.config, None, &mut findings);
        groups::examine(&config, Concern::NotJailed, &mut findings);
        profile::examine_all(&config, request.config, &mut findings);
        // From here on, thousands of users are looked up.
        accounts::remember();
        shadow::remember();
        let candidates: Vec<_> = candidates(&host, &config, &mut findings).into_iter().collect();
        users = everybody(&mut host, &candidates, &mut findings);
        let of_users = users.iter_mut().map(|report| &mut report.findings);
        let mut all: Vec<_> = of_users.chain([&mut findings]).collect();
        precedence::apply(&mut all);
    }
    let statuses = users.iter().map(|report| report.status).chain([findings.status()]);
    let has = |status| statuses.clone().any(|other| other == status);
    // A known problem counts more than an unknown outcome.
    let status = match (has(Status::Problems), has(Status::Unchecked)) {
        (true, _) => Status::Problems,
        (false, true) => Status::Unchecked,
        (false, false) => Status::Ok,
    };
    Everybody { status, findings, users }
}

/// Who may be a member, and a finding about each name that a group lists for nothing.
fn candidates(host: &Host<'_>, config: &Config, findings: &mut Findings) -> BTreeSet<String> {
    // groups::examine reports a group that does not exist.
    let Candidates { names, strangers } = Candidates::find(&host.accounts, config);
    for (group, member) in &strangers {
        let evidence = format!("the group {} lists {}, who does not exist", escaped(group), escaped(member));
        findings.warned("profile", evidence, membership::removed(member, group));
    }
    names
}

/// The checks of all, in children.
struct All<'h, 'c>(&'h mut Host<'c>);

impl Work for All<'_, '_> {
    /// `None` for a user in no profile that sshd does not chroot into the jail root.
    type Result = Option<Examined>;

    fn check(&mut self, name: &str) -> Self::Result {
        let Self(host) = self;
        let is_in_no_profile = Account::lookup(name, host.config)
            .is_ok_and(|account| matches!(decide(host.config, &account), Decision::NotJailed(_)));
        if !is_in_no_profile {
            return Some(user::examine(host, name, Findings::default()));
        }
        let mut findings = Findings::default();
        in_no_profile::examine(host, name, &mut findings);
        let examined = Examined { findings, rehearsal: None, standing: Standing::InNoProfile };
        (examined.findings.status() != Status::Ok).then_some(examined)
    }

    fn give_up(&mut self, name: &str, why: &str) -> Self::Result {
        Some(user::examine_without_files(self.0, name, Findings::default(), why))
    }
}

/// Checks these users; those with nothing to report are left out.
fn everybody(host: &mut Host<'_>, names: &[String], findings: &mut Findings) -> Vec<Report> {
    let mut progress = Progress::new(names.len());
    if let Some(sshd) = &mut host.sshd {
        // The children report what it does not answer.
        let _ = sshd.ask_for_all(names);
    }
    let mut examined = BTreeMap::new();
    let done = |at: usize, result: Option<Examined>| {
        let Some(name) = names.get(at) else { return };
        progress.step(name);
        if let Some(result) = result {
            examined.insert(at, (name, result));
        }
    };
    host.rehearsals.leave_live_jails(host.config, &mut host.confined);
    if let Err(error) = workers::run(names, &mut All(host), done) {
        let evidence = format!("not all users could be checked: no child can be started: {error}");
        findings.unknown("processes", evidence, "raise the limits on processes and memory");
    }
    progress.end();
    examined.into_values().map(|(name, result)| Report::new(name, result, findings)).collect()
}

/// A progress bar on stderr, if that is a terminal and the checks take long.
struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Progress {
    fn new(length: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { bar, begun: Instant::now() }
    }

    fn step(&mut self, name: &str) {
        if self.bar.is_hidden() && self.begun.elapsed() > PROGRESS_AFTER {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(escaped(name).to_string());
        self.bar.inc(1);
    }

    fn end(self) {
        self.bar.finish_and_clear();
    }
}

impl Everybody {
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.findings.print(out)?;
        let users = self.users.iter().map(|report| (report.user.as_str(), &report.findings));
        Findings::print_together(users, out)?;
        let of = |kind| self.users.iter().filter(move |report| report.conclusion.kind == kind);
        // What is meant first, and what nobody may miss last: the words for one user, and for more.
        let counts = [
            (Kind::Jailed, "is jailed and can log in", "are jailed and can log in"),
            (
                Kind::Hindered,
                "is jailed and can log in, but not work",
                "are jailed and can log in, but not work",
            ),
            (Kind::Closed, "is kept out on purpose", "are kept out on purpose"),
            (Kind::CannotLogIn, "cannot log in", "cannot log in"),
            (Kind::Unknown, "cannot be judged", "cannot be judged"),
            (Kind::NotJailed, "IS NOT JAILED", "ARE NOT JAILED"),
        ];
        let counts = counts.map(|(kind, one, more)| match of(kind).count() {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {more}")),
        });
        let counts: Vec<_> = counts.into_iter().flatten().collect();
        let not_jailed: Vec<_> = of(Kind::NotJailed).map(|report| &report.user).collect();
        let is_of_host = |report: &Report| report.findings.any_wrong(Finding::is_fault_of_host);
        let host = match self.findings.status() {
            // What was found for users may be wrong with the host.
            Status::Ok if self.users.iter().any(is_of_host) => "has problems",
            Status::Problems => "has problems",
            Status::Unchecked => "could not be checked",
            Status::Ok | Status::CannotLogIn | Status::InNoProfile => "is ok",
        };
        let users = counted(self.users.len(), "user");
        let users = if counts.is_empty() { users } else { format!("{users}: {}", counts.join(", ")) };
        match not_jailed.is_empty() {
            true => writeln!(out, "{}", wrapped(&format!("{users}. The host {host}."), 0)),
            false => {
                let names = listed_first(not_jailed.iter());
                let all = wrapped(&format!("{users} ({names}). The host {host}."), 0);
                writeln!(out, "{}", Alarm(&all))
            }
        }
    }
}
