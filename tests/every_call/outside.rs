//! What is so, seen from outside of the process: what its jail holds, what it has changed in itself, and what it has
//! left on the host. Nothing here asks the module.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a process finds at a path of its root: each entry below it, and each mount.
pub(crate) fn jail(pid: i32, at: &str) -> Vec<String> {
    let root = PathBuf::from(format!("/proc/{pid}/root{at}"));
    let mut seen = Vec::new();
    entries(&root, &root, &mut seen);
    seen.extend(
        mounts(&format!("/proc/{pid}/mountinfo"))
            .into_iter()
            .filter(|mount| mount.is_below("/jail"))
            .map(|mount| mount.said),
    );
    seen.sort();
    seen
}

fn entries(root: &Path, at: &Path, seen: &mut Vec<String>) {
    let Ok(stat) = fs::symlink_metadata(at) else { return };
    let path = Path::new("/").join(at.strip_prefix(root).expect("below"));
    let content = match stat.is_file() && path.starts_with("/etc") {
        true => format!("{:?}", String::from_utf8_lossy(&fs::read(at).unwrap_or_default())),
        false => String::new(),
    };
    seen.push(format!("entry {} {:o} {}:{} {content}", path.display(), stat.mode(), stat.uid(), stat.gid()));
    if stat.is_dir() {
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            entries(root, &entry.path(), seen);
        }
    }
}

/// One line of mountinfo(5), without the numbers that differ from jail to jail.
pub(crate) struct Mount {
    at: String,
    pub(crate) said: String,
}

impl Mount {
    pub(crate) fn is_below(&self, at: &str) -> bool {
        self.at.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

pub(crate) fn mounts(table: &str) -> Vec<Mount> {
    let read = |line: &str| {
        let (mount, filesystem) = line.split_once(" - ").expect("mountinfo");
        let fields: Vec<_> = mount.split(' ').collect();
        // `master:7`, and the number is another one each time.
        let propagation: Vec<_> =
            fields[6..].iter().map(|field| field.split(':').next().unwrap_or_default()).collect();
        // A tmpfs is as large as what it is to hold.
        let filesystem = filesystem.split(",size=").next().unwrap_or_default();
        let said = format!("mount {} of {} {} {propagation:?} {filesystem}", fields[4], fields[3], fields[5]);
        Mount { at: fields[4].to_owned(), said }
    };
    fs::read_to_string(table).unwrap_or_default().lines().map(read).collect()
}

/// Everything of the process that a module must not change.
pub(crate) fn state(pid: i32, dumpable: i32, death: i32) -> Vec<String> {
    let link = |what: &str| format!("{what} {:?}", fs::read_link(format!("/proc/{pid}/{what}")));
    let mut state = vec![format!("dumpable {dumpable}"), format!("death {death}")];
    state.extend(["cwd", "root", "ns/mnt", "ns/user"].map(link));
    let mut open: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten().collect();
    open.sort_by_key(std::fs::DirEntry::file_name);
    state.extend(
        open.iter().map(|entry| format!("fd {:?} {:?}", entry.file_name(), fs::read_link(entry.path()))),
    );
    let kept = ["Umask", "Uid", "Gid", "Groups", "Sig", "Shd", "Cap", "NoNewPrivs", "Seccomp", "Threads"];
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    // SigQ counts signals of all processes of the user.
    let status = status.lines().filter(|line| !line.starts_with("SigQ"));
    state.extend(status.filter(|line| kept.iter().any(|key| line.starts_with(key))).map(str::to_owned));
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    state.extend(limits.lines().map(str::to_owned));
    state
}

/// What a process has forked and not waited for, as the beginnings of proc_pid_stat(5).
pub(crate) fn children(pid: i32) -> Vec<String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|child| process(child.parse().ok()?)).collect()
}

/// The beginning of proc_pid_stat(5). `None`: it has ended.
fn process(pid: i32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(status.split(' ').take(4).collect::<Vec<_>>().join(" "))
}

/// The processes of this sandbox.
pub(crate) fn processes() -> Vec<i32> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<_> = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

/// What sessions have left on the host: mounts besides `before`, entries of the jail root, records, and processes.
pub(crate) fn left(before: &Host) -> Vec<String> {
    let now = Host::now();
    let mut left: Vec<_> =
        now.mounts.iter().filter(|mount| !before.mounts.contains(mount)).cloned().collect();
    left.extend(
        before.mounts.iter().filter(|mount| !now.mounts.contains(mount)).map(|mount| format!("not {mount}")),
    );
    left.extend(now.own.iter().skip(1).map(|mount| format!("once more: {mount}")));
    left.extend(now.own.iter().filter(|mount| mount.contains("shared") || mount.contains("master")).cloned());
    for directory in ["/jail", "/run/sftpjail"] {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            left.push(format!("entry {}", entry.path().display()));
            for below in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                left.push(format!("entry {}", below.path().display()));
            }
        }
    }
    let others = now.processes.iter().filter(|pid| !before.processes.contains(pid));
    left.extend(others.map(|pid| format!("process {}", process(*pid).unwrap_or_else(|| pid.to_string()))));
    left
}

/// The host, but for what sessions make.
pub(crate) struct Host {
    mounts: Vec<String>,
    /// Of the jail root on itself, which stays.
    own: Vec<String>,
    pub(crate) processes: Vec<i32>,
}

impl Host {
    pub(crate) fn now() -> Host {
        let (own, mounts): (Vec<_>, Vec<_>) =
            mounts("/proc/self/mountinfo").into_iter().partition(|mount| mount.at == "/jail");
        let said = |mounts: Vec<Mount>| mounts.into_iter().map(|mount| mount.said).collect();
        Host { mounts: said(mounts), own: said(own), processes: processes() }
    }
}
