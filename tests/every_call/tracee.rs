//! A forked process that runs step by step under ptrace(2): one of its system calls can be made to fail, or be the
//! moment at which it is killed. Only its first thread is traced, and nothing that it forks.

use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Longer than any login takes that is not stuck, in seconds. SIGALRM then ends the process.
const PATIENCE: u32 = 40;

/// What the process says at a [`mark`]: the step, a code, and two settings that nobody else can ask for.
static SAID: [AtomicI32; 4] = [const { AtomicI32::new(0) }; 4];

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Error(i32),
    Kill,
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
}

enum Resumed {
    At(Stop),
    Enters(Call),
    Leaves,
}

/// To what a process goes on.
#[derive(Clone, Copy)]
enum Until {
    Mark,
    /// The beginning or the end of a call.
    Call,
}

pub(crate) struct Tracee(pub(crate) Pid);

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
                ptrace::traceme().expect("traced");
                // SAFETY: neither takes a pointer; the process ends without its parent's destructors.
                unsafe {
                    libc::alarm(PATIENCE);
                    body();
                    libc::_exit(0)
                }
            }
            ForkResult::Parent { child } => {
                let mut tracee = Tracee(child);
                let first = tracee.wait();
                let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
                if matches!(first, Resumed::At(Stop::Mark { .. })) {
                    ptrace::setoptions(child, options).expect("options");
                }
                let Resumed::At(first) = first else { unreachable!("no call is traced yet") };
                (tracee, first)
            }
        }
    }

    /// Goes on to the next mark.
    pub(crate) fn go_on(&mut self) -> Stop {
        match self.resume(Until::Mark) {
            Resumed::At(stop) => stop,
            Resumed::Enters(_) | Resumed::Leaves => unreachable!("no call is traced"),
        }
    }

    /// Goes on to the next mark, with a fault at the n-th call from here, if the process makes so many. Gives the calls
    /// up to there, or all.
    pub(crate) fn go_on_with(&mut self, fault: Option<(usize, Fault)>) -> (Vec<Call>, Stop) {
        let mut calls = Vec::new();
        loop {
            match self.resume(Until::Call) {
                Resumed::At(stop) => return (calls, stop),
                Resumed::Leaves => {}
                Resumed::Enters(call) if is_mark(call) || is_of_libpam(call) => return (calls, self.go_on()),
                Resumed::Enters(call) => {
                    let due = fault.filter(|(nth, _)| *nth == calls.len());
                    calls.push(call);
                    match due {
                        None => {}
                        Some((_, Fault::Kill)) => return (calls, self.kill()),
                        Some((_, Fault::Error(errno))) => {
                            self.fail(call, errno);
                            return (calls, self.go_on());
                        }
                    }
                }
            }
        }
    }

    /// Lets the call at whose beginning it has stopped fail: without it being carried out, but for close(2).
    fn fail(&mut self, call: Call, errno: i32) {
        if !is_done_all_the_same(call) {
            self.skip();
        }
        self.resume(Until::Call);
        self.set_result(-i64::from(errno));
    }

    /// Kills it, and waits for its end.
    pub(crate) fn kill(&mut self) -> Stop {
        let _ = kill(self.0, Signal::SIGKILL);
        loop {
            if let Resumed::At(stop @ (Stop::Exited(_) | Stop::Killed(_))) = self.wait() {
                return stop;
            }
        }
    }

    fn resume(&mut self, until: Until) -> Resumed {
        let mut signal = None;
        loop {
            match until {
                Until::Mark => ptrace::cont(self.0, signal),
                Until::Call => ptrace::syscall(self.0, signal),
            }
            .expect("a stopped process");
            let status = waitpid(self.0, Some(WaitPidFlag::__WALL)).expect("our child");
            match status {
                // Its own signals reach it.
                WaitStatus::Stopped(_, other) if other != Signal::SIGSTOP && other != Signal::SIGTRAP => {
                    signal = Some(other);
                }
                status => return self.seen(status),
            }
        }
    }

    fn wait(&mut self) -> Resumed {
        let status = waitpid(self.0, Some(WaitPidFlag::__WALL)).expect("our child");
        self.seen(status)
    }

    fn seen(&self, status: WaitStatus) -> Resumed {
        match status {
            WaitStatus::Exited(_, code) => Resumed::At(Stop::Exited(code)),
            WaitStatus::Signaled(_, signal, _) => Resumed::At(Stop::Killed(signal)),
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {
                let [step, code, dumpable, death] = self.said();
                Resumed::At(Stop::Mark { step, code, dumpable, death })
            }
            WaitStatus::Stopped(_, _) => Resumed::At(Stop::Program),
            WaitStatus::PtraceSyscall(_) => {
                let info = ptrace::syscall_info(self.0).expect("a call");
                if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
                    return Resumed::Leaves;
                }
                // SAFETY: at an entry the kernel has filled this part.
                let entry = unsafe { info.u.entry };
                Resumed::Enters(Call { number: entry.nr as i64, arguments: entry.args })
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// The copy that it has of [`SAID`], at the same address.
    fn said(&self) -> [i32; 4] {
        let word = |n: usize| {
            let address = (&raw const SAID).cast::<c_void>().cast_mut().wrapping_byte_add(n * 8);
            ptrace::read(self.0, address).expect("its memory")
        };
        let (first, second) = (word(0).to_ne_bytes(), word(1).to_ne_bytes());
        let int = |word: [u8; 8], at: usize| {
            i32::from_ne_bytes([word[at], word[at + 1], word[at + 2], word[at + 3]])
        };
        [int(first, 0), int(first, 4), int(second, 0), int(second, 4)]
    }

    /// Lets the kernel find no such call, at its beginning.
    #[cfg(target_arch = "x86_64")]
    fn skip(&self) {
        let mut registers = ptrace::getregs(self.0).expect("registers");
        registers.orig_rax = u64::MAX;
        ptrace::setregs(self.0, registers).expect("registers");
    }

    /// The same, with the register set that has the number of the call only.
    #[cfg(target_arch = "aarch64")]
    fn skip(&self) {
        const NT_ARM_SYSTEM_CALL: usize = 0x404;
        let mut none: libc::c_int = -1;
        let mut number = libc::iovec { iov_base: (&raw mut none).cast(), iov_len: size_of_val(&none) };
        // SAFETY: the kernel reads an int through the vector; both outlive the call.
        let set = unsafe {
            libc::ptrace(libc::PTRACE_SETREGSET, self.0.as_raw(), NT_ARM_SYSTEM_CALL, &raw mut number)
        };
        assert_eq!(set, 0, "the number of the call");
    }

    /// Sets the answer of the call at whose end it has stopped.
    fn set_result(&self, result: i64) {
        let mut registers = ptrace::getregs(self.0).expect("registers");
        #[cfg(target_arch = "x86_64")]
        let answer = &mut registers.rax;
        #[cfg(target_arch = "aarch64")]
        let answer = &mut registers.regs[0];
        *answer = result as u64;
        ptrace::setregs(self.0, registers).expect("registers");
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
