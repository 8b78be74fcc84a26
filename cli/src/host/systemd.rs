//! systemd: whether it runs, what its files say of user managers, and what it has loaded and started.

use super::programs;
use pam_sftpjail::escape::one_line;
use pam_sftpjail::name::UserName;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where systemd looks for the units of the system, what wins first: systemd.unit(5).
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

/// Of which user managers are instances.
const TEMPLATE: &str = "user@.service";

/// The name of the user manager of a uid.
pub(crate) fn manager(uid: u32) -> String {
    format!("user@{uid}.service")
}

/// Whether systemd is PID 1: sd_booted(3).
pub(crate) fn is_booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The file of user@.service, if there is one.
pub(crate) fn template() -> Option<PathBuf> {
    UNIT_PATH.iter().map(|directory| Path::new(directory).join(TEMPLATE)).find(|path| path.exists())
}

/// What a file says of one setting of a unit's `[Service]`.
pub(crate) struct Setting {
    pub(crate) file: PathBuf,
    /// In one line as written; empty where it takes back all before it.
    pub(crate) value: String,
}

/// Every setting of this name for the user manager of a uid, in the order in which systemd reads them. Without
/// a uid: what all have in common.
pub(crate) fn settings(uid: Option<u32>, name: &str) -> Vec<Setting> {
    files(uid).iter().flat_map(|file| in_file(file, name)).collect()
}

/// The files of the user manager of a uid, in the order in which systemd reads them.
pub(crate) fn files(uid: Option<u32>) -> Vec<PathBuf> {
    let own = uid.map(manager);
    let unit = own.iter().map(String::as_str).chain([TEMPLATE]).find_map(|name| {
        UNIT_PATH.iter().map(|directory| Path::new(directory).join(name)).find(|path| path.exists())
    });
    unit.into_iter().chain(drop_ins(uid)).collect()
}

/// The drop-ins of the user manager of a uid, in the order in which systemd reads them. Of files of one name
/// it reads one, and all of them by name, wherever they are.
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
    values.into_iter().map(|value| Setting { file: file.to_owned(), value }).collect()
}

/// The values of a setting of `[Service]`: lines that end with a backslash go on, comments between them are none.
fn values(text: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut whole = String::new();
    let mut is_service = false;
    for line in text.lines() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            whole += begun;
            whole.push(' ');
            continue;
        }
        whole += line;
        let line = std::mem::take(&mut whole);
        let line = line.trim();
        if line.starts_with('[') {
            is_service = line == "[Service]";
        } else if is_service
            && let Some((key, value)) = line.split_once('=')
            && key.trim_end() == name
        {
            found.push(value.trim_start().to_owned());
        }
    }
    found
}

/// Uids whose user managers have files of their own.
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

/// What systemd itself has of a user manager.
pub(crate) struct Loaded {
    pub(crate) is_masked: bool,
    /// Whether its files have changed since it read them.
    pub(crate) is_outdated: bool,
    /// All commands that it runs as conditions, in words of systemctl's.
    pub(crate) conditions: String,
    /// The exit statuses that it takes for success besides 0, and signals, with blanks between them.
    pub(crate) successes: String,
}

/// Asks systemd. It need not have started the manager.
pub(crate) fn loaded(uid: u32) -> io::Result<Loaded> {
    let properties = "LoadState,NeedDaemonReload,ExecCondition,SuccessExitStatus";
    let said = systemctl(&["show", "-p", properties, "--", &manager(uid)])?;
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    Ok(Loaded {
        is_masked: value("LoadState") == Some("masked"),
        is_outdated: value("NeedDaemonReload") == Some("yes"),
        conditions: value("ExecCondition").unwrap_or_default().to_owned(),
        successes: value("SuccessExitStatus").unwrap_or_default().to_owned(),
    })
}

/// The user managers that systemd has loaded, by uid; and whether each runs, or is being started or stopped.
/// It reads the files of all others when it needs them.
pub(crate) fn managers() -> io::Result<BTreeMap<u32, bool>> {
    let said =
        systemctl(&["list-units", "--all", "--full", "--plain", "--no-legend", "--", "user@*.service"])?;
    let managers = said.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let uid = words.next()?.strip_prefix("user@")?.strip_suffix(".service")?.parse().ok()?;
        Some((uid, !matches!(words.nth(1), None | Some("inactive" | "failed"))))
    });
    Ok(managers.collect())
}

/// Its number, such as 252.
pub(crate) fn version() -> Option<u32> {
    systemctl(&["--version"]).ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// Whether logind starts the user's manager at boot: loginctl(1), enable-linger.
pub(crate) fn lingers(user: &UserName) -> bool {
    // As logind spells names of files.
    let name = user.as_str().replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'");
    Path::new("/var/lib/systemd/linger").join(name).exists()
}

/// The words that begin a shell's command which systemd puts into a scope of its own, as it would a service:
/// the same process, in no session of logind's. systemd-run needs the bus for it.
pub(crate) fn scope() -> Option<String> {
    let program = programs::find("systemd-run").filter(|_| is_booted())?;
    let has_bus = Path::new("/run/dbus/system_bus_socket").exists();
    has_bus.then(|| format!("{} --scope --quiet --collect -- ", program.display()))
}

fn systemctl(args: &[&str]) -> io::Result<String> {
    let program = programs::find("systemctl")
        .ok_or_else(|| io::Error::other("systemd runs, and there is no systemctl"))?;
    let output = Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", programs::PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().map(one_line).unwrap_or_else(|| output.status.to_string());
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
        assert_eq!(values(text, "ExecCondition"), ["/a    b", ""]);
    }
}
