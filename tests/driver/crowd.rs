//! Many sessions at a time, of user0, user1 and so on, and many mounts. The benchmark of growth measures one session
//! beside them.

use crate::contest::{Contestant, together};
use crate::libpam::Pam;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::ffi::CString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Opens a session of each, and prints `holding` once all are open; they end with standard input.
pub(crate) fn hold(sessions: u64, confdir: &Path) {
    let mut crowd = Crowd::Jails(Vec::new());
    crowd.grow(sessions, "sshd", confdir);
    println!("holding");
    io::copy(&mut io::stdin(), &mut io::sink()).expect("a pipe");
    crowd.leave();
}

/// What a session is measured beside.
enum Crowd {
    /// Sessions whose jails are in the host's namespace: this process holds all.
    Jails(Vec<Pam>),
    /// Sessions with a namespace, and so with a process, each.
    Sessions(Vec<Child>),
    /// Mounts of the host.
    Mounts(u64),
}

/// Measures the contestants beside each number of `counts`, with commas between them, of `jails`, `sessions` or
/// `mounts`; beside none once more in the end, after all have gone. The phase of a sample is the number. `service` has
/// the module's lines.
pub(crate) fn beside(
    crowd: &str,
    counts: &str,
    rounds: u64,
    mut contestants: Vec<Contestant>,
    service: &str,
    confdir: &Path,
) {
    let mut crowd = match crowd {
        "jails" => Crowd::Jails(Vec::new()),
        "sessions" => Crowd::Sessions(Vec::new()),
        "mounts" => Crowd::Mounts(0),
        _ => panic!("no crowd of {crowd}"),
    };
    for count in counts.split(',') {
        crowd.grow(count.parse().expect("a number"), service, confdir);
        together(rounds, &mut contestants, count);
    }
    crowd.leave();
    together(rounds, &mut contestants, "0");
}

impl Crowd {
    fn grow(&mut self, to: u64, service: &str, confdir: &Path) {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
        // A lock, or the ends of two pipes.
        let each = if let Self::Sessions(_) = self { 2 } else { 1 };
        let needed = each * to + 100;
        setrlimit(Resource::RLIMIT_NOFILE, needed, most.max(needed)).expect("enough descriptors");
        match self {
            Self::Jails(pams) => pams.extend((pams.len() as u64..to).map(|n| jail(n, service, confdir))),
            Self::Sessions(all) => all.extend((all.len() as u64..to).map(|n| session(n, service, confdir))),
            Self::Mounts(there) => (*there..to).for_each(|n| {
                fs::create_dir_all(place(n)).expect("mkdir");
                bind(n);
                *there = to;
            }),
        }
    }

    fn leave(self) {
        match self {
            Self::Jails(pams) => {
                for mut pam in pams {
                    assert_eq!(pam.close(), 0);
                }
            }
            Self::Sessions(mut all) => {
                all.iter_mut().for_each(|session| drop(session.stdin.take()));
                for mut session in all {
                    assert!(session.wait().expect("it is our child").success());
                }
            }
            Self::Mounts(there) => {
                (0..there).for_each(|n| umount2(place(n).as_str(), MntFlags::MNT_DETACH).expect("a mount"));
            }
        }
    }
}

fn user(n: u64) -> CString {
    CString::new(format!("user{n}")).expect("no NUL")
}

fn jail(n: u64, service: &str, confdir: &Path) -> Pam {
    let mut pam = Pam::start(confdir, service, &user(n));
    assert_eq!(pam.open(), 0, "user{n}");
    pam
}

fn session(n: u64, service: &str, confdir: &Path) -> Child {
    let mut session = Command::new(std::env::current_exe().expect("procfs"))
        .arg("--confdir")
        .arg(confdir)
        .args(["--service", service, &format!("user{n}"), "open", "wait", "close"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pam-driver runs");
    let mut line = String::new();
    // The pipe stays, since the session prints once more.
    BufReader::new(session.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a pipe");
    assert_eq!(line, "open 0\n", "user{n}");
    session
}

fn place(n: u64) -> String {
    format!("/mnt/{n}")
}

fn bind(n: u64) {
    let place = place(n);
    mount(Some("/srv"), place.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("bind");
}
