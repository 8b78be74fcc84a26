//! Asks systemd which user managers it has loaded, and which units run. What its files say, `files` reads.

mod files;
pub(crate) mod service;

use super::programs;
use crate::report::Error;
pub(crate) use files::{Setting, drop_ins, files, settings, template, uids_with_files, values};
use pam_sftpjail::escape::one_line;
use pam_sftpjail::name::UserName;
pub(crate) use pam_sftpjail::systemd::is_booted;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is unknown since systemd does not answer. `why`: what systemctl says.
pub(crate) fn unanswered(why: &io::Error) -> Error {
    Error::new(why, "see what `systemctl status` says, and let systemd answer")
}

/// The name of the unit of a uid's user manager.
pub(crate) fn manager(uid: u32) -> String {
    format!("user@{uid}.service")
}

/// What systemd has loaded of a user manager.
pub(crate) struct Loaded {
    pub(crate) is_masked: bool,
    /// Whether its files have changed since it read them.
    pub(crate) is_outdated: bool,
    /// All commands of `ExecCondition=`, as systemctl prints them.
    pub(crate) conditions: String,
    /// The exit statuses and signals of `SuccessExitStatus=`, with blanks between them.
    pub(crate) successes: String,
}

/// Asks systemd about the user manager of a uid, which need not run.
pub(crate) fn loaded(uid: u32) -> io::Result<Loaded> {
    let properties = "LoadState,NeedDaemonReload,ExecCondition,SuccessExitStatus";
    let output = systemctl(&["show", "-p", properties, "--", &manager(uid)])?;
    let value = |key: &str| output.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    Ok(Loaded {
        is_masked: value("LoadState") == Some("masked"),
        is_outdated: value("NeedDaemonReload") == Some("yes"),
        conditions: value("ExecCondition").unwrap_or_default().to_owned(),
        successes: value("SuccessExitStatus").unwrap_or_default().to_owned(),
    })
}

/// The user managers that systemd has loaded, by uid; true: it runs, or is being started or stopped.
pub(crate) fn managers() -> io::Result<BTreeMap<u32, bool>> {
    let output =
        systemctl(&["list-units", "--all", "--full", "--plain", "--no-legend", "--", "user@*.service"])?;
    let managers = output.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let uid = words.next()?.strip_prefix("user@")?.strip_suffix(".service")?.parse().ok()?;
        Some((uid, !matches!(words.nth(1), None | Some("inactive" | "failed"))))
    });
    Ok(managers.collect())
}

/// Whether a unit is active.
pub(crate) fn is_active(unit: &str) -> io::Result<bool> {
    let output = systemctl(&["show", "-p", "ActiveState", "--", unit])?;
    Ok(output.lines().any(|line| line == "ActiveState=active"))
}

/// The version of systemd, such as 252.
pub(crate) fn version() -> Option<u32> {
    systemctl(&["--version"]).ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// Whether logind starts the user's manager at boot: loginctl(1), enable-linger.
pub(crate) fn lingers(user: &UserName) -> Result<bool, Error> {
    // logind escapes the names of its files so.
    let name = user.as_str().replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'");
    let file = Path::new("/var/lib/systemd/linger").join(name);
    Ok(files::present(&file, file.metadata())?.is_some())
}

/// The path of systemctl, if systemd is PID 1 and has one.
pub(crate) fn control() -> Option<PathBuf> {
    programs::find("systemctl").filter(|_| is_booted())
}

/// The beginning of a shell command that systemd runs in a scope of its own, so that it is in no session of
/// logind. `None`: systemd-run cannot do that, since it needs systemd and its bus.
pub(crate) fn scope() -> Option<String> {
    let program = programs::find("systemd-run").filter(|_| is_booted())?;
    let has_bus = Path::new("/run/dbus/system_bus_socket").exists();
    has_bus.then(|| format!("{} --scope --quiet --collect -- ", program.display()))
}

fn systemctl(args: &[&str]) -> io::Result<String> {
    let program = programs::find("systemctl")
        .ok_or_else(|| io::Error::other("systemd runs, but there is no systemctl"))?;
    let output = Command::new(&program)
        .args(args)
        .env_clear()
        .env("PATH", programs::PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        if let Some(by) = programs::ended_by(output.status) {
            return Err(io::Error::other(format!("{} {by}", program.display())));
        }
        let first = stderr.lines().next().map(one_line).unwrap_or_else(|| output.status.to_string());
        return Err(io::Error::other(format!("systemctl says: {first}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
