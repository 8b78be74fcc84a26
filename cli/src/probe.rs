//! `sftpjail probe USER`: a login through the system's sshd, PAM stack and configuration, and what the
//! user can do then. Without the user's credentials, without the network.

mod attempt;
mod client;
mod connection;
mod expected;
mod files;
mod guard;
mod judge;
mod log;
mod parent;
mod refused;
mod report;
mod scratch;
mod steps;
mod user_manager;
mod writing;

use crate::desired::stray::Stray;
use crate::host::rehearsal;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::logins::Sshd;
use crate::report::{Finding, Status};
use connection::{Connection, Failed, Tools};
use expected::Expected;
use log::{Log, Traces};
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::registry::Registry;
use pam_sftpjail::session::{Membership, examine};
use parent::Parent;
use report::Report;
use scratch::Scratch;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use user_manager::Managers;

/// Has a child probe, and passes its report on. A reader who has seen enough does not change the status.
pub(crate) fn run(config: Option<&Path>, user: &str, json: bool, out: &mut impl Write) -> io::Result<Status> {
    let mut child = Command::new("/proc/self/exe");
    child
        .arg0("sftpjail")
        .args(config.into_iter().flat_map(|path| [OsStr::new("--config"), path.as_os_str()]));
    child.args(["probing", "--", user]).env_clear();
    // A group of its own: ctrl-C is for us, and the child sees that we are gone.
    let mut child = child.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut text = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut text)?;
    }
    let status = child.wait()?;
    let report: Report = serde_json::from_slice(&text)
        .map_err(|_| io::Error::other(format!("the probe ended without a result: {status}")))?;
    match report.write(json, out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(report.status()),
    }
}

/// The child. It takes down what it began also when its parent, to which it reports as JSON, is gone.
pub(crate) fn child(config: Option<&Path>, user: &str, out: &mut impl Write) -> io::Result<Status> {
    let report = probed(config, user);
    report.write(true, out)?;
    out.flush()?;
    Ok(Status::Ok)
}

fn probed(path: Option<&Path>, user: &str) -> Report {
    let mut report = Report::new(user);
    if !geteuid().is_root() {
        return report.unable(&"only root can log in as somebody else", "run this as root");
    }
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return report.unable(&error, "fix it; until then the module builds no jail"),
    };
    // A refusal is no reason not to see it happen.
    let (expected, refusal) = match examine(&config, user, &mut |_, _| {}) {
        Ok(Membership::NotJailed { why, name }) => {
            let account = match Account::lookup(&name, &config) {
                Ok(account) => account,
                Err(refusal) => return report.unable(&refusal, refusal.fix()),
            };
            let mut sshd = match Sshd::find() {
                Ok(sshd) => sshd,
                Err(no_answer) => return no_settings(report, no_answer),
            };
            return match Stray::find(&mut sshd, &config, &account) {
                Ok(None) => report.in_no_profile(&why),
                Ok(Some(Stray { evidence, fix })) => {
                    report.add(Finding::judged("sshd chroot", Err(evidence), fix));
                    report
                }
                Err(no_answer) => no_settings(report, no_answer),
            };
        }
        Ok(Membership::Member(member)) => match member.check_sessions(&mut |_, _| {}) {
            // It passes, and would say nothing of the set-up.
            Err(refusal) if refusal.retry_when().is_some() => {
                return report.unable(&refusal, refusal.fix());
            }
            sessions => (Some(Expected::of(&config, *member)), sessions.err()),
        },
        // Nobody is known who could log in.
        Err(
            refusal @ (Refusal::NoSuchUser { .. }
            | Refusal::Lookup { .. }
            | Refusal::LoginName { .. }
            | Refusal::Name { .. }),
        ) => return report.unable(&refusal, refusal.fix()),
        Err(refusal) => (None, Some(refusal)),
    };
    if let Err(error) = logged_in(&mut report, user, expected.as_ref(), refusal.as_ref()) {
        return report.unable(&error, "see to that, and probe again");
    }
    if report.login_ms.is_some() && report.module_us.is_none() {
        // Without a log line there is no measurement of this login, but one can be had.
        let rehearsed = rehearsal::run(path, user).ok().and_then(Result::ok);
        report.rehearsal_us = rehearsed.map(|seen| seen.microseconds);
    }
    report
}

