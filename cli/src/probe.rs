//! `sftpjail probe USER`: logs in as the user through the system's own sshd, PAM stack and configuration, and tries
//! what users do and what they may not do.
//!
//! It needs neither the user's credentials nor the network. It leaves nothing behind, however it ends.

mod attempt;
mod batch;
mod cause;
mod client;
mod complaint;
mod connection;
mod expected;
mod guard;
mod host_directory;
mod judge;
mod limit_watch;
mod log;
mod login_settings;
mod module;
mod motd;
mod mounts;
mod parent;
mod process;
mod refusal;
mod repetition;
mod report;
mod restricted;
mod scratch_directory;
mod server;
mod session;
mod sshd_fix;
mod steps;
mod templates;
mod unwritable;
mod user_manager;
mod writing;

use crate::desired::membership;
use crate::desired::stray::Stray;
use crate::host::accounts::suggested;
use crate::host::configuration;
use crate::host::rehearsal;
use crate::host::room::{Writer, shortage};
use crate::host::sshd::daemon::{Daemon, NoAnswer};
use crate::host::sshd::logins::Sshd;
use crate::host::unanswered;
use crate::report::{Consequence, Finding, SshdCheck, Status};
use cause::Facts;
use connection::{ConnectError, Connection, LOGIN, Tools};
use expected::Expected;
use log::{Log, LoggedSession};
use login_settings::LoginSettings;
use motd::Motd;
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};
use pam_sftpjail::grants::Circumstances;
use pam_sftpjail::session::{Membership, examine};
use parent::Parent;
use repetition::repeat;
use report::Report;
use restricted::Restricted;
use scratch_directory::ScratchDirectory;
use server::Domains;
use sshd_fix::SshdFixes;
use std::cell::OnceCell;
use std::io::{self, Write};
use std::path::Path;
use user_manager::UserManagers;

/// Where the probe and the registry have their files.
const RUN: &str = "/run";

/// Which user to probe, and where.
pub(crate) struct Request<'a> {
    /// The path of the configuration, if it is not the usual one.
    pub(crate) config: Option<&'a Path>,
    /// The file of sshd's configuration, if it is not the usual one.
    pub(crate) sshd_config: Option<&'a Path>,
    /// The login name, as typed.
    pub(crate) user: &'a str,
}

/// Starts a child that probes, and writes its report. A reader that has closed the pipe does not change the exit
/// status.
pub(crate) fn run(request: &Request<'_>, json: bool, out: &mut impl Write) -> io::Result<Status> {
    let report = process::report(request)?;
    report.status().after(report.write(json, out), out)
}

/// The child: probes, and reports to its parent as JSON. It cleans up, also when the parent has ended.
pub(crate) fn child(request: &Request<'_>, out: &mut impl Write) -> io::Result<Status> {
    let report = probe(request);
    report.write(true, out)?;
    out.flush()?;
    Ok(Status::Ok)
}

fn probe(request: &Request<'_>) -> Report {
    let &Request { config: path, sshd_config, user } = request;
    let mut report = Report::new(user);
    if !geteuid().is_root() {
        return report.unable(&"only root can log in as somebody else", "run this as root");
    }
    let config = match configuration::load(path) {
        Ok(config) => config,
        Err(unusable) => {
            let all = unusable.all().into_iter();
            return all.fold(report, |report, error| report.unable(&error.what, error.fix));
        }
    };
    if let Err(error) = unanswered::look(path, user) {
        return report.unable(&error, unanswered::FIX);
    }
    // A login that will be refused is tried all the same, to see that it is.
    let (expected, refusal) = match examine(&config, user, &Circumstances::of_bare_login(), &mut |_, _| {}) {
        Ok(Membership::NotJailed { why, name }) => {
            let account = match Account::lookup(&name, &config) {
                Ok(account) => account,
                Err(refusal) => return report.unable(&refusal, refusal.fix()),
            };
            let mut sshd = match Sshd::find(sshd_config) {
                Ok(sshd) => sshd,
                Err(no_answer) => return no_settings(report, no_answer),
            };
            return match Stray::find(&mut sshd, &config, &account) {
                Ok(None) => report.in_no_profile(&why, membership::into_a_profile(why, &name, &config)),
                Ok(Some(Stray { evidence, fix })) => {
                    let consequence =
                        Consequence::KeptOut("sshd chroots the user to where no jail is built".into());
                    report.add(Finding::judged(SshdCheck::Chroot, Err(evidence), consequence, fix));
                    report
                }
                Err(no_answer) => no_settings(report, no_answer),
            };
        }
        Ok(Membership::Member(member)) => match member.check_sessions(&mut |_, _| {}) {
            // It passes by itself, and says nothing about the setup.
            Err(refusal) if refusal.retry_when().is_some() => {
                return report.unable(&refusal, refusal.fix());
            }
            sessions => (Some(Expected::of(*member)), sessions.err()),
        },
        Err(ref refusal @ Refusal::NoSuchUser { ref name }) => {
            let fix = match suggested(name) {
                Some(meant) => format!("did you mean {}?", escaped(&meant)).into(),
                None => refusal.fix(),
            };
            return report.unable(refusal, fix);
        }
        // There is no account to log in to.
        Err(refusal @ (Refusal::Lookup { .. } | Refusal::LoginName { .. } | Refusal::Name { .. })) => {
            return report.unable(&refusal, refusal.fix());
        }
        Err(ref refusal) if refusal.is_without_grant() && depends_on_login(&config, user) => {
            let why = format!("the probe has neither the user's key nor an address: {refusal}");
            return report.unable(&why, Command::new("sftpjail check").arg(Name(user)));
        }
        Err(refusal) => (None, Some(refusal)),
    };
    if let Err(error) = log_in(&mut report, request, &config, expected, refusal) {
        return match shortage(Path::new(RUN), Writer::Root) {
            None => report.unable(&error, "fix that, and probe again"),
            Some(shortage) => {
                let why = format!(
                    "{RUN} has {shortage} left, so the probe cannot write its files ({error}), and no session can be \
                     recorded: members with max_sessions or with jails in the host's namespace are refused"
                );
                report.unable(&why, format!("make room in {RUN}: see {} {RUN}", shortage.df()))
            }
        };
    }
    if report.login_ms.is_some() && report.module_us.is_none() {
        // Without a log entry there is no measurement of this login. A rehearsal gives one.
        let rehearsed = rehearsal::run(path, user).ok().and_then(Result::ok);
        report.rehearsal_us = rehearsed.map(|rehearsal| rehearsal.microseconds);
    }
    report
}

