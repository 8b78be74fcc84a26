//! A forked process that runs step by step under ptrace(2), and with it all that it forks: a system call of any of them
//! can be made to fail, or be the moment at which that one is killed.

use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, setpgid};

use crate::registers;
use crate::stuck;

/// How long what a hook has forked may go on after it, until it has seen that.
const SOON: Duration = Duration::from_secs(2);

/// What the process says at a [`mark`]: the step, a code, and two settings that nobody else can ask for.
static SAID: [AtomicI32; 4] = [const { AtomicI32::new(0) }; 4];

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Error(i32),
    Kill,
}

/// Which call it is: the n-th of the n-th process. The first one is number 0, and those that it forks follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) process: usize,
    pub(crate) nth: usize,
}

/// A system call, as the kernel numbers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) number: i64,
    pub(crate) arguments: [u64; 6],
}

/// Where the process has stopped, or how it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Mark {
        step: i32,
        code: i32,
        dumpable: i32,
        death: i32,
    },
    /// It executes another program from here on.
    Program,
    Exited(i32),
    Killed(Signal),
    /// It, or what it has forked, did nothing for too long. It was killed.
    Stuck,
}

/// What was seen of one hook, or of a program.
pub(crate) struct Traced {
    /// The calls of each process up to the fault, or all.
    pub(crate) calls: Vec<Vec<Call>>,
    /// The call at which the fault was.
    pub(crate) failed: Option<Call>,
    pub(crate) stop: Stop,
}

/// Why one of the processes has stopped.
enum Seen {
    At(Stop),
    Enters(Call),
    Leaves,
    /// On its way to it.
    Signal(Signal),
    /// It begins, or has forked.
    Fork,
}

/// To what a process goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Mark,
    /// The beginning or the end of a call.
    Call,
}

pub(crate) struct Tracee {
    pub(crate) pid: Pid,
    /// It, and what it has forked; `true`: it has ended.
    processes: Vec<(Pid, bool)>,
}

/// Stops the process until the tracer goes on with it. Only for a process that [`Tracee::start`] has forked.
pub(crate) fn mark(step: i32, code: i32) {
    let (mut dumpable, mut death) = (0, 0_i32);
    // SAFETY: prctl(2) writes an int to the one address, which outlives the call.
    unsafe {
        dumpable += libc::prctl(libc::PR_GET_DUMPABLE);
        libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut death);
    }
    for (said, value) in SAID.iter().zip([step, code, dumpable, death]) {
        said.store(value, Ordering::SeqCst);
    }
    // SAFETY: no pointer is passed.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::gettid(), libc::SIGSTOP) };
}

