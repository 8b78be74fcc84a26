//! Reloads the daemons whose files have changed, through systemd or OpenRC where they run, or with a signal.

use super::sshd::Sshd;
use crate::host::programs;
use crate::host::sshd::files::SshdConfig;
use crate::host::sshd::running::{self, Running};
use crate::host::systemd::is_booted;
use crate::report::Error;
use crate::report::error::errno;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait after a reload: an sshd that cannot start again has ended by then.
const RESTART_TIME: Duration = Duration::from_millis(300);

/// How long sshd may take to listen again.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes sshd read its files again; sessions go on. Gives the sentence that says how.
pub(super) fn sshd(sshd: &Sshd) -> Result<String, Error> {
    let fix = "see why: journalctl -u ssh -u sshd, or the system's log";
    // The usual units are not those of a second sshd.
    let is_usual = sshd.daemon.file().is_none();
    if let Some(systemctl) = systemctl().filter(|_| is_usual) {
        for unit in ["ssh.service", "sshd.service"] {
            if programs::run(&systemctl, ["--quiet", "is-active", unit])?.success {
                programs::must(&systemctl, ["reload", unit], fix)?;
                // sshd executes itself again, and may fail to.
                thread::sleep(RESTART_TIME);
                programs::must(&systemctl, ["is-active", unit], fix)?;
                return Ok(format!("sshd has been reloaded (systemctl reload {unit})."));
            }
        }
        for unit in ["ssh.socket", "sshd.socket"] {
            if programs::run(&systemctl, ["--quiet", "is-active", unit])?.success {
                return Ok(format!(
                    "{unit} starts sshd at the next connection, so nothing had to be reloaded."
                ));
            }
        }
    }
    if let Some(rc_service) =
        programs::find("rc-service").filter(|_| is_usual && Path::new("/run/openrc").is_dir())
        && programs::run(&rc_service, ["sshd", "status"])?.success
    {
        programs::must(&rc_service, ["sshd", "reload"], fix)?;
        return Ok("sshd has been reloaded (rc-service sshd reload).".to_owned());
    }
    let file = sshd.global.get("PidFile").unwrap_or("/run/sshd.pid");
    let Some(listener) = named_by(file) else { return unnamed(sshd, fix) };
    let old = fs::metadata(file).and_then(|stat| stat.modified()).ok();
    hang_up(&listener, fix)?;
    let pid = listener.pid;
    // sshd removes the file, executes itself again with the same pid, and writes the file once it listens.
    let start = Instant::now();
    while start.elapsed() < LISTEN_TIMEOUT {
        let new = fs::metadata(file).and_then(|stat| stat.modified()).ok();
        if new.is_some() && new != old && named_by(file).is_some() {
            return Ok(format!("sshd has been reloaded (SIGHUP to pid {pid}, from {file})."));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Error::new(format!("sshd (pid {pid}) no longer listens after SIGHUP"), "start it"))
}

/// Reloads the sshds that listen with this configuration though no pid file names them.
fn unnamed(sshd: &Sshd, fix: &str) -> Result<String, Error> {
    let usual = SshdConfig::main_file();
    let find = || -> Vec<Running> {
        let all = running::all().into_iter();
        all.filter(|other| other.file().filter(|file| Some(*file) != usual) == sshd.daemon.file()).collect()
    };
    let found = find();
    if found.is_empty() {
        return Ok("sshd does not run. The changes take effect when it is started.".to_owned());
    }
    found.iter().try_for_each(|own| hang_up(own, fix))?;
    let pids: Vec<_> = found.iter().map(|own| own.pid.to_string()).collect();
    let pids = pids.join(", ");
    let start = Instant::now();
    // It executes itself again with the same pid, and listens.
    thread::sleep(RESTART_TIME);
    while start.elapsed() < LISTEN_TIMEOUT {
        let left = find();
        if found.iter().all(|own| left.iter().any(|other| other.process == own.process)) {
            return Ok(format!("sshd has been reloaded (SIGHUP to pid {pids})."));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Error::new(format!("sshd (pid {pids}) no longer listens after SIGHUP"), "start it"))
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
    "Restart rsyslog, so that it reads its files again.".to_owned()
}

/// The path of systemctl, if systemd is PID 1.
pub(super) fn systemctl() -> Option<std::path::PathBuf> {
    programs::find("systemctl").filter(|_| is_booted())
}
