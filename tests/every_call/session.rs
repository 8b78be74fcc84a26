//! One login as sshd makes it, with a fault in one of its hooks or with none, and everything that must hold of it.

use std::ffi::CStr;
use std::fs::File;
use std::path::Path;

use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};

use crate::libpam::Pam;
use crate::log::Log;
use crate::outside;
use crate::played::{Outcome, Played};
use crate::tracee::{Fault, Place, Stop, Traced, Tracee, mark};

pub(crate) const USER: &CStr = c"mle";
pub(crate) const JAIL: &str = "/jail/mle";

/// What makes listings readable and lets internal-sftp log. A jail may be without.
const ONLY_HELPS: [&str; 5] =
    ["entry /dev ", "entry /dev/log ", "entry /etc ", "entry /etc/", "mount /jail/mle/dev/log "];

/// What the first login makes in the home, as root if the user has no room for it.
const OF_EITHER: [&str; 3] =
    ["entry /home/mle/.none ", "entry /home/mle/.config ", "entry /home/mle/.config/systemd "];

/// The answer of PAM_MODULE_UNKNOWN, which the stack gives where the module did not care.
const IGNORED: i32 = 28;

/// A hook, as the process says it at its marks: before, and after with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Account,
    Open,
    Close,
}

impl Hook {
    fn call(self, pam: &mut Pam) -> i32 {
        match self {
            Hook::Account => pam.account(),
            Hook::Open => pam.open(),
            Hook::Close => pam.close(),
        }
    }
}

/// A fault in a hook: at that call of the hook, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) hook: Hook,
    pub(crate) fault: Option<(Place, Fault)>,
}

pub(crate) struct Logins<'h> {
    pub(crate) confdir: &'h Path,
    pub(crate) log: &'h Log,
    pub(crate) printed: &'h File,
    /// What a jail is, where nothing fails.
    pub(crate) jail: Vec<String>,
    /// What a process in it is.
    pub(crate) inside: Vec<String>,
    pub(crate) is_private: bool,
    /// Whether a live session of the user's has a jail on the host.
    pub(crate) is_shared: bool,
}