/// Whether there are grants that another login than that of the probe may use.
fn depends_on_login(config: &Config, user: &str) -> bool {
    let asked = examine(config, user, &Circumstances::of_no_login(), &mut |_, _| {});
    matches!(asked, Ok(Membership::Member(_)))
}

fn no_settings(report: Report, no_answer: NoAnswer) -> Report {
    let error = no_answer.into_error();
    report.unable(&error.what, error.fix)
}

/// Logs in and tries everything. The error is that this system cannot start the login, or an interruption.
fn log_in(
    report: &mut Report,
    request: &Request<'_>,
    config: &Config,
    mut expected: Option<Expected>,
    mut refusal: Option<Refusal>,
) -> io::Result<()> {
    let daemon = Daemon::find(request.sshd_config).map_err(|error| io::Error::other(error.to_string()))?;
    // Before there are threads, since it forks.
    let restricted = Restricted::rehearse(&daemon, request);
    let parent = Parent::watch();
    let scratch = ScratchDirectory::open()?;
    let _motd = Motd::keep(&scratch);
    let tools = Tools::prepare(&scratch, request, daemon)?;
    parent.check()?;
    server::examine(report, &tools, restricted, request.user);
    let log = Log::from_now();
    let managers = UserManagers::now();
    let account = Account::lookup(request.user, config).ok();
    let settings = account.as_ref().map(|account| LoginSettings::ask(&tools, request.user, account));
    let settings = settings.unwrap_or_default();
    let service = &settings.service(&tools);
    let opened = Connection::open(&tools);
    parent.check()?;
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(ConnectError::Unable(error)) => return Err(error),
        Err(ConnectError::Unanswered) => {
            let evidence =
                format!("sshd has neither let the user in nor refused the login for {} s", LOGIN.as_secs());
            let fix =
                "read the last log entries of sshd and of PAM's modules: the login waits for one of them";
            report.unknown("login", evidence, fix);
            return Ok(());
        }
        Err(ConnectError::Refused { message, descriptors }) => {
            let repetition = OnceCell::from(repeat(&tools)?);
            parent.check()?;
            let account = account.as_ref();
            let fixes = expected.as_ref().map(|e| SshdFixes::new(request, config, e, &settings));
            let facts =
                Facts { account, fixes: fixes.as_ref(), tools: &tools, repetition, descriptors, service };
            let finding = refusal::finding(&message, &facts, refusal.as_ref());
            match Domains::of_system(&tools).filter(|_| refusal.is_none()) {
                Some(domains) => report.unknown(
                    "login",
                    domains.doubt(finding.evidence()),
                    "log in as the user from another machine: its sshd is the running one",
                ),
                None => report.add(finding),
            }
            return Ok(());
        }
    };
    if refusal.as_ref().is_some_and(Refusal::is_missing_home) {
        // The login may have made the home: pam_mkhomedir(8).
        unanswered::look(request.config, request.user)?;
        (expected, refusal) =
            match examine(config, request.user, &Circumstances::of_bare_login(), &mut |_, _| {}) {
                Ok(Membership::Member(member)) => (Some(Expected::of(*member)), None),
                _ => (None, refusal),
            };
        if let Some(expected) = &expected {
            let made = format!("the login has made {}", escaped(&expected.account.home));
            report.add(Finding::judged("home", Ok(made), Consequence::None, ""));
        }
    }
    let (Some(mut expected), None) = (expected, &refusal) else {
        report.add(refusal::not_refused(refusal.as_ref()));
        return Ok(());
    };
    expected.with(&settings);
    let expected = &expected;
    let fixes = &SshdFixes::new(request, config, expected, &settings);
    report.login_ms = u64::try_from(connection.login.as_millis()).ok();
    let login = Ok("the user can log in".into());
    report.add(Finding::judged("login", login, Consequence::None, String::new()));
    module::examine(report, config, expected, connection.server, fixes);
    report.add(managers.finding(expected));

    let facts = Facts {
        account: account.as_ref(),
        fixes: Some(fixes),
        tools: &tools,
        repetition: OnceCell::new(),
        descriptors: connection.descriptors,
        service,
    };
    let names = session::try_steps(report, &connection, expected, &facts, fixes, &parent)?;
    let ended = if connection.end() {
        Ok("sshd has ended the session")
    } else {
        Err("sshd does not end the session")
    };
    let ended = ended.map(str::to_owned).map_err(str::to_owned);
    let fix = "find the session line of PAM that does not return";
    report.add(Finding::judged("logout", ended, Consequence::None, fix));
    let Some(names) = names else { return Ok(()) };
    let session = LoggedSession { server: connection.server, names: &names };
    let (judgement, microseconds) = log.judge(&session, expected);
    report.module_us = microseconds;
    report.add(Finding::judged("log", judgement, Consequence::None, report::log_fix(fixes)));
    Ok(())
}
