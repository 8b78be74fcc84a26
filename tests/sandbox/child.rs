//! A child that is in the PID namespace which its parent has chosen for children, and goes when its parent goes.

use std::io;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use rustix::process::set_parent_process_death_signal;

/// Forks. `None` in the child, which the kernel kills when the parent ends. There must be one thread only.
pub(crate) fn start() -> io::Result<Option<Pid>> {
    // SAFETY: no other thread holds a lock that the child would find locked for ever.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => {
            set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            Ok(None)
        }
    }
}

/// Waits for the child; the exit status is to be its own. Ends of the same signal, if one ended the child.
pub(crate) fn follow(child: Pid) -> ExitCode {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
            Ok(WaitStatus::Signaled(_, signal, _)) => {
                let _ = raise(signal);
                // Rust ignores SIGPIPE.
                return ExitCode::from(128 + Signal::SIGPIPE as u8);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return ExitCode::FAILURE,
        }
    }
}
