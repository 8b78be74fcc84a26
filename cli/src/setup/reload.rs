//! Reloads the daemons whose files have changed, through systemd or OpenRC where they run, or with a signal.

use super::sshd::Sshd;
use crate::host::programs;
use crate::host::sshd::files::SshdConfig;
use crate::host::sshd::running::{self, NOTES, Running, note};
use crate::host::systemd::is_booted;
use crate::report::Error;
use crate::report::error::errno;
use pam_sftpjail::rsyslog;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long to wait after a reload: an sshd that cannot start again has ended by then.
const RESTART_TIME: Duration = Duration::from_millis(300);

/// How long sshd may take to listen again.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes every sshd that listens with these files read them again; sessions go on. Gives the sentences that say how.
pub(super) fn sshd(sshd: &Sshd) -> Result<String, Error> {
    let before = SystemTime::now();
    let said = reload(sshd)?;
    let notes: String = listening(sshd).iter().map(|own| note(&own.process, before)).collect();
    // Without the notes, the next setup reloads an sshd without a pid file once more.
    let _ = fs::write(NOTES, notes);
    Ok(said)
}

/// Reloads them, without a note.
fn reload(sshd: &Sshd) -> Result<String, Error> {
    let fix = "see why: journalctl -u ssh -u sshd, or the system's log";
    let (said, reloaded) = first(sshd, fix)?;
    let Some(reloaded) = reloaded else { return Ok(said) };
    let all = listening(sshd);
    let has_unit =
        |other: &Running| matches!(&reloaded, Reloaded::Unit(unit) if other.unit.as_deref() == Some(unit));
    let named = named_by(pid_file(sshd)).map(|named| named.pid);
    // Where no cgroup tells the unit, the pid file does.
    let left: Vec<_> = match all.iter().any(has_unit) {
        true => all.into_iter().filter(|other| !has_unit(other)).collect(),
        false => all.into_iter().filter(|other| named != Some(other.pid)).collect(),
    };
    match left.is_empty() {
        true => Ok(said),
        false => Ok(format!("{said} {}", signalled(sshd, &left, fix)?)),
    }
}

