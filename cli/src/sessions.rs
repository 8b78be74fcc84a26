//! Live sessions: what the registry says, and which processes they are.

use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::registry::{DIRECTORY, Record, Registry};
use procfs::process::{FDTarget, Process, all_processes};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A session that is live.
pub(crate) struct Session {
    pub(crate) user: OsString,
    path: PathBuf,
    /// What its record says, or why it cannot be read; the session goes on all the same.
    pub(crate) record: Result<Record, String>,
    /// Those that have the record open: sshd's monitor and its child.
    pub(crate) holders: Vec<i32>,
    /// Their descendants, which have not: internal-sftp.
    pub(crate) others: Vec<i32>,
}

/// All that are live, by user and time.
pub(crate) fn live() -> io::Result<Vec<Session>> {
    let failed = |refusal: Refusal| io::Error::other(format!("{refusal}; cure: {}", refusal.cure()));
    let mut sessions = Vec::new();
    if let Some(registry) = Registry::existing().map_err(failed)? {
        let processes = Processes::look()?;
        for user in registry.users().map_err(failed)? {
            for live in registry.live(&user).map_err(failed)? {
                let path = Path::new(DIRECTORY).join(&user).join(live.name());
                let record = match live.read() {
                    // It has just ended.
                    Ok(None) => continue,
                    Ok(Some(record)) => Ok(record),
                    Err(problem) => Err(format!("{}: {problem}", escaped(&user))),
                };
                let holders = processes.holders.get(&path).cloned().unwrap_or_default();
                let others = processes.below(&holders);
                sessions.push(Session { user: user.clone(), path, record, holders, others });
            }
        }
    }
    sessions.sort_by_key(|session| {
        let opened = session.record.as_ref().map_or((0, 0), |record| (record.since, record.pid));
        (session.user.clone(), opened)
    });
    Ok(sessions)
}

impl Session {
    /// Who has the record open now.
    pub(crate) fn holders_now(&self) -> Vec<i32> {
        let has_it = |pid: &i32| {
            let descriptors = Process::new(*pid).and_then(|process| process.fd());
            let is_it = |target: FDTarget| matches!(target, FDTarget::Path(path) if path == self.path);
            descriptors.into_iter().flatten().flatten().any(|descriptor| is_it(descriptor.target))
        };
        self.holders.iter().copied().filter(has_it).collect()
    }

    /// The process that opened the session and closes it, if it still lives.
    pub(crate) fn monitor(&self) -> Option<i32> {
        let pid = i32::try_from(self.record.as_ref().ok()?.pid).ok()?;
        self.holders.contains(&pid).then_some(pid)
    }

    /// Bytes that have come and gone over the connection, with those of its protocol: what sshd's
    /// child has read, from its socket or from internal-sftp (proc_pid_io(5)).
    pub(crate) fn moved(&self) -> Option<u64> {
        let monitor = self.monitor();
        let child = self.holders.iter().find(|pid| Some(**pid) != monitor)?;
        Some(Process::new(*child).ok()?.io().ok()?.rchar)
    }

    /// How long no request has come: since internal-sftp, or sshd's child without it, last ran.
    pub(crate) fn idle(&self) -> Option<Duration> {
        let now = last_ran("self")?;
        let workers = if self.others.is_empty() { &self.holders } else { &self.others };
        let last = workers.iter().filter_map(|pid| last_ran(&pid.to_string())).reduce(f64::max)?;
        Duration::try_from_secs_f64((now - last).max(0.0) / 1000.0).ok()
    }
}

/// `se.exec_start` of /proc/PID/sched, in ms on the scheduler's clock, which may differ by some tenths
/// of a second between processors.
fn last_ran(pid: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/sched")).ok()?;
    let line = text.lines().find(|line| line.starts_with("se.exec_start"))?;
    line.split(':').next_back()?.trim().parse().ok()
}

/// All processes, as they are at one moment.
struct Processes {
    /// Who has which record open.
    holders: HashMap<PathBuf, Vec<i32>>,
    children: HashMap<i32, Vec<i32>>,
}

impl Processes {
    fn look() -> io::Result<Self> {
        let mut seen = Self { holders: HashMap::new(), children: HashMap::new() };
        for process in all_processes().map_err(io::Error::other)? {
            // One that has just ended.
            let Ok(process) = process else { continue };
            if let Ok(stat) = process.stat() {
                seen.children.entry(stat.ppid).or_default().push(process.pid);
            }
            for descriptor in process.fd().into_iter().flatten().flatten() {
                if let FDTarget::Path(path) = descriptor.target
                    && path.starts_with(DIRECTORY)
                {
                    seen.holders.entry(path).or_default().push(process.pid);
                }
            }
        }
        Ok(seen)
    }

    /// Descendants that are not among `holders` themselves.
    fn below(&self, holders: &[i32]) -> Vec<i32> {
        let mut found: Vec<i32> = Vec::new();
        let mut ahead = holders.to_vec();
        while let Some(pid) = ahead.pop() {
            for child in self.children.get(&pid).into_iter().flatten() {
                if !holders.contains(child) && !found.contains(child) {
                    found.push(*child);
                    ahead.push(*child);
                }
            }
        }
        found
    }
}
