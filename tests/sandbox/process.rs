//! Processes and mounts of the sandbox. Pids are those of its own PID namespace.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Sandbox, artifact};

/// The PATH of every process that is started inside.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that runs as root where the process `pid` is, without supplementary groups, and
/// with an environment of PATH, HOME and LANG only. The command itself is the parent of `program`, which goes with it.
/// `places`: namespaces as /proc/PID/ns spells them, and `root`, with commas between.
pub fn entering(pid: u32, places: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(artifact("sandbox-enter"));
    command
        .args([&pid.to_string(), places])
        .arg(program)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("LANG", "C.UTF-8");
    command
}

/// The two ends of a pipe that no other process inherits: what is written to the second comes from the first.
#[must_use]
pub fn pipe() -> (File, File) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    (reader.into(), writer.into())
}

/// A daemon in the foreground, child of a `sandbox-enter` that is our child.
pub(crate) struct Daemon {
    entered: Child,
    pub(crate) pid: i32,
}

impl Daemon {
    /// What it has forked off, and what those have. Pids are those of the real machine.
    pub(crate) fn descendants(&self) -> (Vec<Pid>, Vec<Pid>) {
        let daemon = children(Pid::from_child(&self.entered));
        let forked: Vec<_> = daemon.into_iter().flat_map(children).collect();
        let theirs = forked.iter().copied().flat_map(children).collect();
        (forked, theirs)
    }

    /// Waits for a daemon that was sent a signal to end.
    pub(crate) fn reap(mut self) {
        let _ = self.entered.wait();
    }
}

/// Kills what a [`Sandbox::command`] runs, and waits for both.
///
/// `Child::kill` would end `sandbox-enter` first: the process inside dies too, but then the real machine's
/// init has to reap it, and until it does the sandbox cannot end.
pub fn end(entered: &mut Child) {
    // It has been waited for, and its pid may be another process's by now.
    if let Ok(Some(_)) = entered.try_wait() {
        return;
    }
    let inside = children(Pid::from_child(entered));
    if inside.is_empty() {
        let _ = entered.kill();
    }
    kill_now(&inside);
    let _ = entered.wait();
}

