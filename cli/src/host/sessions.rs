//! Reads live sessions: their records in the registry, and their processes.

mod ending;
mod idle;
mod open_record;
mod unjailed;

pub(crate) use ending::end;
pub(crate) use idle::Clocks;
pub(crate) use unjailed::{Outside, Unjailed, outside, unjailed};

use crate::host::mount_namespace;
use crate::host::process_table::{self, Found};
use crate::report::Error;
use open_record::{File, record, records};
use pam_sftpjail::config::Namespace;
use pam_sftpjail::confinement::Process as Identity;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::name::UserName;
use pam_sftpjail::registry::{DIRECTORY, Record, Registry};
use procfs::process::Process;
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A live session.
pub(crate) struct Session {
    pub(crate) user: UserName,
    path: PathBuf,
    file: File,
    /// Its record, or why that cannot be read. The session is live all the same.
    pub(crate) record: Result<Record, String>,
    /// The processes that have the record open: sshd's monitor and its child.
    pub(crate) holders: Vec<i32>,
    /// The descriptor by which each of them has it.
    descriptors: HashMap<i32, i32>,
    /// Their descendants, which do not: internal-sftp. Parents come first.
    pub(crate) others: Vec<i32>,
    /// Why it may have more processes than these.
    pub(crate) unseen: Option<Error>,
}

/// All live sessions, sorted by user and time.
pub(crate) fn live() -> io::Result<Vec<Session>> {
    let mut sessions = recorded()?;
    find_processes(&mut sessions);
    Ok(sessions)
}

/// The same, but for their processes: to find these, all of this host's have to be read.
pub(crate) fn recorded() -> io::Result<Vec<Session>> {
    let failed = |refusal: Refusal| io::Error::other(Error::new(&refusal, refusal.fix()).to_string());
    let mut sessions = Vec::new();
    let Some(registry) = Registry::existing().map_err(failed)? else { return Ok(sessions) };
    for user in registry.users().map_err(failed)? {
        for live in registry.connections(&user).map_err(failed)? {
            let path = Path::new(DIRECTORY).join(&user).join(live.name());
            // Without a file or a record, the session has just ended.
            let unknown = |errno: Errno| {
                failed(Refusal::Sessions { errno: nix::errno::Errno::from_raw(errno.raw_os_error()) })
            };
            let Some(file) = File::at(&path).map_err(unknown)? else { continue };
            let record = match live.read() {
                Ok(None) => continue,
                Ok(Some(record)) => Ok(record),
                Err(problem) => Err(format!("{user}: {problem}")),
            };
            sessions.push(Session {
                user: user.clone(),
                path,
                file,
                record,
                holders: Vec::new(),
                descriptors: HashMap::new(),
                others: Vec::new(),
                unseen: None,
            });
        }
    }
    sessions.sort_by_key(|session| {
        let opened = session.record.as_ref().map_or((0, 0), |record| (record.since, record.pid));
        (session.user.clone(), opened)
    });
    Ok(sessions)
}

/// Finds the processes of sessions, which were read before: else one that has just begun would have none.
pub(crate) fn find_processes(sessions: &mut [Session]) {
    if !sessions.is_empty() {
        Processes::list().find_those_of(sessions);
    }
}

impl Session {
    /// The processes that have the record open now.
    pub(crate) fn holders_now(&self) -> Vec<i32> {
        let holds = |pid: &i32| self.descriptors.get(pid).is_some_and(|fd| self.has(*pid, *fd));
        self.holders.iter().copied().filter(holds).collect()
    }

    /// Whether a process has the record open by this descriptor.
    fn has(&self, pid: i32, descriptor: i32) -> bool {
        record(pid, descriptor, self.file) == Ok(Some(self.file))
    }

