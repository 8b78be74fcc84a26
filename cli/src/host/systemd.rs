//! Reads systemd's files of user managers, and asks systemd which managers it has loaded, and which units run.

pub(crate) mod service;

use super::programs;
use crate::report::Location;
use pam_sftpjail::escape::one_line;
use pam_sftpjail::name::UserName;
pub(crate) use pam_sftpjail::systemd::is_booted;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directories of system units: systemd.unit(5). Files of an earlier one win.
const UNIT_PATH: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// The unit of which user managers are instances.
const TEMPLATE: &str = "user@.service";

/// The name of the unit of a uid's user manager.
pub(crate) fn manager(uid: u32) -> String {
    format!("user@{uid}.service")
}

/// The file of user@.service, if there is one.
pub(crate) fn template() -> Option<PathBuf> {
    UNIT_PATH.iter().map(|directory| Path::new(directory).join(TEMPLATE)).find(|path| path.exists())
}

/// A setting of a unit's `[Service]` in a file.
pub(crate) struct Setting {
    pub(crate) location: Location,
    /// As written, on one line. An empty one resets all values before it.
    pub(crate) value: String,
}

/// Every setting of this name for the user manager of a uid or, without a uid, for all of them. The order is
/// that in which systemd reads them.
pub(crate) fn settings(uid: Option<u32>, name: &str) -> Vec<Setting> {
    files(uid).iter().flat_map(|file| in_file(file, name)).collect()
}

/// The files of a uid's user manager, in the order in which systemd reads them.
pub(crate) fn files(uid: Option<u32>) -> Vec<PathBuf> {
    let own = uid.map(manager);
    let unit = own.iter().map(String::as_str).chain([TEMPLATE]).find_map(|name| {
        UNIT_PATH.iter().map(|directory| Path::new(directory).join(name)).find(|path| path.exists())
    });
    unit.into_iter().chain(drop_ins(uid)).collect()
}

/// The drop-ins of a uid's user manager, in the order in which systemd reads them: sorted by name, whatever
/// their directories are. Of files with the same name, it reads one.
pub(crate) fn drop_ins(uid: Option<u32>) -> Vec<PathBuf> {
    let mut found: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for unit in uid.map(manager).iter().map(String::as_str).chain([TEMPLATE, "service"]) {
        for directory in UNIT_PATH {
            let entries = Path::new(directory).join(format!("{unit}.d")).read_dir();
            for entry in entries.into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|ending| ending == "conf") {
                    found.entry(entry.file_name()).or_insert(entry.path());
                }
            }
        }
    }
    found.into_values().collect()
}

fn in_file(file: &Path, name: &str) -> Vec<Setting> {
    let text = fs::read(file).unwrap_or_default();
    let values = values(&String::from_utf8_lossy(&text), name);
    let setting = |(line, value)| Setting { location: Location::single(file.to_owned(), line), value };
    values.into_iter().map(setting).collect()
}

/// The values of a setting of `[Service]`, each with the number of the line on which it begins. A backslash at the end
/// of a line continues it; comments in between are skipped.
pub(crate) fn values(text: &str, name: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut whole = String::new();
    // The number of the first line of `whole`.
    let mut first = None;
    let mut is_service = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            whole += begun;
            whole.push(' ');
            first.get_or_insert(i + 1);
            continue;
        }
        whole += line;
        let line = std::mem::take(&mut whole);
        let number = first.take().unwrap_or(i + 1);
        let line = line.trim();
        if line.starts_with('[') {
            is_service = line == "[Service]";
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_service) {
            if key.trim_end() == name {
                found.push((number, value.trim_start().to_owned()));
            }
        }
    }
    found
}

/// The uids whose user managers have files of their own.
pub(crate) fn uids_with_files() -> BTreeSet<u32> {
    let entries = UNIT_PATH.iter().filter_map(|directory| Path::new(directory).read_dir().ok()).flatten();
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter_map(|name| {
            let instance = name.strip_prefix("user@")?;
            let uid = instance.strip_suffix(".service").or_else(|| instance.strip_suffix(".service.d"))?;
            uid.parse().ok()
        })
        .collect()
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
pub(crate) fn lingers(user: &UserName) -> bool {
    // logind escapes the names of its files so.
    let name = user.as_str().replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'");
    Path::new("/var/lib/systemd/linger").join(name).exists()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_systemd_reads_them() {
        let text = "[Unit]\nExecCondition=/no\n[Service]\n# ExecCondition=/no\nExecCondition = /a \\\n# no\n  b\nExecCondition=\n";
        assert_eq!(values(text, "ExecCondition"), [(5, "/a    b".to_owned()), (8, String::new())]);
    }
}
