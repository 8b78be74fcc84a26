//! One session: the process that calls libpam, and the user's, which does what sshd does between the hook and
//! internal-sftp (session.c: do_setusercontext, safely_chroot).

use super::{MADE, WRITTEN, has_ended, kill_and_wait};
use crate::libpam::Pam;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::waitpid;
use nix::unistd::{
    ForkResult, Gid, Group, Pid, User, dup2_stdout, fork, getgrouplist, setgid, setgroups, setuid,
};
use rustix::event::{PollFd, PollFlags, poll};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, chroot};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::exit;

/// `Match Group` of this daemon.
const CHROOTED: [&str; 3] = ["sftp", "guest", "partners"];

/// Both processes, as the server knows them.
pub(super) struct Session {
    /// `None`: it was killed.
    monitor: Option<Pid>,
    child: Pid,
    to_monitor: Line,
    to_child: Line,
}

/// A socket to a process that reads and writes lines.
struct Line(BufReader<UnixStream>);

impl Line {
    fn of(socket: UnixStream) -> Self {
        Self(BufReader::new(socket))
    }

    fn send(&mut self, text: &str) {
        let _it_has_ended = self.0.get_mut().write_all(text.as_bytes());
    }

    /// `None`: nobody has the other end.
    fn read(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|length| *length > 0)?;
        line.pop();
        Some(line)
    }
}

impl Session {
    /// Gives what became of the login, and the session if there is one.
    pub(super) fn begin(confdir: &Path, user: &str, host: &str, method: &str) -> (Option<Self>, String) {
        let (to_monitor, of_monitor) = UnixStream::pair().expect("a socket");
        let (to_child, of_child) = UnixStream::pair().expect("a socket");
        // SAFETY: there is one thread.
        let monitor = match unsafe { fork() }.expect("fork") {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                drop((to_monitor, to_child));
                monitor(confdir, user, host, method, of_monitor, of_child);
                exit(0);
            }
        };
        drop((of_monitor, of_child));
        let (mut to_monitor, mut to_child) = (Line::of(to_monitor), Line::of(to_child));
        let said = to_monitor.read().unwrap_or_else(|| "the monitor has ended".into());
        let Some(child) = said.strip_prefix("child ").and_then(|pid| pid.parse().ok()) else {
            let _ = waitpid(monitor, None);
            return (None, format!("{said}\n"));
        };
        let said = to_child.read().unwrap_or_else(|| "the child has ended".into());
        let session = Self { monitor: Some(monitor), child: Pid::from_raw(child), to_monitor, to_child };
        if said.starts_with("refused") {
            session.log_out();
            return (None, format!("{said}\n"));
        }
        (Some(session), format!("{said}\n"))
    }

    pub(super) fn look(&mut self) -> String {
        self.to_child.send("look\n");
        let lines = std::iter::from_fn(|| self.to_child.read()).take_while(|line| line != ".");
        lines.map(|line| line + "\n").collect()
    }

    pub(super) fn log_out(mut self) -> String {
        let Some(monitor) = self.monitor else { return self.kill() };
        self.to_monitor.send("logout\n");
        let said = self.to_monitor.read().unwrap_or_else(|| "the monitor has ended".into());
        let _ = waitpid(monitor, None);
        format!("{said}\n")
    }

    pub(super) fn kill_monitor(&mut self) -> String {
        if let Some(monitor) = self.monitor.take() {
            kill_and_wait(monitor);
        }
        String::new()
    }

    pub(super) fn kill(mut self) -> String {
        self.kill_monitor();
        kill_and_wait(self.child);
        String::new()
    }

    pub(super) fn has_ended(&self) -> bool {
        has_ended(self.monitor.unwrap_or(self.child))
    }
}

