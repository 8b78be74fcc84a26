//! Reads the seccomp filters of another process, and puts them on this one: ptrace(2), seccomp(2).
//!
//! A process gets filters from its parent only, and no file shows them. A tracer may read them as the classic BPF that
//! they are.

use super::SysError;
use super::process::Process;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

/// linux/ptrace.h; not in every libc.
const PTRACE_SECCOMP_GET_FILTER: u32 = 0x420c;

/// The most filters that a process is asked for. The kernel limits them by their instructions only; systemd makes a
/// dozen.
const MAX_FILTERS: usize = 256;

/// How long the process may take to stop, and another tracer to let it go. It may be in a system call that does not
/// end.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an EPERM may come from a tracer that has let the process go since.
const BRIEFLY: Duration = Duration::from_millis(20);

/// linux/bpf_common.h: BPF_RET | BPF_K, an instruction that ends the filter with the action in `k`.
const RETURN: u16 = 0x06;

/// linux/seccomp.h: the upper half of an action.
const ACTION: u32 = 0xffff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const KILL_THREAD: u32 = 0;
const ERRNO: u32 = 0x0005_0000;

/// A filter, as its instructions.
pub(crate) struct Filter(Vec<libc::sock_filter>);

/// The filters of a process, oldest first. It is stopped for that, for less than a millisecond, and goes on as if
/// nothing had happened, also if this process is killed meanwhile. The error is EACCES if this process is under a
/// filter itself.
pub(crate) fn filters(process: &Process) -> Result<Vec<Filter>, SysError> {
    let pid = Pid::from_raw(process.pid());
    let traced = Traced::stop(process)?;
    let mut filters = Vec::new();
    while filters.len() < MAX_FILTERS {
        match traced.filter(filters.len()) {
            Ok(filter) => filters.push(filter),
            // There are no more.
            Err(Errno::ENOENT) => break,
            Err(errno) => {
                return Err(SysError::of("ptrace", format_args!("PTRACE_SECCOMP_GET_FILTER, {pid}"))(errno));
            }
        }
    }
    Ok(filters)
}

/// A process that is stopped. Dropping it lets the process go on.
struct Traced {
    pid: Pid,
    /// A signal that was about to be delivered when it stopped.
    pending: Option<Signal>,
}

impl Traced {
    fn stop(process: &Process) -> Result<Self, SysError> {
        let pid = Pid::from_raw(process.pid());
        let failed = |request: &str| SysError::of::<Errno>("ptrace", format!("{request}, {pid}"));
        seize(pid)?;
        let mut traced = Self { pid, pending: None };
        // A tracee keeps its pid until its tracer has waited for it. A stranger is not stopped, and no tracee any more
        // as soon as this process ends.
        process.must_exist()?;
        ptrace::interrupt(pid).map_err(failed("PTRACE_INTERRUPT"))?;
        let begun = Instant::now();
        loop {
            // __WALL is implied for a tracee: wait(2).
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)).map_err(failed("waitpid"))? {
                WaitStatus::Stopped(_, signal) => {
                    traced.pending = Some(signal);
                    return Ok(traced);
                }
                WaitStatus::PtraceEvent(..) => return Ok(traced),
                WaitStatus::StillAlive if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_micros(50));
                }
                WaitStatus::StillAlive => return Err(failed("waitpid")(Errno::ETIMEDOUT)),
                _ => return Err(failed("waitpid")(Errno::ESRCH)),
            }
        }
    }

    /// The filter with this index, 0 being the oldest.
    fn filter(&self, index: usize) -> Result<Filter, Errno> {
        let request = |instructions: *mut libc::sock_filter| {
            // SAFETY: ptrace(2) takes an index here instead of an address, and writes as many instructions as the
            // filter has; with a null pointer it writes nothing, and gives their number.
            let result = unsafe {
                libc::ptrace(PTRACE_SECCOMP_GET_FILTER as _, self.pid.as_raw(), index, instructions)
            };
            usize::try_from(result).map_err(|_| Errno::last())
        };
        let length = request(null_mut())?;
        let mut instructions = vec![libc::sock_filter { code: 0, jt: 0, jf: 0, k: 0 }; length];
        // A filter never changes, and the process is stopped, so the length is still right.
        request(instructions.as_mut_ptr())?;
        Ok(Filter(instructions))
    }
}

/// Becomes the tracer. A process has one at a time, and others who check it at this moment trace it for less than a
/// millisecond.
fn seize(pid: Pid) -> Result<(), SysError> {
    let begun = Instant::now();
    let mut untraced_since = begun;
    loop {
        let Err(errno) = ptrace::seize(pid, Options::empty()) else { return Ok(()) };
        let tracer = tracer(pid).filter(|_| errno == Errno::EPERM);
        // A tracer may have gone since the refusal, and others may be in the way the next time.
        if tracer.is_some() {
            untraced_since = Instant::now();
        }
        if errno != Errno::EPERM || begun.elapsed() > PATIENCE || untraced_since.elapsed() > BRIEFLY {
            let whose = tracer.map(|tracer| format!(", which process {tracer} traces")).unwrap_or_default();
            return Err(SysError::of("ptrace", format_args!("PTRACE_SEIZE, {pid}{whose}"))(errno));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Who traces a process: proc_pid_status(5). `None`: nobody, or it is unknown.
fn tracer(pid: Pid) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?.trim().parse().ok()?;
    (tracer != 0).then_some(tracer)
}

impl Drop for Traced {
    fn drop(&mut self) {
        // The kernel does the same when this process ends.
        let _ = ptrace::detach(self.pid, self.pending);
    }
}

impl Filter {
    /// The same, but it answers with EPERM where it would kill.
    pub(crate) fn killing_nobody(&self) -> Self {
        let changed = self.0.iter().map(|instruction| match instruction {
            libc::sock_filter { code: RETURN, k, .. }
                if [KILL_PROCESS, KILL_THREAD].contains(&(k & ACTION)) =>
            {
                libc::sock_filter { k: ERRNO | Errno::EPERM as u32, ..*instruction }
            }
            other => *other,
        });
        Self(changed.collect())
    }

    /// Puts the filter on this thread, for good. It must have no_new_privs or CAP_SYS_ADMIN.
    pub(crate) fn install(&self) -> Result<(), SysError> {
        let failed = SysError::of::<Errno>("seccomp", "SECCOMP_SET_MODE_FILTER");
        let Ok(len) = u16::try_from(self.0.len()) else { return Err(failed(Errno::EINVAL)) };
        let program = libc::sock_fprog { len, filter: self.0.as_ptr().cast_mut() };
        let flags: libc::c_ulong = 0;
        // SAFETY: seccomp(2) reads `program` and its `len` instructions, and keeps neither.
        let result = unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        };
        Errno::result(result).map(drop).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_that_got_the_pid_of_another_is_not_read_and_goes_on() {
        let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(Pid::from_raw(stranger.id().try_into().unwrap())).unwrap();
        let started: u64 = process.key().split_once(' ').unwrap().1.parse().unwrap();
        let error = filters(&Process::new(process.pid(), started - 1)).err().unwrap();
        assert_eq!(error.errno, Errno::ESRCH);
        assert!(stranger.try_wait().unwrap().is_none());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
