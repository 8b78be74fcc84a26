//! The settings of systemd's units that take from sshd what jails need.

use crate::host::systemd::{Setting, service};
use crate::report::Error;
use pam_sftpjail::escape::escaped;

/// The settings of systemd.exec(5) that take from a service what jails need.
pub(crate) const MOUNTS: [&str; 12] = [
    "ProtectHome",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadOnlyDirectories",
    "InaccessiblePaths",
    "InaccessibleDirectories",
    "TemporaryFileSystem",
    "BindPaths",
    "BindReadOnlyPaths",
    "PrivateTmp",
    "PrivateDevices",
    "MountFlags",
];
pub(crate) const CAPABILITIES: [&str; 3] = ["CapabilityBoundingSet", "User", "PrivateUsers"];
pub(crate) const FILTERS: [&str; 5] = [
    "SystemCallFilter",
    "RestrictNamespaces",
    "SystemCallArchitectures",
    "RestrictSUIDSGID",
    "NoNewPrivileges",
];

/// What systemd has the kernel check by the service's cgroup. A rehearsal is in another one, and so is a probe.
const BY_CGROUP: [&str; 1] = ["RestrictFileSystems"];

/// The settings besides [`MOUNTS`] with which systemd gives a service a mount namespace of its own:
/// exec_needs_mount_namespace of its src/core/execute.c.
const NAMESPACES: [&str; 11] = [
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "ProtectControlGroups",
    "ProtectHostname",
    "ProtectProc",
    "ProcSubset",
    "PrivateIPC",
    "PrivateMounts",
    "NoExecPaths",
    "LogNamespace",
];

/// Settings whose values add to each other. The others have one value, the last.
const LISTS: [&str; 12] = [
    "ReadOnlyPaths",
    "ReadOnlyDirectories",
    "InaccessiblePaths",
    "InaccessibleDirectories",
    "TemporaryFileSystem",
    "BindPaths",
    "BindReadOnlyPaths",
    "NoExecPaths",
    "CapabilityBoundingSet",
    "SystemCallFilter",
    "SystemCallArchitectures",
    "RestrictFileSystems",
];

/// How much of a setting's value is shown, in characters.
const MAX_VALUE: usize = 40;

/// The settings of a unit that restrict it, each with its location. Of those that concern paths or system calls, those that
/// concern what is in the problem, if there are any. Without an answer it gives none: what is restricted, the kernel says.
pub(crate) fn settings(unit: &str, names: &[&'static str], problem: &str) -> Vec<String> {
    let Ok(mut all) = restrictions(unit, names) else { return Vec::new() };
    let concerns = |name: &str, value: &str| match name {
        "ProtectHome" => ["/home", "/root", "/run/user"].iter().any(|path| problem.contains(path)),
        "ProtectSystem" => true,
        "PrivateTmp" => problem.contains("/tmp"),
        "PrivateDevices" => problem.contains("/dev"),
        // Its filter answers ENOSYS to openat2(2): systemd's src/shared/seccomp-util.c, seccomp_restrict_suid_sgid.
        "RestrictSUIDSGID" => problem.contains("openat2("),
        "RestrictNamespaces" => ["setns(", "unshare("].iter().any(|call| problem.contains(call)),
        // It forbids no call that jails need.
        "NoNewPrivileges" => false,
        _ if !MOUNTS.contains(&name) => true,
        _ => value.split([' ', ':']).any(|path| {
            let path = path.trim_start_matches(['-', '+']);
            path.starts_with('/') && problem.contains(path)
        }),
    };
    if all.iter().any(|(name, setting)| concerns(name, &setting.value)) {
        all.retain(|(name, setting)| concerns(name, &setting.value));
    }
    shown(&all)
}

/// All settings of a unit that restrict it, each with its location. The error: there may be more.
pub(crate) fn of_unit(unit: &str) -> Result<Vec<String>, Error> {
    let names = [&MOUNTS[..], &CAPABILITIES[..], &FILTERS[..], &BY_CGROUP[..]].concat();
    restrictions(unit, &names).map(|all| shown(&all))
}

/// The settings of a unit that may keep it from building jails, and of which a rehearsal shows nothing; each with its
/// location. The error: there may be more.
pub(crate) fn untried(unit: &str) -> Result<Vec<String>, Error> {
    restrictions(unit, &BY_CGROUP).map(|all| shown(&all))
}

/// The settings of a unit that give it mounts of its own, each with its location. Without an answer it gives none: that
/// it has such mounts, the kernel says.
pub(crate) fn with_own_mounts(unit: &str) -> Vec<String> {
    let Ok(mut all) = in_force(unit, &[&MOUNTS[..], &NAMESPACES[..]].concat()) else { return Vec::new() };
    all.retain(|(_, setting)| is_on(&setting.value));
    shown(&all)
}

/// The settings of a unit that take anything from it.
fn restrictions(unit: &str, names: &[&'static str]) -> Result<Vec<(&'static str, Setting)>, Error> {
    let mut all = in_force(unit, names)?;
    all.retain(|(name, setting)| is_restriction(name, &setting.value));
    Ok(all)
}

/// The settings of a unit that count.
fn in_force(unit: &str, names: &[&'static str]) -> Result<Vec<(&'static str, Setting)>, Error> {
    let mut all = service::settings(unit, names)?;
    for name in names.iter().filter(|name| !LISTS.contains(name)) {
        let last = all.iter().rposition(|(own, _)| own == name);
        let mut at = 0..;
        all.retain(|(own, _)| at.next().is_some_and(|at| own != name || Some(at) == last));
    }
    Ok(all)
}

fn shown(all: &[(&'static str, Setting)]) -> Vec<String> {
    let shown = all.iter().map(|(name, setting)| {
        let value: String = setting.value.chars().take(MAX_VALUE).collect();
        let more = if value.len() < setting.value.len() { "…" } else { "" };
        format!("{name}={}{more} ({})", escaped(&value), setting.location)
    });
    shown.collect()
}

/// Whether a value of a setting takes anything from a service that jails could need.
fn is_restriction(name: &str, value: &str) -> bool {
    match name {
        "ProtectSystem" => value == "strict",
        "User" => !["root", "0"].contains(&value),
        _ => is_on(value),
    }
}

fn is_on(value: &str) -> bool {
    !["no", "false", "0", "off", "n", "f"].contains(&value.to_ascii_lowercase().as_str())
}
