//! Lists the processes of this host, and says where /proc does not show all of them. Who finds none then has no answer.

use crate::report::Error;
use crate::report::error::{AS_ROOT, errno};
use nix::unistd::geteuid;
use procfs::{ProcError, ProcResult};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const PROC: &str = "/proc";

/// What was found among the processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found<T> {
    pub(crate) found: T,
    /// Why there may be more. `None`: there is no more.
    pub(crate) unseen: Option<Error>,
}

impl<T> Found<T> {
    /// All of them. The error: there may be more.
    pub(crate) fn whole(self) -> Result<T, Error> {
        self.unseen.map_or(Ok(self.found), Err)
    }

    /// Keeps the first reason.
    pub(crate) fn miss(&mut self, why: Error) {
        self.unseen.get_or_insert(why);
    }
}

/// A process, as its `status` says: proc_pid_status(5).
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) pid: i32,
    /// The first 15 bytes of the name of its program, which it may have chosen itself.
    pub(crate) name: String,
    /// Real, effective and saved.
    pub(crate) uids: [u32; 3],
    pub(crate) parent: i32,
    /// Whether it is in a PID namespace below this one.
    pub(crate) is_nested: bool,
}

/// All processes. Those that end meanwhile may be left out.
pub(crate) fn all() -> Found<Vec<Listed>> {
    let mut all = Found { found: Vec::new(), unseen: None };
    let mut pids = Vec::new();
    match pids_of(Path::new(PROC), &mut pids) {
        Ok(()) => {}
        Err(error) => all.miss(Error::with(Path::new(PROC), "be read", &error)),
    }
    // That of this procfs's own PID namespace.
    let own = fs::read_link("/proc/self").ok().and_then(|own| pid(own.as_os_str()));
    if own.is_none_or(|own| !pids.contains(&own)) {
        all.miss(Error::new(
            "/proc does not show the processes of this system",
            "let /proc be the procfs of this system",
        ));
    } else if !pids.contains(&1) {
        let fix = if geteuid().is_root() { "let /proc be mounted without hidepid" } else { AS_ROOT };
        all.miss(Error::new("/proc hides the processes of others", fix));
    }
    for pid in pids {
        match Listed::read(pid) {
            Ok(listed) => all.found.extend(listed),
            Err(error) => all.miss(error),
        }
    }
    all
}

fn pids_of(directory: &Path, pids: &mut Vec<i32>) -> io::Result<()> {
    for entry in directory.read_dir()? {
        pids.extend(pid(&entry?.file_name()));
    }
    Ok(())
}

fn pid(name: &OsStr) -> Option<i32> {
    name.to_str()?.parse().ok()
}

impl Listed {
    /// `None`: it has ended.
    fn read(pid: i32) -> Result<Option<Self>, Error> {
        let unreadable = || unread(pid, "status", &Errno::NOENT.into());
        match read(pid, "status")? {
            Some(status) => Self::parse(pid, &status).map(Some).ok_or_else(unreadable),
            None if exists(pid) => Err(unreadable()),
            None => Ok(None),
        }
    }

