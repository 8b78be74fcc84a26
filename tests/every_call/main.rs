//! `every-call`: makes each system call of a hook fail once with each error, and kills the hook once at each. It runs in
//! a sandbox, as root, where no syslog daemon runs: `every-call private|host HOOK all|some [PATH…]`. The paths are what
//! a first login makes. It prints each violation, and what else was seen with its counts.
//!
//! | hook | whose calls |
//! |---|---|
//! | `account`, `close` | of a login as sshd makes it |
//! | `first` | of the first session that the host ever saw |
//! | `open` | of a later one, which finds what the first has made |
//! | `beside` | of one beside a live session of the same user |
//! | `refused` | of a session whose grants cannot be used, beside a live one of the same user |
//! | `reap` | of `sftpjail reap`, beside what a killed session has left |
//! | `elsewhere` | of the same, where it was left in the mount namespace of a service |
//! | `expire` | of `sftpjail expire`, beside a live session whose grant has ended |
//!
//! The calls are those of the process and of all that it forks meanwhile, of which each is killed as well.
//!
//! After each: the login is refused, or is in a jail that holds exactly what it should; it has logged one entry; the
//! process is as before, and nothing that it has forked is left; and the next login, where nothing fails, leaves nothing.

mod calls;
#[path = "../driver/libpam.rs"]
mod libpam;
mod log;
mod outside;
mod played;
mod programs;
mod registers;
mod session;
mod stuck;
mod tracee;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, umount2};
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use log::Log;
use outside::Host;
use played::{Outcome, Played};
use programs::Verb;
use session::{At, Hook, Logins};
use tracee::{Call, Fault, Place, Stop, Tracee, mark};

/// The user's grants, and those that hold or cannot be used any more.
const GRANTS: &str = "/etc/sftpjail/grants.d/mle.toml";
const HOLD: &str = "/etc/alone/hold.toml";
const ENDED: &str = "/etc/alone/ended.toml";

/// What each call fails with.
const ERRORS: [(&str, i32); 7] = [
    ("ENOMEM", libc::ENOMEM),
    ("EMFILE", libc::EMFILE),
    ("EACCES", libc::EACCES),
    ("EIO", libc::EIO),
    ("EINTR", libc::EINTR),
    ("ENOSPC", libc::ENOSPC),
    ("EPERM", libc::EPERM),
];

struct Run<'h> {
    logins: Logins<'h>,
    which: String,
    is_all: bool,
    played: usize,
    made: Vec<String>,
    before: Host,
    outcomes: BTreeMap<Outcome, usize>,
    odd: BTreeMap<String, usize>,
    healed: usize,
    violations: usize,
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [namespace, which, how_many, made @ ..] = &words[..] else {
        panic!("NAMESPACE HOOK all|some [PATH…]")
    };
    stay_on_this_processor();
    stuck::prepare();
    let log = Log::listen();
    let printed = File::options()
        .read(true)
        .append(true)
        .create(true)
        .truncate(false)
        .open("/tmp/printed")
        .expect("a file");
    let mut logins = Logins {
        confdir: Path::new("/etc/alone"),
        log: &log,
        printed: &printed,
        jail: Vec::new(),
        inside: Vec::new(),
        is_private: namespace == "private",
        is_shared: false,
    };
    let first = logins.play(Hook::Account, None);
    let wrong = [&first.wrong[..], &first.excusable].concat();
    assert!(wrong.is_empty() && first.outcome == Outcome::Jailed, "{wrong:#?}");
    logins.jail = first.jail.expect("it was jailed");
    logins.inside = first.inside;
    let mut run = Run {
        logins,
        which: which.clone(),
        is_all: how_many == "all",
        played: 0,
        made: made.to_vec(),
        before: Host::now(),
        outcomes: BTreeMap::new(),
        odd: BTreeMap::new(),
        healed: 0,
        violations: 0,
    };
    run.all();
    if run.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Each call with the number of its process and its own.