/// A process's children; none if it is gone. Pids are those of the real machine.
fn children(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Kills processes by the real machine's pids, which takes no process in the sandbox and so no time.
pub fn kill_now(pids: &[Pid]) {
    for pid in pids {
        let _ = kill_process(*pid, Signal::KILL);
    }
}

impl Sandbox {
    /// Starts a daemon and waits for its pid file, which sshd and rsyslogd write once they listen.
    /// Panics with what it printed if it ends before.
    #[track_caller]
    pub(crate) fn start_daemon(&self, mut command: Command, name: &str, pid_file: &str) -> Daemon {
        self.remove(pid_file);
        let mut entered = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // A pipe is enough: what a daemon prints before it closes stderr is a few lines.
            .stderr(Stdio::piped())
            .spawn()
            .expect("sandbox-enter");
        let pid = wait_until(Duration::from_secs(10), || {
            if let Ok(Some(_)) = entered.try_wait() {
                return Some(None);
            }
            let pid = self.try_read(pid_file).ok()?;
            // Empty between its creation and its one write.
            String::from_utf8_lossy(&pid).trim().parse().ok().map(Some)
        });
        match pid {
            Some(Some(pid)) => Daemon { entered, pid },
            ended => {
                end(&mut entered);
                let mut said = String::new();
                let _ = entered.stderr.take().expect("piped").read_to_string(&mut said);
                let how = if ended.is_some() { "ended at once" } else { "does not listen" };
                panic!("{name} {how}: {said}\n-- log\n{}--", self.log());
            }
        }
    }

    /// Pids of the processes whose command line, joined with blanks, contains `pattern`; sorted.
    pub fn pids(&self, pattern: &str) -> Vec<i32> {
        self.processes()
            .into_iter()
            .filter(|(_, command_line)| command_line.contains(pattern))
            .map(|(pid, _)| pid)
            .collect()
    }

    /// Every process but PID 1 as pid and command line, without zombies; sorted by pid. One that is
    /// ending loses its command line before it closes its files.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let proc = format!("/proc/{}/root/proc", self.outer_pid());
        let mut found: Vec<_> = fs::read_dir(&proc)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let bytes = fs::read(entry.path().join("cmdline")).ok()?;
                let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
                let text = text.trim();
                let ended = pid == 1 || (text.is_empty() && has_ended(&entry.path()));
                (!ended).then(|| (pid, text.to_owned()))
            })
            .collect();
        found.sort();
        found
    }

    /// Sends a signal (`"KILL"`, `"TERM"`) to a pid of the sandbox. Panics if there is no such process.
    #[track_caller]
    pub fn kill(&self, pid: i32, signal: &str) {
        self.sh(&format!("kill -s {signal} {pid}"));
    }

    /// Waits up to 10 s until a pid of the sandbox is gone. Panics if it stays.
    #[track_caller]
    pub fn wait_gone(&self, pid: i32) {
        let gone = wait_until(Duration::from_secs(10), || {
            let alive = self.processes().iter().any(|(other, _)| *other == pid);
            (!alive).then_some(())
        });
        assert!(gone.is_some(), "pid {pid} is still there:\n{:#?}", self.processes());
    }

    /// Waits up to 10 s until no session of sshd is left, nor one that begins or ends. Panics if one stays.
    #[track_caller]
    pub fn wait_for_logouts(&self) {
        let gone = wait_until(Duration::from_secs(10), || {
            // A connection that sshd has just forked off has no title of its own yet.
            let left = !self.connections().0.is_empty()
                || self.processes().iter().any(|(_, title)| title.is_empty() || is_session(title));
            (!left).then_some(())
        });
        assert!(gone.is_some(), "a session is left:\n{:#?}", self.processes());
    }

    /// mountinfo of PID 1: what the "host" has mounted.
    pub fn mounts(&self) -> Vec<String> {
        self.mounts_of(1)
    }

    /// mountinfo of a process of the sandbox. Panics if it is gone.
    #[track_caller]
    pub fn mounts_of(&self, pid: i32) -> Vec<String> {
        self.read_text(format!("/proc/{pid}/mountinfo")).lines().map(str::to_owned).collect()
    }

    /// sshd's privileged process of this user's session; waits up to 5 s, panics if there is none.
    #[track_caller]
    pub fn session_monitor(&self, user: &str) -> i32 {
        self.wait_for_process(&format!("sshd: {user} [priv]"))
    }

    /// The user's own process of the session, in the chroot; waits up to 5 s, panics if there is none.
    #[track_caller]
    pub fn session_child(&self, user: &str) -> i32 {
        self.wait_for_process(&format!("sshd: {user}@"))
    }

    /// internal-sftp of this user's session; waits up to 5 s, panics if there is none.
    #[track_caller]
    pub fn session_server(&self, user: &str) -> i32 {
        self.wait_for_process(&format!("sshd: {user}@internal-sftp"))
    }

    #[track_caller]
    fn wait_for_process(&self, start: &str) -> i32 {
        let found = wait_until(Duration::from_secs(5), || {
            let mut all = self.processes().into_iter();
            all.find(|(_, line)| line.starts_with(start))
        });
        match found {
            Some((pid, _)) => pid,
            None => panic!("no process {start:?} among {:#?}", self.processes()),
        }
    }
}

/// Whether the process of that directory of procfs has ended, or is not there.
fn has_ended(process: &Path) -> bool {
    // The name, in brackets, may hold anything. Z: a zombie; X: the kernel is removing it (proc_pid_stat(5)).
    let state = |stat: String| {
        stat.rsplit(')').next().is_some_and(|rest| [" Z", " X"].iter().any(|state| rest.starts_with(state)))
    };
    fs::read_to_string(process.join("stat")).map_or(true, state)
}

/// "sshd: USER [priv]", with OpenSSH 9.8 "sshd-session: …".
fn is_session(title: &str) -> bool {
    title.starts_with("sshd") && title.contains(": ") && !title.contains("[listener]")
}

/// Asks every few milliseconds until there is an answer or the time is over.
pub fn wait_until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