impl Logins<'_> {
    /// Plays one login from `first` on. `at`: where it is traced, and fails.
    pub(crate) fn play(&self, first: Hook, at: Option<At>) -> Played {
        let hooks: &[Hook] = match first {
            Hook::Account => &[Hook::Account, Hook::Open, Hook::Close],
            _ => &[Hook::Open, Hook::Close],
        };
        let (mut tracee, mut stop) = Tracee::start(|| {
            self.print_to_file();
            // Others than a new process has, so that it shows where they are not restored.
            umask(Mode::from_bits_truncate(0o027));
            std::env::set_current_dir("/var/log").expect("chdir");
            let mut pam = Pam::start(self.confdir, "sshd", USER);
            pam.put(c"SSH_AUTH_INFO_0=password");
            for hook in hooks {
                mark(*hook as i32, -1);
                let code = hook.call(&mut pam);
                mark(*hook as i32, code);
                if code != 0 {
                    break;
                }
            }
            drop(pam);
            mark(-1, 0);
        });
        let mut played = Played::new(Vec::new(), None);
        let mut before = Vec::new();
        let mut is_over = false;
        loop {
            match stop {
                Stop::Mark { step: -1, dumpable, death, .. } => {
                    if !is_over {
                        played.wrong.push("the hooks did not all answer".into());
                    }
                    let after = outside::state(tracee.pid.as_raw(), dumpable, death);
                    self.compare_state(&before, &after, &mut played);
                    stop = tracee.go_on();
                }
                Stop::Mark { step, code: -1, dumpable, death } => {
                    if before.is_empty() {
                        before = outside::state(tracee.pid.as_raw(), dumpable, death);
                    }
                    match at.filter(|at| at.hook as i32 == step) {
                        Some(at) => {
                            Traced { calls: played.calls, failed: played.failed, stop } =
                                tracee.go_on_with(at.fault);
                        }
                        None => stop = tracee.go_on(),
                    }
                }
                Stop::Mark { step, code, dumpable, death } => {
                    let running = tracee.running();
                    if running > 0 {
                        played.wrong.push(format!("hook {step} has left {running} processes that go on"));
                    }
                    let children = outside::children(tracee.pid.as_raw());
                    if !children.is_empty() {
                        let cannot = played.failed.is_some_and(|call| call.number == libc::SYS_waitid);
                        let list = if cannot { &mut played.odd } else { &mut played.wrong };
                        list.push(format!("hook {step} has not waited for {children:?}"));
                    }
                    let state = outside::state(tracee.pid.as_raw(), dumpable, death);
                    is_over = code != 0 || step == Hook::Close as i32;
                    self.judge(&mut played, step, code, &tracee, &state);
                    stop = tracee.go_on();
                }
                Stop::Program => unreachable!("a login executes nothing"),
                Stop::Exited(0) => break,
                Stop::Exited(code) => {
                    played.wrong.push(format!("it has exited with {code}"));
                    break;
                }
                Stop::Stuck => {
                    played.wrong.push("it is stuck".into());
                    played.outcome = Outcome::Aborted;
                    self.log.entries();
                    self.printed();
                    return played;
                }
                Stop::Killed(signal) => {
                    let is_meant =
                        matches!(at, Some(At { fault: Some((Place { process: 0, .. }, Fault::Kill)), .. }));
                    played.outcome = if is_meant { Outcome::Killed } else { Outcome::Aborted };
                    let said = self.printed();
                    if !is_meant && signal != Signal::SIGABRT {
                        played.wrong.push(format!("ended by {signal}: {said}"));
                    }
                    if !is_meant {
                        played.odd.push(format!("ended by {signal}: {said}"));
                    }
                    played.odd.extend(
                        self.log.entries().into_iter().map(|entry| format!("before its end: {entry}")),
                    );
                    return played;
                }
            }
        }
        let said = self.printed();
        // The account hook explains a refusal to the user.
        let mut explained = said
            .lines()
            .filter(|line| !line.starts_with("message 3: ") && !line.ends_with("=module_unknown"));
        if let Some(line) = explained.next() {
            played.wrong.push(format!("printed: {line}"));
        }
        played
            .wrong
            .extend(self.log.entries().into_iter().map(|entry| format!("logged at the end: {entry}")));
        played
    }

    fn judge(&self, played: &mut Played, step: i32, code: i32, tracee: &Tracee, state: &[String]) {
        let mut entries = self.log.entries();
        let mut count = |what: &str| {
            let all = entries.len();
            entries.retain(|entry| !entry.contains(what));
            all - entries.len()
        };
        let refused = count(": refused user mle ");
        let opened = count(": session opened for user mle(uid=");
        let unclosed = count(": closing the session of user mle(uid=");
        let closed = count(": session closed for user mle(uid=") + unclosed;
        played.is_unclosed |= unclosed > 0;
        let unusable = count(": until this is fixed, no jails are built, ");
        let expected = match (step, code) {
            (step, 0) if step == Hook::Account as i32 => (0, 0, 0, 0),
            (step, 0) if step == Hook::Open as i32 => (0, 1, 0, 0),
            (step, 0) if step == Hook::Close as i32 => (0, 0, 1, 0),
            (step, IGNORED) if step != Hook::Close as i32 => (0, 0, 0, 1),
            _ => (1, 0, 0, 0),
        };
        let found = (refused, opened, closed, unusable);
        // Beside a session with a jail on the host, the configuration is not the only reason.
        let is_both = self.is_shared && found == (1, 0, 0, 1) && expected == (1, 0, 0, 0);
        if found != expected && !is_both {
            played
                .wrong
                .push(format!("hook {step} answered {code}, and logged {found:?} and not {expected:?}"));
        }
        played.wrong.extend(entries.iter().filter(|entry| entry.contains("a bug")).cloned());
        played.odd.extend(entries.into_iter().map(|entry| format!("also logged: {entry}")));
        let pid = tracee.pid.as_raw();
        if step == Hook::Open as i32 && code == 0 {
            let jail = outside::jail(pid, JAIL);
            self.compare_jail(&jail, played);
            played.jail = Some(jail);
            self.compare_inside(state, played);
            played.inside = inside(state);
        }
        if code != 0 {
            played.outcome = if code == IGNORED { Outcome::LeftToSshd } else { Outcome::Refused };
            let may_chroot = state.iter().any(|line| line.starts_with("CapEff:") && has_chroot(line));
            if step == Hook::Open as i32
                && may_chroot
                && !self.is_shared
                && Path::new(&format!("/proc/{pid}/root{JAIL}")).exists()
            {
                played.wrong.push("refused, and sshd would find a jail".into());
            }
        }
    }

    /// Nothing may be in a jail that is not in one where nothing failed, and nothing missing but what only helps.
    fn compare_jail(&self, jail: &[String], played: &mut Played) {
        if self.jail.is_empty() {
            return;
        }
        let (more, fewer) = difference(&self.jail, jail);
        let narrowed = |line: &str| {
            more.iter().any(|there| {
                fewer.iter().any(|whole| (*there == line || *whole == line) && is_narrower(there, whole))
            })
        };
        for (lines, what) in [(&more, "in the jail"), (&fewer, "not in the jail")] {
            for line in lines {
                let helps = ONLY_HELPS.iter().chain(&OF_EITHER).any(|helps| line.starts_with(helps));
                let list = match helps {
                    true => &mut played.odd,
                    false if narrowed(line) => &mut played.excusable,
                    false => &mut played.wrong,
                };
                list.push(format!("{what}: {line}"));
            }
        }
    }

    fn compare_inside(&self, state: &[String], played: &mut Played) {
        if self.inside.is_empty() {
            return;
        }
        let inside = inside(state);
        let (more, fewer) = difference(&self.inside, &inside);
        if !more.is_empty() || !fewer.is_empty() {
            let list = if more.is_empty() { &mut played.odd } else { &mut played.excusable };
            list.push(format!("in the jail, the process has {more:?} and not {fewer:?}"));
        }
    }

    fn compare_state(&self, before: &[String], after: &[String], played: &mut Played) {
        let refused = matches!(played.outcome, Outcome::Refused);
        // There a refused session may not chroot any more.
        let is_meant = |line: &&String| refused && !self.is_private && line.starts_with("Cap");
        let (more, fewer) = difference(before, after);
        let more: Vec<_> = more.into_iter().filter(|line| !is_meant(line)).collect();
        let fewer: Vec<_> = fewer.into_iter().filter(|line| !is_meant(line)).collect();
        if !more.is_empty() || !fewer.is_empty() {
            // Where it is unknown whether the former working directory is still there, `/` is.
            let is_at_root = more.iter().all(|line| *line == "cwd Ok(\"/\")");
            let list = if played.is_unclosed || is_at_root { &mut played.odd } else { &mut played.excusable };
            list.push(format!("afterwards the process has {more:?} and not {fewer:?}"));
        }
    }

    pub(crate) fn print_to_file(&self) {
        use std::os::fd::AsRawFd;
        for to in [1, 2] {
            // SAFETY: both descriptors are open.
            unsafe { libc::dup2(self.printed.as_raw_fd(), to) };
        }
    }

    /// What processes have printed since the last time.
    pub(crate) fn printed(&self) -> String {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = self.printed;
        let mut text = String::new();
        file.seek(SeekFrom::Start(0)).expect("seek");
        file.read_to_string(&mut text).expect("what was printed");
        file.set_len(0).expect("truncate");
        file.seek(SeekFrom::Start(0)).expect("seek");
        text
    }
}

