//! Reads systemd's services: which one a process belongs to, and where its files set what restricts it.

use super::{Setting, in_file, is_booted, systemctl};
use std::fs;
use std::path::PathBuf;

/// The service that a process belongs to, by its cgroup.
pub(crate) fn of_process(pid: i32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    // A line each for the unified hierarchy, and for systemd's own of older systems: cgroups(7). Either may say nothing.
    let paths = text.lines().filter_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        (number == "0" || controllers == "name=systemd").then_some(path)
    });
    // A service may have delegated parts of its cgroup.
    let mut names = paths.flat_map(|path| path.rsplit('/'));
    names.find(|name| name.ends_with(".service")).map(str::to_owned)
}

/// The files of a service that systemd has loaded, in the order in which it reads them. Empty: systemd does not answer.
fn files(unit: &str) -> Vec<PathBuf> {
    let shown = systemctl(&["show", "-p", "FragmentPath,DropInPaths", "--", unit]).unwrap_or_default();
    let value = |key: &str| shown.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    let all = value("FragmentPath=").split(' ').chain(value("DropInPaths=").split(' '));
    all.filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// The settings of these names that a service's files make, without those that an empty value resets.
pub(crate) fn settings(unit: &str, names: &[&'static str]) -> Vec<(&'static str, Setting)> {
    let files = files(unit);
    let mut found = Vec::new();
    for name in names {
        let all: Vec<_> = files.iter().flat_map(|file| in_file(file, name)).collect();
        let reset = all.iter().rposition(|setting| setting.value.is_empty()).map_or(0, |last| last + 1);
        found.extend(all.into_iter().skip(reset).map(|setting| (*name, setting)));
    }
    found
}

/// The socket of sshd's that systemd listens on for it, by the names that distributions give it.
pub(crate) fn active_socket() -> Option<&'static str> {
    let is_active = |unit: &&str| {
        let shown = systemctl(&["show", "-p", "ActiveState", "--", unit]);
        shown.is_ok_and(|shown| shown.trim() == "ActiveState=active")
    };
    ["ssh.socket", "sshd.socket"].into_iter().filter(|_| is_booted()).find(is_active)
}
