//! Makes the sshds that run read their files again: a reload, or a restart where their socket is systemd's.

use crate::host::programs;
use crate::host::sshd::daemon::Daemon;
use crate::host::sshd::files::SshdConfig;
use crate::host::sshd::running::{self, NOTES, Reread, Running, note};
use crate::host::systemd::{self, service};
use crate::report::Error;
use crate::report::error::errno;
use crate::setup::sshd::Sshd;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long to wait after a reload or a restart: an sshd that cannot start again has ended by then.
const RESTART_TIME: Duration = Duration::from_millis(300);

/// How long sshd may take to listen again.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// What to look at where it fails.
const SEE_LOG: &str = "see why: journalctl -u ssh -u sshd, or the system's log";

/// The names that distributions give its service.
const USUAL: [&str; 2] = ["ssh.service", "sshd.service"];

/// Makes every sshd that listens with these files read them again; sessions go on. Gives the sentences that say how.
pub(in crate::setup) fn sshd(sshd: &Sshd) -> Result<String, Error> {
    let before = SystemTime::now();
    let said = reread(sshd)?;
    // Without the notes, the next setup reloads an sshd without a pid file once more.
    if let Ok(all) = listening(&sshd.daemon) {
        let notes: String = all.iter().map(|own| note(&own.process, before)).collect();
        let _ = fs::write(NOTES, notes);
    }
    Ok(said)
}

/// The error: an sshd that listens with these files cannot be made to read them again without ending sessions, or which
/// ones do is not known.
pub(in crate::setup) fn examine(daemon: &Daemon) -> Result<(), Error> {
    if let Some(unseen) = daemon.unseen() {
        return Err(unseen.clone());
    }
    listening(daemon)?.iter().map(Reread::of).try_for_each(|reread| match reread {
        Reread::Restart { unit, .. } => spare_sessions(&unit),
        Reread::Reload { .. } | Reread::AtConnection { .. } => Ok(()),
    })
}