impl Tracee {
    /// Forks a process that runs `body`, which begins with a [`mark`], and exits. Gives it at that mark.
    pub(crate) fn start(body: impl FnOnce()) -> (Tracee, Stop) {
        // SAFETY: this program has one thread.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Child => {
                // By its group, it is told from other children.
                setpgid(Pid::from_raw(0), Pid::from_raw(0)).expect("a process group");
                ptrace::traceme().expect("traced");
                body();
                // SAFETY: no pointer is passed; the process ends without its parent's destructors.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                let tracee = Tracee { pid: child, processes: vec![(child, false)] };
                let status = waitpid(child, Some(WaitPidFlag::__WALL)).expect("our child");
                let Seen::At(first) = tracee.seen(child, status) else {
                    unreachable!("no call is traced yet")
                };
                if matches!(first, Stop::Mark { .. }) {
                    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
                    let forks = Options::PTRACE_O_TRACEFORK
                        | Options::PTRACE_O_TRACEVFORK
                        | Options::PTRACE_O_TRACECLONE;
                    ptrace::setoptions(child, options | forks).expect("options");
                }
                (tracee, first)
            }
        }
    }

    /// Goes on to the next mark.
    pub(crate) fn go_on(&mut self) -> Stop {
        self.run(Until::Mark, None).stop
    }

    /// Goes on to the next mark, with a fault at that call from here, if there are so many.
    pub(crate) fn go_on_with(&mut self, fault: Option<(Place, Fault)>) -> Traced {
        self.run(Until::Call, fault)
    }

    /// Where the first process has ended, what it has forked has as well when this returns.
    fn run(&mut self, mut until: Until, fault: Option<(Place, Fault)>) -> Traced {
        let mut patience = stuck::Patience::begin();
        let mut traced = Traced { calls: vec![Vec::new()], failed: None, stop: Stop::Stuck };
        let mut failing = None;
        self.resume(self.pid, until, None);
        loop {
            let (pid, status) = match self.next(None) {
                Ok(stopped) => stopped,
                Err(Errno::ECHILD) => return traced,
                Err(Errno::EINTR) if !patience.is_over() => continue,
                Err(_) => {
                    self.kill_all();
                    return Traced { stop: Stop::Stuck, ..traced };
                }
            };
            patience.renew();
            let process = self.number(pid);
            let mut signal = None;
            match self.seen(pid, status) {
                Seen::At(stop @ (Stop::Exited(_) | Stop::Killed(_))) => {
                    if process == 0 {
                        traced.stop = stop;
                    }
                    continue;
                }
                Seen::At(stop) if process == 0 => return Traced { stop, ..traced },
                Seen::At(_) | Seen::Fork => {}
                Seen::Signal(own) => signal = Some(own),
                Seen::Leaves => {
                    if let Some(errno) =
                        failing.take_if(|(failing, _)| *failing == pid).map(|(_, errno)| errno)
                    {
                        registers::set_result(pid, -i64::from(errno));
                    }
                }
                Seen::Enters(_) if until == Until::Mark => {}
                Seen::Enters(call) if process == 0 && (is_mark(call) || is_of_libpam(call)) => {
                    until = Until::Mark
                }
                Seen::Enters(call) => {
                    let nth = traced.calls.get(process).map_or(0, Vec::len);
                    traced.calls.resize_with(self.processes.len(), Vec::new);
                    traced.calls[process].push(call);
                    if let Some((_, fault)) = fault.filter(|(place, _)| *place == Place { process, nth }) {
                        traced.failed = Some(call);
                        until = Until::Mark;
                        match fault {
                            Fault::Kill => {
                                kill(pid, Signal::SIGKILL).expect("a stopped process");
                                continue;
                            }
                            Fault::Error(errno) => {
                                // Without it being carried out, but for close(2).
                                if !is_done_all_the_same(call) {
                                    registers::skip(pid);
                                }
                                failing = Some((pid, errno));
                                self.resume(pid, Until::Call, None);
                                continue;
                            }
                        }
                    }
                }
            }
            self.resume(pid, until, signal);
        }
    }

    /// Lets what it has forked go on, while it is at a mark itself. Gives the number of those that have not ended soon.
    pub(crate) fn running(&mut self) -> usize {
        let begun = Instant::now();
        loop {
            let running = self.processes.iter().skip(1).filter(|(_, has_ended)| !has_ended).count();
            if running == 0 || begun.elapsed() > SOON {
                return running;
            }
            match self.next(Some(WaitPidFlag::WNOHANG)) {
                Ok((pid, status)) => match self.seen(pid, status) {
                    Seen::At(Stop::Exited(_) | Stop::Killed(_)) => {}
                    Seen::Signal(signal) => self.resume(pid, Until::Mark, Some(signal)),
                    _ => self.resume(pid, Until::Mark, None),
                },
                Err(_) => sleep(Duration::from_millis(1)),
            }
        }
    }

    /// The next of them that stops or ends. The error: EINTR, none does for a while; ECHILD, all have ended.
    fn next(&mut self, options: Option<WaitPidFlag>) -> Result<(Pid, WaitStatus), Errno> {
        let group = Pid::from_raw(-self.pid.as_raw());
        let status = waitpid(group, Some(options.unwrap_or(WaitPidFlag::empty()) | WaitPidFlag::__WALL))?;
        let pid = status.pid().ok_or(Errno::EAGAIN)?;
        let process = self.number(pid);
        self.processes[process].1 = matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
        if let (WaitStatus::PtraceEvent(..), Ok(forked)) = (status, ptrace::getevent(pid)) {
            self.number(Pid::from_raw(forked as libc::pid_t));
        }
        Ok((pid, status))
    }

    /// The process's number. A new one can stop before its parent has said that it has forked.
    fn number(&mut self, pid: Pid) -> usize {
        match self.processes.iter().rposition(|(known, _)| *known == pid) {
            Some(number) => number,
            None => {
                self.processes.push((pid, false));
                self.processes.len() - 1
            }
        }
    }

    fn resume(&self, pid: Pid, until: Until, signal: Option<Signal>) {
        let resumed = match until {
            Until::Mark => ptrace::cont(pid, signal),
            Until::Call => ptrace::syscall(pid, signal),
        };
        // Another of them may have killed it.
        assert!(matches!(resumed, Ok(()) | Err(Errno::ESRCH)), "{pid} is not stopped: {resumed:?}");
    }

    /// Prints what each process of the sandbox waits for, and kills its own.
    fn kill_all(&mut self) {
        stuck::print();
        for (pid, _) in self.processes.iter().filter(|(_, has_ended)| !has_ended) {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        loop {
            match self.next(None) {
                Err(Errno::ECHILD) => return,
                Err(_) | Ok((_, WaitStatus::Exited(..) | WaitStatus::Signaled(..))) => {}
                // It had just begun.
                Ok((pid, _)) => drop(kill(pid, Signal::SIGKILL)),
            }
        }
    }

    fn seen(&self, pid: Pid, status: WaitStatus) -> Seen {
        match status {
            WaitStatus::Exited(_, code) => Seen::At(Stop::Exited(code)),
            WaitStatus::Signaled(_, signal, _) => Seen::At(Stop::Killed(signal)),
            WaitStatus::Stopped(_, Signal::SIGSTOP) if pid == self.pid => {
                let [step, code, dumpable, death] = self.said();
                Seen::At(Stop::Mark { step, code, dumpable, death })
            }
            WaitStatus::Stopped(_, Signal::SIGSTOP) | WaitStatus::PtraceEvent(..) => Seen::Fork,
            WaitStatus::Stopped(_, Signal::SIGTRAP) => Seen::At(Stop::Program),
            WaitStatus::Stopped(_, signal) => Seen::Signal(signal),
            WaitStatus::PtraceSyscall(_) => {
                let Ok(info) = ptrace::syscall_info(pid) else { return Seen::Leaves };
                if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
                    return Seen::Leaves;
                }
                // SAFETY: at an entry the kernel has filled this part.
                let entry = unsafe { info.u.entry };
                Seen::Enters(Call { number: entry.nr as i64, arguments: entry.args })
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// The copy that it has of [`SAID`], at the same address.
    fn said(&self) -> [i32; 4] {
        let word = |n: usize| {
            let address = (&raw const SAID).cast::<c_void>().cast_mut().wrapping_byte_add(n * 8);
            ptrace::read(self.pid, address).expect("its memory")
        };
        let (first, second) = (word(0).to_ne_bytes(), word(1).to_ne_bytes());
        let int = |word: [u8; 8], at: usize| {
            i32::from_ne_bytes([word[at], word[at + 1], word[at + 2], word[at + 3]])
        };
        [int(first, 0), int(first, 4), int(second, 0), int(second, 4)]
    }
}

/// Whatever close(2) answers, the descriptor is closed, and what was locked is free.
fn is_done_all_the_same(call: Call) -> bool {
    call.number == libc::SYS_close
}

/// libpam writes to the audit log when all modules have answered (pam_audit.c): a socket of NETLINK_AUDIT, and more.
fn is_of_libpam(call: Call) -> bool {
    let [domain, _, protocol, ..] = call.arguments;
    call.number == libc::SYS_socket && (domain, protocol) == (libc::AF_NETLINK as u64, 9)
}

fn is_mark(call: Call) -> bool {
    call.number == libc::SYS_tgkill && call.arguments[2] == libc::SIGSTOP as u64
}
