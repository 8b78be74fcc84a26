//! Forks this process, for programs that check many users: a child is there at once, and knows what its parent knows.
//! The module never forks.

use super::directory;
use super::process::Process;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getpid, getppid, pipe2, setpgid};
use rustix::process::set_parent_process_death_signal;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The descriptor of the pipe in a child, beside standard input, output and error.
const PIPE: i32 = 3;

/// How long a child may take to end after SIGKILL. One that waits for a filesystem may never end.
const PATIENCE: Duration = Duration::from_secs(1);

/// A child process. Dropping it kills the child, and waits until it has ended, but not for longer than a second.
pub struct Forked {
    /// What the child writes.
    pub output: File,
    /// `None`: it has ended and was waited for, so its pid may be another process's.
    pid: Option<Pid>,
    group: Group,
}

/// The process group of a child.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Its own, so that what the child has started is killed with it.
    Own,
    /// That of its parent.
    Parents,
}

/// Runs `work` in a child process, which ends then. `work` gets the pipe to this process. Of all descriptors the child
/// has that one only: what it leaves behind, should a filesystem not answer it, keeps nothing of the caller's open.
///
/// The error: the process cannot fork, or it has several threads, whose locks nobody would release in the child.
pub fn fork(group: Group, work: impl FnOnce(File)) -> io::Result<Forked> {
    // std's read_dir panics where closing the directory fails.
    if directory::names(File::open("/proc/self/task")?)?.len() != 1 {
        return Err(io::Error::other("a process with several threads cannot fork"));
    }
    let (output, pipe) = pipe2(OFlag::O_CLOEXEC)?;
    let parent = getpid();
    // SAFETY: this is the only thread, so the child may do whatever this process may.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child: pid } => {
            drop(pipe);
            if group == Group::Own {
                // The child does the same; it may have ended by now.
                let _ = setpgid(pid, pid);
            }
            Ok(Forked { output: output.into(), pid: Some(pid), group })
        }
        ForkResult::Child => {
            let done = catch_unwind(AssertUnwindSafe(|| {
                if let Ok(pipe) = keep_only(pipe, parent, group) {
                    work(pipe);
                }
            }));
            // SAFETY: it ends the process, without running what the parent has registered for its own end.
            unsafe { libc::_exit(done.is_err().into()) }
        }
    }
}

/// Keeps what the caller of this program has left open, beyond standard input, output and error, from the programs that
/// this one starts. One that waits for a filesystem for ever would keep a caller waiting that reads a pipe to its end.
pub fn pass_on_standard_descriptors_only() -> io::Result<()> {
    let (first, last) = (PIPE.unsigned_abs(), u32::MAX);
    // SAFETY: it closes nothing, and sets a flag that counts when a program is started.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    Ok(Errno::result(done).map(drop)?)
}

/// Leaves the child nothing of its parent's but `pipe`, and no life without it.
fn keep_only(pipe: OwnedFd, parent: Pid, group: Group) -> Result<File, Errno> {
    if group == Group::Own {
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    }
    let death = Some(rustix::process::Signal::KILL);
    set_parent_process_death_signal(death).map_err(|errno| Errno::from_raw(errno.raw_os_error()))?;
    if getppid() != parent {
        return Err(Errno::ESRCH);
    }
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?.into_raw_fd();
    let pipe = pipe.into_raw_fd();
    // SAFETY: nothing in the child uses the descriptors of its parent: `work` gets the pipe, and the rest is closed.
    unsafe {
        for standard in 0..PIPE {
            Errno::result(libc::dup2(null, standard))?;
        }
        if pipe != PIPE {
            Errno::result(libc::dup3(pipe, PIPE, libc::O_CLOEXEC))?;
        }
        let (first, last) = (PIPE.unsigned_abs() + 1, u32::MAX);
        Errno::result(libc::syscall(libc::SYS_close_range, first, last, 0))?;
        Ok(File::from_raw_fd(PIPE))
    }
}

impl Forked {
    /// Waits for the end of a child that has closed its pipe, and says how it ended, for people.
    pub fn ended(mut self) -> String {
        let Some(pid) = self.pid.take() else { return String::new() };
        match waitpid(pid, None) {
            Ok(WaitStatus::Exited(_, status)) => format!("exit status {status}"),
            Ok(WaitStatus::Signaled(_, signal, _)) => signal.as_str().to_owned(),
            Ok(other) => format!("{other:?}"),
            Err(errno) => errno.desc().to_owned(),
        }
    }

    /// Which process it is.
    pub fn process(&self) -> io::Result<Process> {
        let ended = || io::Error::from(io::ErrorKind::NotFound);
        self.pid.and_then(Process::of).ok_or_else(ended)
    }

    /// Kills a child that waits for a filesystem, and does not wait for its end: it may not even end by SIGKILL.
    pub fn abandon(mut self) {
        self.kill();
        self.pid = None;
    }

    fn kill(&self) {
        // It may have ended by itself.
        let _ = self.pid.map(|pid| match self.group {
            Group::Own => killpg(pid, Signal::SIGKILL),
            Group::Parents => kill(pid, Signal::SIGKILL),
        });
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        self.kill();
        let Some(pid) = self.pid else { return };
        let begun = Instant::now();
        while matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
            && begun.elapsed() < PATIENCE
        {
            sleep(Duration::from_micros(50));
        }
    }
}