/// Which one has read its files.
enum First {
    Unit(&'static str),
    /// That which the pid file names.
    Named,
}

/// Makes them read their files, without a note.
fn reread(sshd: &Sshd) -> Result<String, Error> {
    let (said, first) = first(sshd)?;
    let Some(first) = first else { return Ok(said) };
    let all = listening(&sshd.daemon)?;
    let has_unit =
        |other: &Running| matches!(&first, First::Unit(unit) if other.unit.as_deref() == Some(unit));
    let named = named_by(pid_file(sshd))?.map(|named| named.pid);
    // Where no cgroup tells the unit, the pid file does.
    let left: Vec<_> = match all.iter().any(has_unit) {
        true => all.into_iter().filter(|other| !has_unit(other)).collect(),
        false => all.into_iter().filter(|other| named != Some(other.pid)).collect(),
    };
    match left.is_empty() {
        true => Ok(said),
        false => Ok(format!("{said} {}", others(sshd, &left)?)),
    }
}

/// Does it with the one that the init system or the pid file names. `None`: no other one is left.
fn first(sshd: &Sshd) -> Result<(String, Option<First>), Error> {
    // The usual units are not those of a second sshd.
    let is_usual = sshd.daemon.file().is_none();
    if let Some(systemctl) = systemd::control().filter(|_| is_usual) {
        for unit in USUAL {
            if is_active(&systemctl, unit)? {
                let said = match has_socket_of_systemd()? {
                    true => restarted(unit)?,
                    false => reloaded(&systemctl, unit)?,
                };
                return Ok((said, Some(First::Unit(unit))));
            }
        }
    }
    // Since sshd was found, a connection may have started it.
    let daemon = Daemon::find(sshd.daemon.file())?;
    if let Some(Reread::AtConnection { socket, is_each }) = daemon.socket().map(Reread::of_socket) {
        let what = if is_each { "an sshd for each connection" } else { "sshd at the next connection" };
        let said = format!("{} starts {what}, so nothing had to be reloaded.", escaped(&socket));
        return Ok((said, None));
    }
    if let Some(rc_service) =
        programs::find("rc-service").filter(|_| is_usual && Path::new("/run/openrc").is_dir())
    {
        if programs::run(&rc_service, ["sshd", "status"])?.success {
            programs::must(&rc_service, ["sshd", "reload"], SEE_LOG)?;
            return Ok(("sshd has been reloaded (rc-service sshd reload).".to_owned(), Some(First::Named)));
        }
    }
    let file = pid_file(sshd);
    match named_by(file)? {
        Some(listener) => Ok((named(file, &listener)?, Some(First::Named))),
        None => match listening(&sshd.daemon)? {
            all if all.is_empty() => {
                Ok(("sshd does not run. The changes take effect when it is started.".to_owned(), None))
            }
            all => Ok((others(sshd, &all)?, None)),
        },
    }
}

/// Whether the socket of the usual service is systemd's. Its sshd may have other files than those that were changed,
/// and if it cannot be seen, systemd is asked.
fn has_socket_of_systemd() -> Result<bool, Error> {
    // One of the names may be an alias of the other.
    let is_own = |other: &Running| other.unit.as_deref().is_none_or(|own| USUAL.contains(&own));
    let mut own = running::all().whole()?.into_iter().filter(is_own).peekable();
    Ok(match own.peek() {
        Some(_) => own.any(|other| other.has_socket_of_systemd),
        None => USUAL.into_iter().any(service::may_have_active_socket),
    })
}

/// Whether a unit is active. One that systemd is starting may have read its files already, so that is waited for.
fn is_active(systemctl: &Path, unit: &str) -> Result<bool, Error> {
    let start = Instant::now();
    loop {
        let output = programs::run(systemctl, ["is-active", unit])?;
        if output.stdout.trim() != "activating" || start.elapsed() > LISTEN_TIMEOUT {
            return Ok(output.success);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn reloaded(systemctl: &Path, unit: &str) -> Result<String, Error> {
    programs::must(systemctl, ["reload", unit], SEE_LOG)?;
    // sshd executes itself again, and may fail to.
    thread::sleep(RESTART_TIME);
    programs::must(systemctl, ["is-active", unit], SEE_LOG)?;
    Ok(format!("sshd has been reloaded (systemctl reload {unit})."))
}

/// Restarts a service whose socket is systemd's. Who connects meanwhile waits in that socket.
fn restarted(unit: &str) -> Result<String, Error> {
    spare_sessions(unit)?;
    let systemctl = systemd::control().unwrap_or_else(|| "systemctl".into());
    programs::must(&systemctl, ["restart", unit], SEE_LOG)?;
    thread::sleep(RESTART_TIME);
    programs::must(&systemctl, ["is-active", unit], SEE_LOG)?;
    let shown = escaped(unit);
    Ok(format!(
        "sshd has been restarted (systemctl restart {shown}), because its socket is systemd's; sessions go on."
    ))
}

/// The error: a restart of this service would end sessions that are in it.
fn spare_sessions(unit: &str) -> Result<(), Error> {
    let Some(mode) = service::fatal_kill_mode(unit) else { return Ok(()) };
    let listeners: BTreeSet<_> = running::all().whole()?.iter().map(|listener| listener.pid).collect();
    if service::processes(unit)?.iter().all(|pid| listeners.contains(pid)) {
        return Ok(());
    }
    let shown = escaped(unit);
    let what = format!(
        "{shown} has to be restarted, because its socket is systemd's, and with KillMode={} that would end the sessions in it",
        escaped(&mode)
    );
    let edit = Fix::from(Command::new("systemctl edit").arg(Name(unit)));
    Err(Error::new(
        what,
        edit.explained("set `KillMode=process` in its [Service] section, and run this again"),
    ))
}

/// Sends SIGHUP to the sshd that the pid file names, or restarts its service.
fn named(file: &str, listener: &Running) -> Result<String, Error> {
    if let Reread::Restart { unit, .. } = Reread::of(listener) {
        return restarted(&unit);
    }
    let old = fs::metadata(file).and_then(|stat| stat.modified()).ok();
    hang_up(listener)?;
    let pid = listener.pid;
    // sshd removes the file, executes itself again with the same pid, and writes the file once it listens.
    let start = Instant::now();
    while start.elapsed() < LISTEN_TIMEOUT {
        let new = fs::metadata(file).and_then(|stat| stat.modified()).ok();
        if new.is_some() && new != old && named_by(file)?.is_some() {
            return Ok(format!("sshd has been reloaded (SIGHUP to pid {pid}, from {file})."));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Error::new(format!("sshd (pid {pid}) no longer listens after SIGHUP"), "start it"))
}

/// The sshds that listen with this configuration.
fn listening(daemon: &Daemon) -> Result<Vec<Running>, Error> {
    let usual = SshdConfig::main_file();
    let mut all = running::all().whole()?;
    all.retain(|other| other.file().filter(|file| Some(*file) != usual) == daemon.file());
    Ok(all)
}

/// Does it with those that neither the init system nor a pid file names.
fn others(sshd: &Sshd, found: &[Running]) -> Result<String, Error> {
    let (mut units, mut processes) = (BTreeSet::new(), Vec::new());
    for own in found {
        match Reread::of(own) {
            Reread::Restart { unit, .. } => drop(units.insert(unit)),
            Reread::Reload { .. } | Reread::AtConnection { .. } => processes.push(own),
        }
    }
    let mut said = units.iter().map(|unit| restarted(unit)).collect::<Result<Vec<_>, _>>()?;
    if !processes.is_empty() {
        said.push(signalled(sshd, &processes)?);
    }
    Ok(said.join(" "))
}

/// Sends SIGHUP to these, and waits until they listen again.
fn signalled(sshd: &Sshd, found: &[&Running]) -> Result<String, Error> {
    found.iter().try_for_each(|own| hang_up(own))?;
    let pids: Vec<_> = found.iter().map(|own| own.pid.to_string()).collect();
    let pids = pids.join(", ");
    let start = Instant::now();
    // It executes itself again with the same pid, and listens.
    thread::sleep(RESTART_TIME);
    while start.elapsed() < LISTEN_TIMEOUT {
        let left = listening(&sshd.daemon)?;
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
fn named_by(file: &str) -> Result<Option<Running>, Error> {
    let pid: Option<i32> = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    let all = running::all().whole()?;
    Ok(all.into_iter().find(|sshd| Some(sshd.pid) == pid))
}

/// Sends SIGHUP to this sshd, and to no process that has got its pid.
fn hang_up(sshd: &Running) -> Result<(), Error> {
    let signalled = || {
        let process = pidfd_open(Pid::from_raw(sshd.pid).ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
        if !sshd.process.exists() {
            return Err(Errno::SRCH);
        }
        pidfd_send_signal(process, Signal::HUP)
    };
    signalled().map_err(|error| {
        let why = errno(&error.into());
        Error::new(format!("sshd (pid {}) cannot be reloaded: {why}", sshd.pid), SEE_LOG)
    })
}
