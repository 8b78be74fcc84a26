//! Reports the sshd that runs: whether it has read the configuration as it is, and what it was started with.

use super::Sshd;
use crate::desired::restrictions::Untried;
use crate::host::sshd::running::{Changed, Reread, Running, Socket};
use crate::host::systemd::service;
use crate::host::zone::zone;
use crate::report::{Error, Findings, SshdCheck};
use jiff::Timestamp;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use std::path::Path;
use std::time::SystemTime;

pub(in crate::check) const CHECK: SshdCheck = SshdCheck::Running;

/// The units of which one starts the usual sshd. A socket comes first: its service does not run before a connection.
const AT_BOOT: [&str; 4] = ["ssh.socket", "sshd.socket", "ssh.service", "sshd.service"];

/// Without a pid file, a reload is not seen.
const RESTART: &str = "let sshd write a pid file (PidFile in its configuration), and restart it";

/// Reports every sshd that listens, and every socket that will start one. `is_for_all`: whether all members are
/// checked, so that it is known whether its files jail them.
pub(in crate::check) fn describe(sshd: &Sshd, is_for_all: bool, findings: &mut Findings) {
    for running in sshd.daemon.running() {
        describe_one(sshd, running, is_for_all, findings);
    }
    for socket in sshd.daemon.sockets() {
        by_socket(socket, findings);
    }
    if let Some(unseen) = sshd.daemon.unseen() {
        let evidence = format!("{}; what is said here of sshd may not hold for all that run", unseen.what);
        findings.unknown(CHECK, evidence, unseen.fix.clone());
    } else if sshd.daemon.running().next().is_none() && sshd.daemon.socket().is_none() {
        not_found(sshd, findings);
    }
}

/// Reports that no sshd was found with this configuration.
fn not_found(sshd: &Sshd, findings: &mut Findings) {
    if let Some(socket) = sshd.daemon.sockets_of_others().next() {
        let evidence = format!(
            "{} with {}: what is said here of sshd holds for none that it starts",
            socket.starts(),
            configuration(socket.file.as_deref())
        );
        return findings.unknown(CHECK, evidence, "use --sshd-config with that file");
    }
    let file = escaped(sshd.daemon.main_file());
    if sshd.daemon.others().next().is_some() {
        let evidence = format!(
            "no running sshd was found that has read {file}: what is said here of sshd holds for none"
        );
        return findings.unknown(CHECK, evidence, "use --sshd-config with the file of the one that is meant");
    }
    let evidence = format!(
        "no sshd runs that has read {file}, so nobody can log in unless inetd starts one at each connection; what one may do \
         here was not tried"
    );
    let unit = if sshd.daemon.file().is_none() { service::first_enabled(&AT_BOOT) } else { None };
    let start = unit.map(|unit| Command::new("systemctl start").arg(unit));
    let fix = start.map_or_else(
        || "if users are to log in now, start sshd".into(),
        |start| Fix::from(start).explained("if users are to log in now"),
    );
    findings.warned(CHECK, evidence, fix);
}

/// The configuration of another sshd, as part of a sentence.
pub(super) fn configuration(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!("a configuration of its own, {}", escaped(file)),
        None => "the usual configuration".to_owned(),
    }
}

/// Reports that systemd starts it, and what it will be started with.
fn by_socket(socket: &Socket, findings: &mut Findings) {
    if !socket.is_known {
        let evidence = format!(
            "{} at the next connection, but its options are unknown: the unit or a file of its EnvironmentFile= cannot be read",
            socket.starts()
        );
        let look = Command::new("systemctl cat").arg(Name(&socket.service));
        return findings.unknown(CHECK, evidence, Fix::from(look).explained("see what starts sshd"));
    }
    let options: Vec<_> = socket.options.iter().map(|option| option.to_string_lossy()).collect();
    let options = match options.is_empty() {
        true => String::new(),
        false => format!(", with {}, which counts here, too", escaped(&options.join(" "))),
    };
    let evidence =
        format!("{} at the next connection{options}; it reads the files as they are then", socket.starts());
    findings.passed(CHECK, evidence);
    untried(Untried::of_socket(socket), findings);
}

/// Reports what no rehearsal can try.
fn untried(found: Result<Option<Untried>, Error>, findings: &mut Findings) {
    match found {
        Ok(None) => {}
        Ok(Some(Untried { evidence, fix })) => findings.warned(CHECK, evidence, fix),
        Err(Error { what, fix, .. }) => findings.unknown(CHECK, what, fix),
    }
}

fn describe_one(sshd: &Sshd, running: &Running, is_for_all: bool, findings: &mut Findings) {
    let name = running.name();
    let reread = Reread::of(running).fix();
    // What it has read may jail members whom its files do not.
    let reread = match is_for_all {
        true => reread,
        false => reread.explained("see that `sftpjail check --all` finds nothing else about sshd, then"),
    };
    let options: Vec<_> = running.options().iter().map(|option| option.to_string_lossy()).collect();
    let options = match options.is_empty() {
        true => String::new(),
        false => format!(", and was started with {}, which counts here, too", escaped(&options.join(" "))),
    };
    if running.program().is_none() {
        findings.warned(
            CHECK,
            format!(
                "{name} was started by a path that others than root can change: {} is asked",
                sshd.daemon
            ),
            "start sshd by a path that only root can change",
        );
    }
    if !running.is_command_line_whole() {
        findings.warned(
            CHECK,
            format!("the kernel shows only the beginning of the command line of {name}"),
            "look for further options where sshd is started; those of -o win over the files",
        );
    }
    untried(Untried::of_running(running), findings);
    let Some(reading) = running.reading(sshd.pid_file.as_deref()) else {
        return findings.unknown(CHECK, format!("{name} has ended"), "check again");
    };
    let since = clock(reading.at);
    let Some(changed) = reading.changed_since(&sshd.config) else {
        return findings.passed(CHECK, format!("{name} has read the files as they are{options}"));
    };
    let (what, when) = match &changed {
        Changed::File(file, when) => (format!("{} was changed or renamed", escaped(file)), clock(*when)),
        Changed::Directory(directory, when) => {
            (format!("something in {} was added, renamed or removed", escaped(directory)), clock(*when))
        }
    };
    let (evidence, fix) = match reading.may_be_later {
        true => (
            format!(
                "{name} was started before {what}, at {when}; without a pid file it is not known whether it was reloaded since"
            ),
            RESTART.into(),
        ),
        false => (format!("{name} has read its configuration at {since}, before {what}, at {when}"), reread),
    };
    // An editor's temporary file changes a directory, too. But a file that is gone may have held anything.
    findings.unread_by_sshd(CHECK, format!("{evidence}: it may do something else than is said here"), fix);
}

/// A time of the host's clock, to the second.
fn clock(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
