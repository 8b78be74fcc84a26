//! Sessions of many users that stay until they are ended, as a daemon has them: each is a process that has opened it,
//! as sshd's monitor, and one of the user's in the jail. Standard input has the commands, one a line; the answers are
//! lines, and `.` ends them. It never decides what is right.
//!
//! | command | what it does |
//! |---|---|
//! | `login ID USER HOST [METHOD]` | begins a session: `jailed`, `free`, or `refused` and by whom |
//! | `state` | `mount USER` for each jail of the host; for each live session `session ID` and what it sees; then what it has made on disk |
//! | `logout ID`, `orphan ID`, `kill ID` | ends it; kills its monitor only; kills both |
//! | `clock SECONDS` | sets the time of day of libclock.so |
//! | `directory PATH`, `remove PATH`, `rename FROM TO` | makes a directory; removes a file; renames either |
//! | `run PROGRAM ARGUMENT…` | runs it, with the clock, and without skipping sleep |
//! | `reboot` | kills all sessions, unmounts the jails and empties /run/sftpjail |

mod session;

use nix::mount::{MntFlags, umount2};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use session::Session;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, Write, stdin, stdout};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a session leaves in each directory that it can write begins so.
const MADE: &str = "made";

/// What it says of such a directory.
const WRITTEN: &str = "can be written, as";

pub(crate) fn run(folders: &str, confdir: &Path) {
    // What a killed monitor leaves is ours to wait for.
    set_child_subreaper(true).expect("prctl");
    let folders = folders.split(':').map(PathBuf::from).collect();
    let mut server = Server { confdir: confdir.to_owned(), folders, sessions: BTreeMap::new() };
    for line in stdin().lock().lines() {
        let line = line.expect("commands are text");
        let words: Vec<_> = line.split(' ').collect();
        let mut answer = server.answer(&words);
        answer.push_str(".\n");
        stdout().write_all(answer.as_bytes()).and_then(|()| stdout().flush()).expect("somebody reads");
    }
}

struct Server {
    confdir: PathBuf,
    /// Directories of the host in which sessions may make something.
    folders: Vec<PathBuf>,
    sessions: BTreeMap<u32, Session>,
}

impl Server {
    fn answer(&mut self, words: &[&str]) -> String {
        let id = || words[1].parse::<u32>().expect("the number of a session");
        match words {
            ["login", _, user, host, method @ ..] => {
                let (session, said) = Session::begin(&self.confdir, user, host, &method.join(" "));
                if let Some(session) = session {
                    self.sessions.insert(id(), session);
                }
                said
            }
            ["state"] => self.state(),
            ["logout", _] => self.sessions.remove(&id()).map_or_else(none, Session::log_out),
            ["orphan", _] => self.sessions.get_mut(&id()).map_or_else(none, Session::kill_monitor),
            ["kill", _] => self.sessions.remove(&id()).map_or_else(none, Session::kill),
            ["clock", seconds] => {
                let path = std::env::var_os("CLOCK").expect("a clock");
                let time: i64 = seconds.parse().expect("seconds");
                // Not made anew: it is mapped.
                let file = OpenOptions::new().write(true).open(path).expect("the clock's file");
                file.write_all_at(&time.to_ne_bytes(), 0).expect("the clock's file");
                String::new()
            }
            ["directory", path] => failed(fs::create_dir_all(path)),
            ["remove", path] => failed(fs::remove_file(path)),
            ["rename", from, to] => failed(fs::rename(from, to)),
            ["run", program, arguments @ ..] => {
                let output = Command::new(program).args(arguments).env_remove("CLOCK_SLEEP").output();
                let output = output.expect("the program is there");
                self.forget_ended();
                let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
                said.lines()
                    .map(|line| format!("| {line}\n"))
                    .chain([format!("{}\n", output.status)])
                    .collect()
            }
            ["reboot"] => {
                std::mem::take(&mut self.sessions).into_values().for_each(|session| drop(session.kill()));
                let mut mounts = jails();
                mounts.push(PathBuf::from("/jail"));
                for mount in mounts {
                    let _not_mounted = umount2(&mount, MntFlags::MNT_DETACH);
                }
                let _not_there = fs::remove_dir_all("/run/sftpjail");
                String::new()
            }
            other => panic!("no command {other:?}"),
        }
    }

    fn state(&mut self) -> String {
        let mut state: String = jails().iter().map(|jail| format!("mount {}\n", jail.display())).collect();
        self.forget_ended();
        for (id, session) in &mut self.sessions {
            state.push_str(&format!("session {id}\n"));
            let seen = session.look();
            state.push_str(&seen);
            if seen.contains(WRITTEN) {
                self.folders.iter().for_each(|folder| state.push_str(&made(folder)));
            }
        }
        state
    }

    /// Those that somebody else has ended.
    fn forget_ended(&mut self) {
        self.sessions.retain(|_, session| !session.has_ended());
    }
}

fn none() -> String {
    "no such session\n".into()
}

fn failed(result: std::io::Result<()>) -> String {
    result.map_or_else(|error| format!("{error}\n"), |()| String::new())
}

/// Where jails are mounted for this process, which is on the host.
fn jails() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("procfs");
    let places = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    places.filter(|place| place.parent() == Some(Path::new("/jail"))).collect()
}

/// What sessions have made in a folder, and who owns it on disk. It is removed.
fn made(folder: &Path) -> String {
    let mut lines = String::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(MADE) {
            let owner = fs::symlink_metadata(&path).expect("it is there").uid();
            lines.push_str(&format!("on disk {} {owner}\n", path.display()));
            fs::remove_file(&path).expect("it can be removed");
        }
    }
    lines
}

fn kill_and_wait(pid: Pid) {
    let _already_ended = kill(pid, Signal::SIGKILL);
    let _not_ours_yet = waitpid(pid, None);
}

fn has_ended(pid: Pid) -> bool {
    !matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
}