    /// What became of it when it was asked to end, as part of a sentence.
    pub(crate) fn became(&self, has_ended: bool) -> &'static str {
        match (has_ended, &self.unseen) {
            (true, _) => "has ended",
            (false, None) => "goes on",
            (false, Some(_)) => "may go on",
        }
    }

    fn add_holder(&mut self, pid: i32, descriptor: i32) {
        if self.descriptors.insert(pid, descriptor).is_none() {
            self.holders.push(pid);
        }
    }

    /// Whether any process has the record open, also one of another PID namespace.
    pub(crate) fn is_live(&self) -> bool {
        let Ok(registry) = Registry::existing() else { return true };
        let live = registry.map_or(Ok(Vec::new()), |registry| registry.connections(&self.user));
        let is_it = |name: &OsStr| Some(name) == self.path.file_name();
        live.map_or(true, |live| live.iter().any(|live| is_it(live.name())))
            && File::at(&self.path).map_or(true, |file| file == Some(self.file))
    }

    /// Whether other sessions of the user could share its jail: `namespace = "host"`.
    pub(crate) fn shares_its_jail(&self) -> bool {
        self.record.as_ref().is_ok_and(|record| record.namespace == Namespace::Host && !record.refused)
    }

    /// A process that sees its jail in another mount namespace than this program's. `None`: the jail is not in another,
    /// or in one of the session's own.
    pub(crate) fn seen_elsewhere_by(&self) -> Option<i32> {
        let process = self.monitor().or_else(|| self.holders.first().copied())?;
        (self.shares_its_jail() && mount_namespace::is_elsewhere(process)).then_some(process)
    }

    /// A process with the session's mounts, not to be taken for another one. `None`: it has ended.
    pub(crate) fn process(&self) -> Option<Identity> {
        let pid = self.monitor().or_else(|| self.holders.first().copied())?;
        let identity = Identity::new(pid, Process::new(pid).ok()?.stat().ok()?.starttime);
        // Since the holders were listed, its pid may have become that of a user's process with mounts of that user's.
        self.holders_now().contains(&pid).then_some(identity)
    }

    /// The process that opened the session and will close it, if it still runs.
    pub(crate) fn monitor(&self) -> Option<i32> {
        let pid = i32::try_from(self.record.as_ref().ok()?.pid).ok()?;
        self.holders.contains(&pid).then_some(pid)
    }

    /// The bytes that were sent and received over the connection, with those of the protocol: what sshd's
    /// child has read from its socket and from internal-sftp (proc_pid_io(5)).
    pub(crate) fn moved(&self) -> Option<u64> {
        let monitor = self.monitor();
        let child = self.holders.iter().find(|pid| Some(**pid) != monitor)?;
        Some(Process::new(*child).ok()?.io().ok()?.rchar)
    }

    /// How long no request has come: the time for which internal-sftp has been waiting. sshd's own processes do not
    /// count, since they also answer what keeps the connection alive. `None` if that is unknown.
    pub(crate) fn idle(&self, clocks: &mut Clocks) -> Option<Duration> {
        let waiting: Option<Vec<_>> = self.others.iter().map(|pid| clocks.waiting(*pid)).collect();
        waiting?.into_iter().min()
    }
}

/// Those of `processes` that descend from one of `ancestors` now. Parents must come before their children.
pub(crate) fn descendants<T>(processes: Vec<(i32, T)>, ancestors: &[i32]) -> Vec<T> {
    let mut known = ancestors.to_vec();
    let mut found = Vec::new();
    for (pid, process) in processes {
        let stat = Process::new(pid).and_then(|process| process.stat());
        if stat.is_ok_and(|stat| known.contains(&stat.ppid)) {
            known.push(pid);
            found.push(process);
        }
    }
    found
}

/// All processes at one moment.
struct Processes {
    all: Vec<i32>,
    children: HashMap<i32, Vec<i32>>,
    unseen: Option<Error>,
}

impl Processes {
    fn list() -> Self {
        let Found { found, unseen } = process_table::all();
        let mut listed = Self { all: Vec::new(), children: HashMap::new(), unseen };
        for process in found {
            listed.all.push(process.pid);
            listed.children.entry(process.parent).or_default().push(process.pid);
        }
        listed
    }

    /// Finds the processes of each session.
    fn find_those_of(&self, sessions: &mut [Session]) {
        for session in &mut *sessions {
            let monitor = session.record.as_ref().ok().and_then(|record| i32::try_from(record.pid).ok());
            let Some(monitor) = monitor else { continue };
            let open = records(monitor, session.file).unwrap_or_else(|why| {
                session.unseen = Some(why);
                Vec::new()
            });
            let Some((descriptor, _)) = open.into_iter().find(|(_, file)| *file == session.file) else {
                continue;
            };
            session.add_holder(monitor, descriptor);
            // Its child has inherited the descriptor.
            for pid in self.below(&[monitor]) {
                if session.has(pid, descriptor) {
                    session.add_holder(pid, descriptor);
                }
            }
        }
        // If a monitor was killed, its child can be any process.
        let without_monitor = sessions.iter().find(|session| session.monitor().is_none());
        if let Some(like) = without_monitor.map(|session| session.file) {
            for pid in &self.all {
                let open = records(*pid, like).unwrap_or_else(|why| {
                    let left = sessions.iter_mut().filter(|session| session.monitor().is_none());
                    left.for_each(|session| session.unseen = Some(why.clone()));
                    Vec::new()
                });
                for (descriptor, file) in open {
                    if let Some(session) = sessions.iter_mut().find(|session| session.file == file) {
                        session.add_holder(*pid, descriptor);
                    }
                }
            }
        }
        for session in sessions {
            session.unseen = session.unseen.take().or_else(|| self.unseen.clone());
            session.others = self.below(&session.holders);
        }
    }

    /// The descendants of `holders` that are not among them.
    fn below(&self, holders: &[i32]) -> Vec<i32> {
        let mut found: Vec<i32> = Vec::new();
        let mut left = holders.to_vec();
        while let Some(pid) = left.pop() {
            for child in self.children.get(&pid).into_iter().flatten() {
                if !holders.contains(child) && !found.contains(child) {
                    found.push(*child);
                    left.push(*child);
                }
            }
        }
        found
    }
}