fn no_settings(report: Report, no_answer: NoAnswer) -> Report {
    let error = no_answer.into_error();
    report.unable(&error.what, error.fix)
}

/// The probe itself. An error is one of the surroundings, or an interruption.
fn logged_in(
    report: &mut Report,
    user: &str,
    expected: Option<&Expected>,
    refusal: Option<&Refusal>,
) -> io::Result<()> {
    let parent = Parent::watch();
    let scratch = Scratch::open()?;
    let tools = Tools::prepare(&scratch, user)?;
    parent.check()?;
    let log = Log::from_now();
    let managers = Managers::now();
    let opened = Connection::open(&tools);
    parent.check()?;
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(Failed::Unable(error)) => return Err(error),
        Err(Failed::Refused(said)) => {
            let heard = tools.hear()?;
            parent.check()?;
            report.add(refused::finding(&said, &heard, refusal));
            return Ok(());
        }
    };
    let (Some(expected), None) = (expected, refusal) else {
        report.add(refused::not_refused(refusal));
        return Ok(());
    };
    report.login_ms = u64::try_from(connection.login.as_millis()).ok();
    report.add(Finding::judged("login", Ok("the user is let in".into()), String::new()));
    let record = record(expected, connection.server);
    report.add(Finding::judged("module", record, refused::module_fix()));
    report.add(managers.finding(expected));

    let names = try_steps(report, &connection, expected, &parent)?;
    let ended = if connection.end() { Ok("sshd has ended the session") } else { Err("sshd does not end") };
    let ended = ended.map(str::to_owned).map_err(str::to_owned);
    report.add(Finding::judged("logout", ended, "see what hangs in the PAM stack's session part"));
    let traces = Traces { server: connection.server, names: &names };
    let (entries, microseconds) = log.judge(&traces, expected);
    report.module_us = microseconds;
    report.add(Finding::judged("log", entries, report::log_fix(expected)));
    Ok(())
}

/// Goes through the table, and then to where the user may write; gives names that stand in the log then.
fn try_steps(
    report: &mut Report,
    connection: &Connection<'_>,
    expected: &Expected,
    parent: &Parent,
) -> io::Result<Vec<String>> {
    let first = attempt::make(connection, steps::FIRST)?;
    let served = first.said.succeeded;
    if !served {
        let why = format!("is not served: {}", first.said.shown());
        let fix = steps::unserved(expected, &connection.said());
        report.add(Finding::judged("sftp", Err(why), fix));
    }
    for step in steps::table(expected) {
        parent.check()?;
        if served || !step.attempt.needs_sftp() {
            let made = attempt::make(connection, step.attempt)?;
            let seen = judge::judge(&made, &step.outcome, expected.user.as_str());
            report.add(Finding::judged(step.name, seen, step.fix));
        }
    }
    if served && let Some(seen) = guard::tried(connection, expected)? {
        report.add(Finding::judged("guard", seen, "report this as a bug"));
    }
    let mut names = Vec::new();
    for place in expected.places.iter().filter(|_| served) {
        parent.check()?;
        let written = writing::try_in(connection, place)?;
        report.wrote(place, &written);
        names.push(written.name);
    }
    parent.check()?;
    Ok(names)
}

/// What the module noted of the session of this pid.
fn record(expected: &Expected, server: u32) -> Result<String, String> {
    let failed = |refusal: Refusal| refusal.to_string();
    let live = match Registry::existing().map_err(failed)? {
        Some(registry) => registry.live(&expected.user).map_err(failed)?,
        None => Vec::new(),
    };
    let record = live.into_iter().filter_map(|live| live.read().ok()?).find(|record| record.pid == server);
    record
        .map(|record| format!("built the jail: profile {}, namespace {}", expected.profile, record.namespace))
        .ok_or_else(|| "has no part in the session".to_owned())
}
