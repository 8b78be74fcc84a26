//! `sftpjail probe USER`: a login through the system's sshd, PAM stack and configuration, and what the
//! user can do then. Without the user's credentials, without the network.

mod attempt;
mod audience;
mod client;
mod connection;
mod expected;
mod guard;
mod judge;
mod logs;
mod managers;
mod refused;
mod report;
mod steps;
mod workshop;
mod wrapper;
mod writing;

use crate::Status;
use crate::check::sshd::Stray;
use crate::rehearse;
use audience::Audience;
use connection::{Connection, Failed, Tools};
use expected::Expected;
use logs::{Logs, Traces};
use managers::Managers;
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::registry::Registry;
use pam_sftpjail::session::{Membership, examine};
use report::{Finding, Report};
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use workshop::Workshop;

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
    let unable = |mut report: Report, why: &dyn std::fmt::Display, fix: &str| {
        report.add(Finding::unable(why, fix));
        report
    };
    if !geteuid().is_root() {
        return unable(report, &"only root can log in as somebody else", "run this as root");
    }
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return unable(report, &error, "fix it; until then the module builds no jail"),
    };
    // A refusal is no reason not to see it happen.
    let (expected, refusal) = match examine(&config, user, &mut |_, _| {}) {
        Ok(Membership::NotJailed { why, name }) => {
            let account = match Account::lookup(&name, &config) {
                Ok(account) => account,
                Err(refusal) => return unable(report, &refusal, &refusal.fix()),
            };
            return match Stray::of(&config, &account) {
                Ok(None) => report.not_jailed(&why),
                Ok(Some(Stray { evidence, fix })) => {
                    report.add(Finding::new("sshd chroot", Err(evidence), fix));
                    report
                }
                Err((evidence, fix)) => unable(report, &evidence, &fix),
            };
        }
        Ok(Membership::Member(member)) => match member.check_sessions(&mut |_, _| {}) {
            // It passes, and would say nothing of the set-up.
            Err(refusal) if refusal.retry_when().is_some() => {
                return unable(report, &refusal, &refusal.fix());
            }
            sessions => (Some(Expected::of(&config, *member)), sessions.err()),
        },
        // Nobody is known who could log in.
        Err(
            refusal @ (Refusal::NoSuchUser { .. }
            | Refusal::Lookup { .. }
            | Refusal::LoginName { .. }
            | Refusal::Name { .. }),
        ) => return unable(report, &refusal, &refusal.fix()),
        Err(refusal) => (None, Some(refusal)),
    };
    if let Err(error) = logged_in(&mut report, user, expected.as_ref(), refusal.as_ref()) {
        return unable(report, &error, "see to that, and probe again");
    }
    if report.login_ms.is_some() && report.module_us.is_none() {
        // Without a log line there is no measurement of this login, but one can be had.
        let rehearsed = rehearse::run(path, user).ok().and_then(Result::ok);
        report.rehearsal_us = rehearsed.map(|seen| seen.microseconds);
    }
    report
}

/// The probe itself. An error is one of the surroundings, or an interruption.
fn logged_in(
    report: &mut Report,
    user: &str,
    expected: Option<&Expected>,
    refusal: Option<&Refusal>,
) -> io::Result<()> {
    let audience = Audience::watch();
    let workshop = Workshop::open()?;
    let tools = Tools::prepare(&workshop, user)?;
    audience.check()?;
    let logs = Logs::now();
    let managers = Managers::now();
    let opened = Connection::open(&tools);
    audience.check()?;
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(Failed::Unable(error)) => return Err(error),
        Err(Failed::Refused(said)) => {
            let heard = tools.hear()?;
            audience.check()?;
            report.add(refused::finding(&said, &heard, refusal));
            return Ok(());
        }
    };
    let (Some(expected), None) = (expected, refusal) else {
        report.add(refused::not_refused(refusal));
        return Ok(());
    };
    report.login_ms = u64::try_from(connection.login.as_millis()).ok();
    report.add(Finding::new("login", Ok("the user is let in".into()), String::new()));
    let record = record(expected, connection.server);
    report.add(Finding::new("module", record, refused::module_fix()));
    report.add(managers.finding(expected));

    let names = try_steps(report, &connection, expected, &audience)?;
    let ended = if connection.end() { Ok("sshd has ended the session") } else { Err("sshd does not end") };
    let ended = ended.map(str::to_owned).map_err(str::to_owned);
    report.add(Finding::new("logout", ended, "see what hangs in the PAM stack's session part".into()));
    let traces = Traces { server: connection.server, names: &names };
    let (log, microseconds) = logs.judge(&traces, expected);
    report.module_us = microseconds;
    report.add(Finding::new("log", log, report::log_fix(expected)));
    Ok(())
}

/// Goes through the table, and then to where the user may write; gives names that stand in the log then.
fn try_steps(
    report: &mut Report,
    connection: &Connection<'_>,
    expected: &Expected,
    audience: &Audience,
) -> io::Result<Vec<String>> {
    let first = attempt::make(connection, steps::FIRST)?;
    let served = first.said.succeeded;
    if !served {
        let why = format!("is not served: {}", first.said.shown());
        let fix = steps::unserved(expected, &connection.said());
        report.add(Finding::new("sftp", Err(why), fix));
    }
    for step in steps::table(expected) {
        audience.check()?;
        if served || !step.attempt.needs_sftp() {
            let made = attempt::make(connection, step.attempt)?;
            let seen = judge::judge(&made, &step.outcome, expected.user.as_str());
            report.add(Finding::new(step.name, seen, step.fix));
        }
    }
    if served && let Some(seen) = guard::tried(connection, expected)? {
        report.add(Finding::new("guard", seen, "report this as a bug".into()));
    }
    let mut names = Vec::new();
    for place in expected.places.iter().filter(|_| served) {
        audience.check()?;
        let written = writing::try_in(connection, place)?;
        report.wrote(place, &written);
        names.push(written.name);
    }
    audience.check()?;
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
