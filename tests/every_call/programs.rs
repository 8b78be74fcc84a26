//! One run of `sftpjail reap` or `sftpjail expire`, with a fault or with none: beside what a killed session has left, here
//! or in the mount namespace of a service, or beside a live session whose grant has ended.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execv, fork, pause, pipe2};

use crate::libpam::Pam;
use crate::outside::{self, Host};
use crate::played::{Outcome, Played};
use crate::session::{Logins, USER};
use crate::tracee::{Fault, Place, Stop, Traced, Tracee, mark};

/// A member with a live session of the service that has mounts of its own.
const OTHER: &CStr = c"eve";

const PROGRAM: &CStr = c"/usr/local/sbin/sftpjail";

/// What the registry has for the end of the grant, and a moment that has passed.
const UNTIL: (&str, &str) = ("until = 41", "until = 11");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Reap,
    /// The same, of what was left in the mount namespace of a service.
    Elsewhere,
    Expire,
}

impl Verb {
    /// Plays one run of the verb, and another one without a fault that must do what is left to do.
    pub(crate) fn play(self, logins: &Logins<'_>, before: &Host, fault: Option<(Place, Fault)>) -> Played {
        let other = (self == Verb::Elsewhere).then(|| live(logins, OTHER, leave_mounts));
        let session = live(logins, USER, || other.iter().for_each(|other| enter_mounts(*other)));
        match self {
            Verb::Reap | Verb::Elsewhere => end(session),
            Verb::Expire => let_expire(),
        }
        logins.log.entries();
        let Traced { calls, failed, stop } = self.run(logins, fault);
        let said = logins.printed();
        let mut played = Played::new(calls, failed);
        let mut logged = logins.log.entries();
        let ours = other.unwrap_or(session);
        let is_over = self.is_over(ours, before);
        match stop {
            Stop::Killed(_) if matches!(fault, Some((Place { process: 0, .. }, Fault::Kill))) => {
                played.outcome = Outcome::Killed;
            }
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

        let again = self.run(logins, None).stop;
        let said = logins.printed();
        logged.extend(logins.log.entries());
        if again != Stop::Exited(0) || !self.is_over(ours, before) {
            played.wrong.push(format!("the next run: {again:?}, {said:?}, {:?}", outside::left(before)));
        }
        let logs =
            logged.iter().filter(|entry| entry.contains(": expire: the session of user mle(uid=")).count();
        let is_right = match (self, played.outcome) {
            (Verb::Reap | Verb::Elsewhere, _) => logs == 0,
            // Killed after the session's end, it has not logged that.
            (Verb::Expire, Outcome::Killed) => logs <= 1,
            // The first may have logged that the session goes on.
            (Verb::Expire, Outcome::Failed) => (1..=2).contains(&logs),
            (Verb::Expire, _) => logs == 1,
        };
        if !is_right {
            played.wrong.push(format!("logged {logs} entries of {self:?}: {logged:?}"));
        }
        match other {
            Some(other) => {
                end(other);
                self.run(logins, None);
                logins.printed();
            }
            None if self == Verb::Expire => end(session),
            None => {}
        }
        played
    }

    fn run(self, logins: &Logins<'_>, fault: Option<(Place, Fault)>) -> Traced {
        let verb = if self == Verb::Expire { c"expire" } else { c"reap" };
        let (mut tracee, _) = Tracee::start(|| {
            logins.print_to_file();
            mark(0, -1);
            execv(PROGRAM, &[PROGRAM, verb]).expect("the program");
        });
        assert_eq!(tracee.go_on(), Stop::Program);
        tracee.go_on_with(fault)
    }

    /// Whether nothing of the killed session is left, or the session whose grant has ended is over. `session`: that one,
    /// or the one beside which the other was killed.
    fn is_over(self, session: Pid, before: &Host) -> bool {
        match self {
            // An empty directory of the registry is nobody's jail, and the next login's lock.
            Verb::Reap => outside::left(before).iter().all(|left| left == "entry /run/sftpjail/mle"),
            Verb::Elsewhere => {
                let is_its = |left: &String| {
                    left.starts_with("entry /jail/mle") || left.starts_with("entry /run/sftpjail/mle/")
                };
                let mounts = outside::mounts(&format!("/proc/{session}/mountinfo"));
                !outside::left(before).iter().any(is_its)
                    && !mounts.iter().any(|mount| mount.is_below("/jail/mle"))
            }
            Verb::Expire => {
                let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT | WaitPidFlag::WEXITED;
                let state = nix::sys::wait::waitid(nix::sys::wait::Id::Pid(session), flags);
                state.is_ok_and(|state| state != WaitStatus::StillAlive)
            }
        }
    }
}

/// A live session of the user's, which no tracer holds. `prepare`: what its process does first.
fn live(logins: &Logins<'_>, user: &CStr, prepare: impl FnOnce()) -> Pid {
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
            prepare();
            let mut pam = Pam::start(logins.confdir, "sshd", user);
            assert_eq!(pam.open(), 0);
            File::from(writer).write_all(b".").expect("a reader");
            loop {
                pause();
            }
        }
    }
}

/// As PrivateTmp= of systemd.exec(5) does for a service.
fn leave_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("a namespace");
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, slave, None::<&str>).expect("mounts of its own");
}

/// As another process of that service.
fn enter_mounts(of: Pid) {
    let namespace = File::open(format!("/proc/{of}/ns/mnt")).expect("a process");
    setns(namespace, CloneFlags::CLONE_NEWNS).expect("a namespace");
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