/// Runs until the session ends. As sshd's: SIGTERM closes it, and PAM's session is closed before the child is gone.
fn monitor(
    confdir: &Path,
    user: &str,
    host: &str,
    method: &str,
    of_monitor: UnixStream,
    of_child: UnixStream,
) {
    // What is printed here would be taken for the server's.
    let null = OpenOptions::new().write(true).open("/dev/null").expect("/dev/null");
    dup2_stdout(&null).expect("dup2");
    let terminated = SigSet::from(Signal::SIGTERM);
    terminated.thread_block().expect("sigprocmask");
    let mut server = Line::of(of_monitor);

    let text = |text: &str| CString::new(text).expect("no NUL");
    // sshd asks when the connection begins.
    let chrooted = is_chrooted(user);
    let mut pam = Pam::start(confdir, "sshd", &text(user));
    pam.set_remote(&text(host));
    match pam.account() {
        0 => {}
        code => return server.send(&format!("refused by account {code}\n")),
    }
    pam.put(&text(&format!("SSH_AUTH_INFO_0={method}\n")));
    match pam.open() {
        0 => {}
        code => return server.send(&format!("refused by open {code}\n")),
    }
    // SAFETY: there is one thread.
    let child = match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            terminated.thread_unblock().expect("sigprocmask");
            drop(server);
            serve_user(user, chrooted, Line::of(of_child));
            exit(0);
        }
    };
    drop(of_child);
    server.send(&format!("child {child}\n"));
    let signals = SignalFd::new(&terminated).expect("signalfd");
    let mut ready = [
        PollFd::new(server.0.get_ref(), PollFlags::IN),
        PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
    ];
    poll(&mut ready, None).expect("poll");
    let code = pam.close();
    drop(pam);
    kill_and_wait(child);
    server.send(&format!("closed {code}\n"));
}

/// Whether sshd's `Match Group` has the user: by getgrouplist(3), and by no group that does not answer.
fn is_chrooted(user: &str) -> bool {
    gids(user).into_iter().any(|gid| {
        let group = Group::from_gid(gid).ok().flatten();
        group.is_some_and(|group| CHROOTED.contains(&group.name.as_str()))
    })
}

fn gids(user: &str) -> Vec<Gid> {
    let name = CString::new(user).expect("no NUL");
    let entry = User::from_name(user).ok().flatten().expect("the user is in /etc/passwd");
    getgrouplist(&name, entry.gid).unwrap_or_else(|_| vec![entry.gid])
}

/// The user's process: looks around whenever the server asks.
fn serve_user(user: &str, chrooted: bool, mut server: Line) {
    let entry = User::from_name(user).ok().flatten().expect("the user is in /etc/passwd");
    let jail = PathBuf::from("/jail").join(user);
    setgroups(&gids(user)).expect("setgroups");
    if chrooted {
        let is_safe = |path: &Path| {
            fs::symlink_metadata(path).is_ok_and(|it| it.is_dir() && it.uid() == 0 && it.mode() & 0o022 == 0)
        };
        if !jail.ancestors().all(is_safe) || chroot(&jail).is_err() || std::env::set_current_dir("/").is_err()
        {
            return server.send("refused by sshd\n");
        }
    }
    setgid(entry.gid).and_then(|()| setuid(entry.uid)).expect("setuid");
    // What a killed login has left at the jail's place is empty, and root's with mode 0.
    if chrooted && fs::read_dir("/").is_err() {
        return server.send("refused by an empty jail\n");
    }
    server.send(if chrooted { "jailed\n" } else { "free\n" });
    while server.read().is_some() {
        let mut seen = BTreeSet::new();
        if chrooted {
            look(Path::new("/"), &mut seen);
        }
        server.send(&seen.into_iter().chain([".".into()]).map(|line| line + "\n").collect::<String>());
    }
}

/// All paths below a directory, and whether something can be made in it.
fn look(directory: &Path, seen: &mut BTreeSet<String>) {
    let shown = directory.display();
    let Ok(entries) = fs::read_dir(directory) else {
        seen.insert(format!("{shown} cannot be listed"));
        return;
    };
    seen.insert(format!("{shown} is a directory"));
    for entry in entries.flatten() {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match entry.file_name().to_string_lossy() {
            // Made at another place of the same folder.
            name if name.starts_with(MADE) => {}
            _ if is_directory => look(&entry.path(), seen),
            _ => drop(seen.insert(format!("{} is there", entry.path().display()))),
        }
    }
    let new = directory.join(format!("{MADE}{}", shown.to_string().replace('/', "-")));
    if let Ok(file) = OpenOptions::new().write(true).create_new(true).open(new) {
        let owner = file.metadata().expect("fstat").uid();
        seen.insert(format!("{shown} {WRITTEN} {owner}"));
    }
}
