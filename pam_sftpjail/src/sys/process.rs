//! Tells a process from a later one that has got its pid.
#![forbid(unsafe_code)]

use super::SysError;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::fs;

/// A process of this PID namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pid: Pid,
    started: u64,
}

impl Process {
    /// `started`: when it was started, in clock ticks since the boot: `starttime` of proc_pid_stat(5).
    pub fn new(pid: i32, started: u64) -> Self {
        Self { pid: Pid::from_raw(pid), started }
    }

    /// The one that has this pid now. `None`: it has ended.
    pub(crate) fn of(pid: Pid) -> Option<Self> {
        let started = started(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        Some(Self { pid, started })
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// What no other process has until the next boot: the pid, and when it was started.
    pub fn key(&self) -> String {
        format!("{} {}", self.pid, self.started)
    }

    /// Whether it is there. Then all that was read by its pid since it was found was its own: a pid that has gone to
    /// another process does not come back.
    pub fn exists(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// The error, ESRCH: it is not there.
    pub(crate) fn must_exist(&self) -> Result<(), SysError> {
        let gone = || SysError::of::<Errno>("open", format!("/proc/{}", self.pid))(Errno::ESRCH);
        self.exists().then_some(()).ok_or_else(gone)
    }
}

/// The 22nd field. The second, the name in brackets, may hold anything.
fn started(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_the_same_pid_and_another_start_is_another_one() {
        let this = Process::of(Pid::this()).unwrap();
        let (pid, started) = (this.pid(), this.started);
        assert!(Process::new(pid, started).exists());
        assert!(!Process::new(pid, started + 1).exists());
        assert!(Process::new(pid, started + 1).must_exist().is_err());
    }

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_move_the_field() {
        let stat = "7 (a) 1 (b) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 2 3";
        assert_eq!(started(stat), Some(4711));
    }
}
