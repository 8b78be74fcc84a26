//! One run of `sftpjail reap` or `sftpjail expire`, with a fault or with none: beside what a killed session has left, or
//! beside a live session whose grant has ended.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execv, fork, pause, pipe2};

use crate::libpam::Pam;
use crate::outside::{self, Host};
use crate::played::{Outcome, Played};
use crate::session::{Logins, USER};
use crate::tracee::{Call, Fault, Stop, Tracee, mark};

const PROGRAM: &CStr = c"/usr/local/sbin/sftpjail";

/// What the registry has for the end of the grant, and a moment that has passed.
const UNTIL: (&str, &str) = ("until = 41", "until = 11");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Reap,
    Expire,
}

impl Verb {
    /// Plays one run of the verb, and another one without a fault that must do what is left to do.
    pub(crate) fn play(self, logins: &Logins<'_>, before: &Host, fault: Option<(usize, Fault)>) -> Played {
        let session = live(logins);
        match self {
            Verb::Reap => end(session),
            Verb::Expire => let_expire(),
        }
        logins.log.entries();
        let (calls, stop) = self.run(logins, fault);
        let said = logins.printed();
        let mut played = Played::new(calls);
        let mut logged = logins.log.entries();
        let is_over = self.is_over(session, before);
        match stop {
            Stop::Killed(_) if matches!(fault, Some((_, Fault::Kill))) => played.outcome = Outcome::Killed,
            // libc and std end a program before its main begins, where that cannot be prepared.
            Stop::Killed(Signal::SIGSEGV) if played.of_memory() => played.outcome = Outcome::Aborted,
            Stop::Killed(Signal::SIGABRT) if !said.contains("panicked at cli/") => {
                played.outcome = Outcome::Aborted
            }
            Stop::Exited(0) => {
                played.outcome = Outcome::Done;
                if !is_over {
                    played
                        .wrong
                        .push(format!("it says that it is done: {said:?}, {:?}", outside::left(before)));
                }
            }
            // A panic of std's own, for what fails in no kernel: random numbers, and closing a directory of /proc.
            Stop::Exited(code)
                if !said.is_empty() && (code != 101 || said.contains("/library/std/src/sys/")) =>
            {
                played.outcome = Outcome::Failed;
            }
            other => played.wrong.push(format!("{other:?}: {said:?}")),
        }
        if played.outcome != Outcome::Done {
            played.odd.push(format!("{stop:?}: {}", said.trim_end()));
        }

        let (_, again) = self.run(logins, None);
        let said = logins.printed();
        logged.extend(logins.log.entries());
        if again != Stop::Exited(0) || !self.is_over(session, before) {
            played.wrong.push(format!("the next run: {again:?}, {said:?}, {:?}", outside::left(before)));
        }
        let logs =
            logged.iter().filter(|entry| entry.contains(": expire: the session of user mle(uid=")).count();
        let is_right = match (self, played.outcome) {
            (Verb::Reap, _) => logs == 0,
            // Killed after the session's end, it has not logged that.
            (Verb::Expire, Outcome::Killed) => logs <= 1,
            // The first may have logged that the session goes on.
            (Verb::Expire, Outcome::Failed) => (1..=2).contains(&logs),
            (Verb::Expire, _) => logs == 1,
        };
        if !is_right {
            played.wrong.push(format!("logged {logs} entries of {self:?}: {logged:?}"));
        }
        if self == Verb::Expire {
            end(session);
        }
        played
    }

    fn run(self, logins: &Logins<'_>, fault: Option<(usize, Fault)>) -> (Vec<Call>, Stop) {
        let verb = if self == Verb::Reap { c"reap" } else { c"expire" };
        let (mut tracee, _) = Tracee::start(|| {
            logins.print_to_file();
            mark(0, -1);
            execv(PROGRAM, &[PROGRAM, verb]).expect("the program");
        });
        assert_eq!(tracee.go_on(), Stop::Program);
        tracee.go_on_with(fault)
    }

    /// Whether nothing of the killed session is left, or the session whose grant has ended is over.
    fn is_over(self, session: Pid, before: &Host) -> bool {
        match self {
            // An empty directory of the registry is nobody's jail, and the next login's lock.
            Verb::Reap => outside::left(before).iter().all(|left| left == "entry /run/sftpjail/mle"),
            Verb::Expire => {
                let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT | WaitPidFlag::WEXITED;
                let state = nix::sys::wait::waitid(nix::sys::wait::Id::Pid(session), flags);
                state.is_ok_and(|state| state != WaitStatus::StillAlive)
            }
        }
    }
}

/// A live session of the user's, which no tracer holds.
fn live(logins: &Logins<'_>) -> Pid {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    // SAFETY: this program has one thread.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => {
            drop(writer);
            File::from(reader).read_exact(&mut [0]).expect("a session");
            child
        }
        ForkResult::Child => {
            logins.print_to_file();
            let mut pam = Pam::start(logins.confdir, "sshd", USER);
            assert_eq!(pam.open(), 0);
            File::from(writer).write_all(b".").expect("a reader");
            loop {
                pause();
            }
        }
    }
}

/// Kills it, unless it has ended.
fn end(session: Pid) {
    let _ = kill(session, Signal::SIGKILL);
    let _ = waitpid(session, None);
}

/// Lets the grant of the live session end: `sftpjail expire` goes by its record.
fn let_expire() {
    for entry in fs::read_dir("/run/sftpjail/mle").expect("a registry") {
        let path = entry.expect("a record").path();
        let text = fs::read_to_string(&path).expect("a record");
        let at = text.find(UNTIL.0).expect("the end of a grant");
        // In its place: the session has the file open.
        let file = File::options().write(true).open(&path).expect("a record");
        file.write_all_at(UNTIL.1.as_bytes(), at as u64).expect("a record");
    }
}
