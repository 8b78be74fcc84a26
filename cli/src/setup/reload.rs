//! Tells daemons that their files have changed, in the way of whatever started them.

use super::sshd::Sshd;
use crate::host::programs;
use crate::host::systemd::is_booted;
use crate::report::Error;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// After this an sshd that cannot start anew has ended.
const SETTLED: Duration = Duration::from_millis(300);

/// How long sshd may take to listen again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lets sshd read its files anew; sessions go on. Gives a sentence about what was done.
pub(super) fn sshd(sshd: &Sshd) -> Result<String, Error> {
    let fix = "see why: journalctl -u ssh -u sshd, or the system's log";
    if let Some(systemctl) = systemd() {
        for unit in ["ssh.service", "sshd.service"] {
            if programs::run(&systemctl, ["--quiet", "is-active", unit])?.success {
                programs::must(&systemctl, ["reload", unit], fix)?;
                // It starts anew, and may not.
                thread::sleep(SETTLED);
                programs::must(&systemctl, ["is-active", unit], fix)?;
                return Ok(format!("sshd has been reloaded (systemctl reload {unit})."));
            }
        }
        for unit in ["ssh.socket", "sshd.socket"] {
            if programs::run(&systemctl, ["--quiet", "is-active", unit])?.success {
                return Ok(format!(
                    "{unit} starts sshd with the next connection; nothing had to be reloaded."
                ));
            }
        }
    }
    if let Some(rc_service) = programs::find("rc-service").filter(|_| Path::new("/run/openrc").is_dir())
        && programs::run(&rc_service, ["sshd", "status"])?.success
    {
        programs::must(&rc_service, ["sshd", "reload"], fix)?;
        return Ok("sshd has been reloaded (rc-service sshd reload).".to_owned());
    }
    let file = sshd.usual.get("PidFile").unwrap_or("/run/sshd.pid");
    let Some(pid) = listener(file) else {
        return Ok("sshd does not run; what was changed holds when it is started.".to_owned());
    };
    let old = fs::metadata(file).and_then(|stat| stat.modified()).ok();
    kill(Pid::from_raw(pid), Signal::SIGHUP)
        .map_err(|e| Error::new(format!("sshd (pid {pid}) cannot be told to reload: {}", e.desc()), fix))?;
    // It removes the file, starts anew as the same process, and writes it once it listens.
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let new = fs::metadata(file).and_then(|stat| stat.modified()).ok();
        if new.is_some() && new != old && listener(file).is_some() {
            return Ok(format!("sshd has been reloaded (SIGHUP to pid {pid}, of {file})."));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Error::new(format!("sshd (pid {pid}) does not listen any more after SIGHUP"), "start it"))
}

/// The pid in the file, if it is that of an sshd.
fn listener(file: &str) -> Option<i32> {
    let pid: i32 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    name.trim_end().starts_with("sshd").then_some(pid)
}

/// Lets systemd read its files anew, where it runs.
pub(super) fn units() -> Result<(), Error> {
    match systemd() {
        Some(systemctl) => {
            programs::must(&systemctl, ["daemon-reload"], "see that systemd answers: systemctl status")
                .map(drop)
        }
        None => Ok(()),
    }
}

/// Lets rsyslog read its files anew. Gives a sentence about what was done, or is to be.
pub(super) fn rsyslog() -> String {
    let restart = |program: &Path, args: &[&str]| programs::run(program, args).is_ok_and(|said| said.success);
    if systemd().is_some_and(|systemctl| restart(&systemctl, &["try-restart", "rsyslog"])) {
        return "rsyslog has been restarted (systemctl try-restart rsyslog).".to_owned();
    }
    let rc_service = programs::find("rc-service").filter(|_| Path::new("/run/openrc").is_dir());
    if rc_service.is_some_and(|rc_service| restart(&rc_service, &["--ifstarted", "rsyslog", "restart"])) {
        return "rsyslog has been restarted (rc-service --ifstarted rsyslog restart).".to_owned();
    }
    "Restart rsyslog, so that it reads its files anew.".to_owned()
}

/// systemctl, where systemd is PID 1.
pub(super) fn systemd() -> Option<std::path::PathBuf> {
    programs::find("systemctl").filter(|_| is_booted())
}
