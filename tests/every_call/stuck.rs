//! What is printed where a login is stuck: what each process of the sandbox waits for. One that is slow is not stuck.

use std::fs;
use std::ptr::null_mut;
use std::time::Instant;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::outside;

/// Longer than any call takes that is not stuck, in seconds. A whole hook may take longer on a busy machine, where each
/// of its some thousand stops waits for its turn.
const SECONDS: u64 = 40;

/// While it lives, a wait of this process ends with EINTR each second.
pub(crate) struct Patience {
    /// When something last happened.
    moved: Instant,
}

extern "C" fn nothing(_: libc::c_int) {}

/// Lets the timer end a wait, and not the process. Call it before anything is forked, so that all have the same handlers.
pub(crate) fn prepare() {
    // Without SA_RESTART.
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing.
    unsafe { sigaction(Signal::SIGALRM, &action) }.expect("a handler");
}

impl Patience {
    pub(crate) fn begin() -> Patience {
        set_timer(1);
        Patience { moved: Instant::now() }
    }

    /// Something has happened.
    pub(crate) fn renew(&mut self) {
        self.moved = Instant::now();
    }

    /// Whether nothing has happened for too long.
    pub(crate) fn is_over(&self) -> bool {
        self.moved.elapsed().as_secs() >= SECONDS
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        set_timer(0);
    }
}

fn set_timer(seconds: i64) {
    let after = |tv_sec| libc::timeval { tv_sec, tv_usec: 0 };
    let timer = libc::itimerval { it_value: after(seconds), it_interval: after(1) };
    // SAFETY: the kernel reads the timer, which outlives the call, and writes nothing to null.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, null_mut()) }, 0);
}

pub(crate) fn print() {
    for pid in outside::processes() {
        let of = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let status = of("status");
        let state = status.lines().filter(|line| {
            ["Name", "State", "PPid", "TracerPid", "SigBlk"].iter().any(|key| line.starts_with(key))
        });
        println!("stuck: process {pid}, {}", state.collect::<Vec<_>>().join(", ").replace('\t', " "));
        println!("stuck:   call {}, waits in {}", of("syscall").trim_end(), of("wchan"));
        for frame in of("stack").lines() {
            println!("stuck:     {frame}");
        }
    }
}