/// Which one was reloaded.
enum Reloaded {
    Unit(&'static str),
    /// That which the pid file names.
    Named,
}

/// Reloads the one that the init system or the pid file names. `None`: no other one is left.
fn first(sshd: &Sshd, fix: &str) -> Result<(String, Option<Reloaded>), Error> {
    // The usual units are not those of a second sshd.
    let is_usual = sshd.daemon.file().is_none();
    if let Some(systemctl) = systemctl().filter(|_| is_usual) {
        for unit in ["ssh.service", "sshd.service"] {
            if programs::run(&systemctl, ["--quiet", "is-active", unit])?.success {
                programs::must(&systemctl, ["reload", unit], fix)?;
                // sshd executes itself again, and may fail to.
                thread::sleep(RESTART_TIME);
                programs::must(&systemctl, ["is-active", unit], fix)?;
                let said = format!("sshd has been reloaded (systemctl reload {unit}).");
                return Ok((said, Some(Reloaded::Unit(unit))));
            }
        }
        for unit in ["ssh.socket", "sshd.socket"] {
            if programs::run(&systemctl, ["--quiet", "is-active", unit])?.success {
                let said =
                    format!("{unit} starts sshd at the next connection, so nothing had to be reloaded.");
                return Ok((said, Some(Reloaded::Unit(unit))));
            }
        }
    }
    if let Some(rc_service) =
        programs::find("rc-service").filter(|_| is_usual && Path::new("/run/openrc").is_dir())
        && programs::run(&rc_service, ["sshd", "status"])?.success
    {
        programs::must(&rc_service, ["sshd", "reload"], fix)?;
        return Ok(("sshd has been reloaded (rc-service sshd reload).".to_owned(), Some(Reloaded::Named)));
    }
    let file = pid_file(sshd);
    let Some(listener) = named_by(file) else { return Ok((unnamed(sshd, fix)?, None)) };
    let old = fs::metadata(file).and_then(|stat| stat.modified()).ok();
    hang_up(&listener, fix)?;
    let pid = listener.pid;
    // sshd removes the file, executes itself again with the same pid, and writes the file once it listens.
    let start = Instant::now();
    while start.elapsed() < LISTEN_TIMEOUT {
        let new = fs::metadata(file).and_then(|stat| stat.modified()).ok();
        if new.is_some() && new != old && named_by(file).is_some() {
            let said = format!("sshd has been reloaded (SIGHUP to pid {pid}, from {file}).");
            return Ok((said, Some(Reloaded::Named)));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Error::new(format!("sshd (pid {pid}) no longer listens after SIGHUP"), "start it"))
}

/// Reloads the sshds that listen with this configuration though no pid file names them.
fn unnamed(sshd: &Sshd, fix: &str) -> Result<String, Error> {
    let found = listening(sshd);
    match found.is_empty() {
        true => Ok("sshd does not run. The changes take effect when it is started.".to_owned()),
        false => signalled(sshd, &found, fix),
    }
}

/// The sshds that listen with this configuration.
fn listening(sshd: &Sshd) -> Vec<Running> {
    let usual = SshdConfig::main_file();
    let all = running::all().into_iter();
    all.filter(|other| other.file().filter(|file| Some(*file) != usual) == sshd.daemon.file()).collect()
}

/// Sends SIGHUP to these, and waits until they listen again.
fn signalled(sshd: &Sshd, found: &[Running], fix: &str) -> Result<String, Error> {
    found.iter().try_for_each(|own| hang_up(own, fix))?;
    let pids: Vec<_> = found.iter().map(|own| own.pid.to_string()).collect();
    let pids = pids.join(", ");
    let start = Instant::now();
    // It executes itself again with the same pid, and listens.
    thread::sleep(RESTART_TIME);
    while start.elapsed() < LISTEN_TIMEOUT {
        let left = listening(sshd);
        if found.iter().all(|own| left.iter().any(|other| other.process == own.process)) {
            return Ok(format!("sshd has been reloaded (SIGHUP to pid {pids})."));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Error::new(format!("sshd (pid {pids}) no longer listens after SIGHUP"), "start it"))
}

fn pid_file(sshd: &Sshd) -> &str {
    sshd.global.get("PidFile").unwrap_or("/run/sshd.pid")
}

/// The sshd that listens and whose pid is in the file. An old file may have the pid of any process.
fn named_by(file: &str) -> Option<Running> {
    let pid: i32 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    running::all().into_iter().find(|sshd| sshd.pid == pid)
}

/// Sends SIGHUP to this sshd, and to no process that has got its pid.
fn hang_up(sshd: &Running, fix: &str) -> Result<(), Error> {
    let signalled = || {
        let process = pidfd_open(Pid::from_raw(sshd.pid).ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
        if !sshd.process.exists() {
            return Err(Errno::SRCH);
        }
        pidfd_send_signal(process, Signal::HUP)
    };
    signalled().map_err(|error| {
        let why = errno(&error.into());
        Error::new(format!("sshd (pid {}) cannot be reloaded: {why}", sshd.pid), fix)
    })
}

/// Makes systemd read its units again, if it runs.
pub(super) fn units() -> Result<(), Error> {
    match systemctl() {
        Some(systemctl) => programs::must(
            &systemctl,
            ["daemon-reload"],
            "see what `systemctl status` says, and let systemd answer",
        )
        .map(drop),
        None => Ok(()),
    }
}

/// Restarts rsyslog. Gives the sentence that says how, or that asks the admin to do it.
pub(super) fn rsyslog() -> String {
    let restart =
        |program: &Path, args: &[&str]| programs::run(program, args).is_ok_and(|output| output.success);
    if systemctl().is_some_and(|systemctl| restart(&systemctl, &["try-restart", "rsyslog"])) {
        return "rsyslog has been restarted (systemctl try-restart rsyslog).".to_owned();
    }
    let rc_service = programs::find("rc-service").filter(|_| Path::new("/run/openrc").is_dir());
    if rc_service.is_some_and(|rc_service| restart(&rc_service, &["--ifstarted", "rsyslog", "restart"])) {
        return "rsyslog has been restarted (rc-service --ifstarted rsyslog restart).".to_owned();
    }
    format!("{}.", rsyslog::restart().explained("Restart rsyslog, so that it reads its files again"))
}

/// The path of systemctl, if systemd is PID 1.
pub(super) fn systemctl() -> Option<std::path::PathBuf> {
    programs::find("systemctl").filter(|_| is_booted())
}