fn numbered(calls: &[Vec<Call>]) -> impl Iterator<Item = (usize, usize, Call)> {
    let of = |(process, calls): (usize, &'_ Vec<Call>)| {
        calls.iter().enumerate().map(move |(nth, call)| (process, nth, *call)).collect::<Vec<_>>()
    };
    calls.iter().enumerate().flat_map(of)
}

/// For each call, this process and the one that it traces wait for each other. Where others want to run as well, each
/// change of the processor would cost their turn.
fn stay_on_this_processor() {
    let mut own = CpuSet::new();
    own.set(sched_getcpu().expect("a number")).expect("a known processor");
    sched_setaffinity(Pid::this(), &own).expect("one that it may have");
}

impl Run<'_> {
    fn all(&mut self) {
        let (calls, _) = self.trial(None);
        for (process, calls) in calls.iter().enumerate() {
            let names: Vec<_> = calls.iter().map(|call| calls::name(*call)).collect();
            println!("calls {process} {}", names.join(" "));
        }
        // Up to there, it is as it is without a service.
        let forks = calls[0].iter().position(|call| calls::forks(*call)).unwrap_or_default();
        let begin = if self.which == "elsewhere" && !self.is_all { forks } else { 0 };
        let (mut errors, mut kills) = (0, 0);
        for (process, nth, call) in numbered(&calls).filter(|(process, nth, _)| *process > 0 || *nth >= begin)
        {
            let place = Place { process, nth };
            // The two namespaces have most calls in common: every other one in each.
            let begin = nth / 2 % ERRORS.len();
            let chosen = match self.is_all {
                true => 0..ERRORS.len(),
                false => begin..begin + usize::from((nth % 2 == 0) == self.logins.is_private),
            };
            for (name, errno) in &ERRORS[chosen] {
                self.trial(Some((place, Fault::Error(*errno), name)));
                errors += 1;
            }
            if self.is_all || calls::changes(call) || (process > 0 && nth == 0) {
                self.trial(Some((place, Fault::Kill, "SIGKILL")));
                kills += 1;
            }
        }
        for (what, times) in &self.odd {
            println!("seen {times} {what}");
        }
        println!(
            "counts calls={} of_children={} errors={errors} kills={kills} healed={} violations={} {:?}",
            calls.iter().map(Vec::len).sum::<usize>(),
            calls.iter().skip(1).map(Vec::len).sum::<usize>(),
            self.healed,
            self.violations,
            self.outcomes
        );
    }

    /// One login with a fault, and the next one without.
    fn trial(&mut self, fault: Option<(Place, Fault, &str)>) -> (Vec<Vec<Call>>, Outcome) {
        let holder = match self.which.as_str() {
            "first" => {
                self.pristine();
                None
            }
            "beside" => Some(self.hold()),
            "refused" => {
                let holder = self.hold();
                fs::copy(ENDED, GRANTS).expect("a file of grants");
                Some(holder)
            }
            _ => None,
        };
        let at = fault.map(|(place, fault, _)| (place, fault));
        let mut played = match self.which.as_str() {
            "reap" => Verb::Reap.play(&self.logins, &self.before, at),
            "elsewhere" => Verb::Elsewhere.play(&self.logins, &self.before, at),
            "expire" => Verb::Expire.play(&self.logins, &self.before, at),
            "account" => self.logins.play(Hook::Account, Some(At { hook: Hook::Account, fault: at })),
            "close" => self.logins.play(Hook::Open, Some(At { hook: Hook::Close, fault: at })),
            _ => {
                self.logins.is_shared = holder.is_some() && !self.logins.is_private;
                self.logins.play(Hook::Open, Some(At { hook: Hook::Open, fault: at }))
            }
        };
        self.logins.is_shared = false;
        if self.which == "refused" {
            fs::copy(HOLD, GRANTS).expect("a file of grants");
            if played.outcome == Outcome::Jailed {
                played.wrong.push("it was let in".into());
            }
        }
        match played.failed.is_some_and(calls::has_no_error) {
            true => played.odd.append(&mut played.excusable),
            false => played.wrong.append(&mut played.excusable),
        }
        if let Some(holder) = holder {
            if outside::jail(holder.pid.as_raw(), session::JAIL) != self.logins.jail {
                played.wrong.push("the session beside it has lost something".into());
            }
            self.release(holder, &mut played);
        }
        self.wait_for_forked();
        let left = outside::left(&self.before);
        self.healed += usize::from(!left.is_empty());
        let is_killed = matches!(played.outcome, Outcome::Killed | Outcome::Aborted);
        if !left.is_empty() && !is_killed {
            played.odd.push(format!("left at first: {left:?}"));
        }
        let needs_healing = !left.is_empty() || is_killed;
        if self.logins.is_private
            && self.which != "expire"
            && left.iter().any(|left| left.starts_with("mount") || left.starts_with("process"))
        {
            played.wrong.push(format!("left: {left:?}"));
        }
        self.played += 1;
        if self.is_all || needs_healing || self.played % 8 == 0 {
            self.next_login(&mut played);
        }
        *self.outcomes.entry(played.outcome).or_default() += usize::from(fault.is_some());
        let what = match (fault, played.failed) {
            (Some((Place { process, nth }, _, name)), Some(call)) => {
                let of = if process == 0 { String::new() } else { format!("of child {process} ") };
                format!("{} {nth} {of}{} {name}", self.which, calls::name(call))
            }
            (Some((place, ..)), None) => format!("{} {place:?}, which it has not come to", self.which),
            (None, _) => self.which.clone(),
        };
        for wrong in &played.wrong {
            println!("violation {what}: {wrong}");
            self.violations += 1;
        }
        for odd in &played.odd {
            *self.odd.entry(format!("{what}: {odd}")).or_default() += 1;
        }
        (played.calls, played.outcome)
    }

    /// The next login, where nothing fails, is in a whole jail, and leaves nothing.
    fn next_login(&self, played: &mut Played) {
        let next = self.logins.play(Hook::Account, None);
        played.wrong.extend(
            next.wrong.into_iter().chain(next.excusable).map(|wrong| format!("the next login: {wrong}")),
        );
        if next.outcome != Outcome::Jailed {
            played.wrong.push(format!("the next login: {:?}", next.outcome));
        }
        played
            .wrong
            .extend(outside::left(&self.before).into_iter().map(|left| format!("left in the end: {left}")));
    }

    /// A live session of the same user, which waits in its jail.
    fn hold(&self) -> Tracee {
        let (mut tracee, _) = Tracee::start(|| {
            self.logins.print_to_file();
            let mut pam = libpam::Pam::start(self.logins.confdir, "sshd", session::USER);
            mark(0, -1);
            assert_eq!(pam.open(), 0);
            mark(0, 0);
            assert_eq!(pam.close(), 0);
        });
        assert!(matches!(tracee.go_on(), Stop::Mark { code: 0, .. }));
        self.logins.log.entries();
        tracee
    }

    fn release(&self, mut holder: Tracee, played: &mut Played) {
        if holder.go_on() != Stop::Exited(0) {
            played.wrong.push("the session beside it could not end".into());
        }
        self.logins.log.entries();
    }

    /// The kernel ends what a process has forked that was killed, or could not wait for it, soon after its own end.
    fn wait_for_forked(&self) {
        let begun = Instant::now();
        while outside::processes() != self.before.processes && begun.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// As before the first session that the host ever saw.
    fn pristine(&self) {
        while umount2("/jail", MntFlags::MNT_DETACH).is_ok() {}
        let _ = fs::remove_dir("/jail");
        let _ = fs::remove_dir_all("/run/sftpjail");
        for path in &self.made {
            let _ = if Path::new(path).is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}