    fn parse(pid: i32, status: &[u8]) -> Option<Self> {
        let value = |key: &[u8]| {
            let mut lines = status.split(|byte| *byte == b'\n');
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(b":\t"))
        };
        let numbers = |key| {
            let text = std::str::from_utf8(value(key)?).ok()?;
            text.split_whitespace().map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>()
        };
        Some(Self {
            pid,
            // A name may hold any bytes.
            name: String::from_utf8_lossy(value(b"Name")?).into_owned(),
            uids: numbers(b"Uid")?.get(..3)?.try_into().ok()?,
            parent: numbers(b"PPid")?.first().copied()?.try_into().ok()?,
            // A number for each PID namespace from this one down.
            is_nested: numbers(b"NSpid").is_some_and(|pids| pids.len() > 1),
        })
    }

    pub(crate) fn directory(&self) -> PathBuf {
        directory(self.pid)
    }

    /// A file of it. `None`: it has ended, or has no such file.
    pub(crate) fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        read(self.pid, name)
    }

    /// Whether it has this program's root directory. systemd's sandboxes keep it, and containers have their own.
    pub(crate) fn has_same_root(&self) -> Result<bool, Error> {
        let answer = |directory: PathBuf| present(self.pid, "root", has_same_root(&directory));
        if let Some(answer) = answer(self.directory())? {
            return Ok(answer);
        }
        // Its first thread has ended, as pthread_exit(3) does. Others may go on.
        let threads = self.directory().join("task");
        let mut ids = Vec::new();
        present(self.pid, "task", pids_of(&threads, &mut ids))?;
        for id in ids {
            if answer(threads.join(id.to_string()))? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it is in another user namespace than this program. In one of their own, users have any root directory
    /// that they want: `unshare -r chroot`.
    pub(crate) fn has_other_user_namespace(&self) -> Result<bool, Error> {
        let both = user_namespace(&self.directory())
            .and_then(|theirs| Ok(theirs != user_namespace(Path::new("/proc/self"))?));
        Ok(present(self.pid, "ns/user", both)?.unwrap_or(false))
    }

    /// Whether the program that it executes is what this program finds at the same path, or was removed there, as an
    /// upgrade does. In a mount namespace of their own, users can give any program any path.
    pub(crate) fn has_its_program_there(&self) -> Result<bool, Error> {
        let link = self.directory().join("exe");
        let is_there = || {
            let path = link.read_link()?;
            if path.as_os_str().as_encoded_bytes().ends_with(b" (deleted)") {
                return Ok(true);
            }
            match is_same(&link, &path) {
                // Root has started no program from where root may not look.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(false),
                answer => Ok(answer?),
            }
        };
        Ok(present(self.pid, "exe", is_there())?.unwrap_or(false))
    }
}

/// The user namespace of a process, as namespaces(7) names it.
fn user_namespace(directory: &Path) -> io::Result<PathBuf> {
    fs::read_link(directory.join("ns/user"))
}

/// The same of what has this directory in /proc.
fn has_same_root(directory: &Path) -> io::Result<bool> {
    Ok(is_same(&directory.join("root/"), Path::new("/"))?)
}

/// Whether both paths lead to the same file. Of files on two filesystems, nothing but that is asked.
fn is_same(one: &Path, other: &Path) -> Result<bool, Errno> {
    let (none, inode) = (StatxFlags::empty(), StatxFlags::INO);
    Ok(place(one, none)?.0 == place(other, none)?.0 && place(one, inode)? == place(other, inode)?)
}

/// The device and the inode of a file. A filesystem of a user's, which may never answer, is not asked; and without any
/// `mask`, one that keeps root out says its device all the same.
pub(crate) fn place(path: &Path, mask: StatxFlags) -> Result<((u32, u32), u64), Errno> {
    statx(CWD, path, AtFlags::STATX_DONT_SYNC, mask)
        .map(|stat| ((stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino))
}

/// Whether there is such a process, as the kernel says without /proc.
fn exists(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn directory(pid: i32) -> PathBuf {
    Path::new(PROC).join(pid.to_string())
}

/// A file of a process. `None`: it has ended, or has no such file.
pub(crate) fn read(pid: i32, name: &str) -> Result<Option<Vec<u8>>, Error> {
    present(pid, name, fs::read(directory(pid).join(name)))
}

/// What was read of a process. `None`: it has ended, or has no such file.
pub(crate) fn present<T>(pid: i32, name: &str, read: io::Result<T>) -> Result<Option<T>, Error> {
    match read {
        Err(error) if is_gone(&error) => Ok(None),
        read => read.map(Some).map_err(|error| unread(pid, name, &error)),
    }
}

/// The same, of the crate `procfs`.
pub(crate) fn answer<T>(pid: i32, name: &str, read: ProcResult<T>) -> Result<Option<T>, Error> {
    match read {
        Err(ProcError::NotFound(_)) => Ok(None),
        Err(ProcError::PermissionDenied(_)) => Err(unread(pid, name, &Errno::ACCESS.into())),
        Err(ProcError::Io(error, _)) => present(pid, name, Err(error)),
        Err(other) => Err(unread(pid, name, &io::Error::other(other))),
        Ok(value) => Ok(Some(value)),
    }
}

/// Whether that is what /proc says of a process that has ended.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// What of a process cannot be read.
fn unread(pid: i32, name: &str, error: &io::Error) -> Error {
    let fix = if geteuid().is_root() { "run this as root with CAP_SYS_PTRACE" } else { AS_ROOT };
    Error::new(format!("{name} of the process {pid} cannot be read: {}", errno(error)), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_any_bytes() {
        let status = b"Name:\tssh\xff\\nUid:\nUmask:\t0022\nPPid:\t7\nUid:\t1000\t0\t2\t0\nNSpid:\t12\t3\n";
        let listed = Listed::parse(12, status).expect("a process");
        assert_eq!((listed.name.as_str(), listed.parent), ("ssh\u{fffd}\\nUid:", 7));
        assert_eq!((listed.uids, listed.is_nested), ([1000, 0, 2], true));
        assert!(Listed::parse(12, b"Name:\tsshd\nPPid:\t1\n").is_none());
    }

    #[test]
    fn all_processes_are_seen_and_one_that_has_ended_is_no_error() {
        let all = all();
        assert_eq!(all.unseen, None);
        let own = i32::try_from(std::process::id()).expect("a pid");
        let this = all.found.iter().find(|listed| listed.pid == own).expect("this process");
        assert_eq!(this.has_same_root(), Ok(true));
        // Above the largest pid of Linux.
        assert!(Listed::read(1 << 23).is_ok_and(|listed| listed.is_none()));
        assert_eq!(read(own, "no such file"), Ok(None));
    }
}