/// The state of a process in a jail, without what differs from jail to jail.
pub(crate) fn inside(state: &[String]) -> Vec<String> {
    let without_number = |line: &String| match line.split_once("/run/sftpjail/mle/") {
        Some(_) => "its record is open".to_owned(),
        None if line.starts_with("ns/mnt") => "its namespace".to_owned(),
        None if line.contains("\"mnt:[") => "the way back is open".to_owned(),
        None => line.clone(),
    };
    let mut inside: Vec<_> = state.iter().map(without_number).collect();
    inside.sort();
    inside
}

/// The lines that are only after, and only before.
fn difference<'l>(before: &'l [String], after: &'l [String]) -> (Vec<&'l String>, Vec<&'l String>) {
    let without = |lines: &'l [String], others: &[String]| {
        lines.iter().filter(|line| !others.contains(line)).collect::<Vec<_>>()
    };
    (without(after, before), without(before, after))
}

/// Whether two lines are of one entry of one owner, and the mode of the first at most lacks bits of the other's. The
/// group may be another where it has no more than others have.
fn is_narrower(there: &str, whole: &str) -> bool {
    let split = |line: &str| {
        let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let mode = words.get_mut(2).map(std::mem::take)?;
        let owner = words.get_mut(3).map(std::mem::take)?.split_once(':')?.0.to_owned();
        Some((words, owner, u32::from_str_radix(&mode, 8).ok()?))
    };
    match (split(there), split(whole)) {
        (Some((these, owner, mode)), Some((others, whose, all))) => {
            these == others && owner == whose && mode & !all == 0 && all >> 3 & 7 == all & 7
        }
        _ => false,
    }
}

/// CAP_SYS_CHROOT of capabilities(7).
fn has_chroot(line: &str) -> bool {
    let bits = line.split_whitespace().last().and_then(|bits| u64::from_str_radix(bits, 16).ok());
    bits.is_none_or(|bits| bits >> 18 & 1 == 1)
}
