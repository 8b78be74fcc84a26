//! Pairs of sessions and of whole logins through the sshd that listens here. Between the two of a pair, two names of
//! the host are exchanged, and nothing else changes: neither the user nor the sshd, which delays each user by a secret
//! of its own.

use crate::contest::{Order, sample, timed};
use crate::libpam::Pam;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::ffi::CStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The contestants of the samples: as the host is now, and after the exchange.
const SIDES: [&str; 2] = ["first", "second"];

/// What is exchanged, and which side is there.
pub(crate) struct Pairs {
    names: Vec<(String, String)>,
    side: usize,
    order: Order,
}

impl Pairs {
    /// Each of `names` is two names with a colon between them.
    pub(crate) fn new(names: &[String]) -> Self {
        let names = names.iter().map(|names| names.split_once(':').expect("two names"));
        let names: Vec<_> = names.map(|(one, other)| (one.to_owned(), other.to_owned())).collect();
        assert!(!names.is_empty(), "without --exchange, the two of a pair are the same");
        Self { names, side: 0, order: Order::new() }
    }

    /// Runs both sides of each pair, in an order that is mixed. A tenth comes first and does not count.
    fn run(&mut self, pairs: u64, mut turn: impl FnMut(&'static str, bool)) {
        for pair in 0..pairs + pairs.div_ceil(10) {
            for side in self.order.of(SIDES.len()) {
                self.show(side);
                turn(SIDES[side], pair >= pairs.div_ceil(10));
            }
        }
        self.show(0);
    }

    fn show(&mut self, side: usize) {
        if side != self.side {
            for (one, other) in &self.names {
                renameat2(AT_FDCWD, one.as_str(), AT_FDCWD, other.as_str(), RenameFlags::RENAME_EXCHANGE)
                    .expect("both are there");
            }
            self.side = side;
        }
    }

    /// Pairs of sessions in this process: the phase `session`.
    pub(crate) fn sessions(&mut self, pairs: u64, pam: &mut Pam) {
        self.run(pairs, |side, counts| {
            let time = timed(|| assert_eq!((pam.open(), pam.close()), (0, 0)));
            if counts {
                sample(side, "session", time);
            }
        });
    }

    /// Pairs of logins: `login` until the client has ended, `logout` until sshd's process of the session has.
    pub(crate) fn logins(&mut self, pairs: u64, user: &CStr, options: &[String]) {
        self.run(pairs, |side, counts| {
            let start = Instant::now();
            ended(client(user, options));
            let login = start.elapsed();
            wait_for_sshd();
            if counts {
                sample(side, "login", login);
                sample(side, "logout", start.elapsed());
            }
        });
    }

    /// Waves of so many logins at once: `login` each, `wave` until the last has ended.
    pub(crate) fn waves(&mut self, waves: u64, at_once: u64, user: &CStr, options: &[String]) {
        self.run(waves, |side, counts| {
            let start = Instant::now();
            let clients: Vec<_> = (0..at_once)
                .map(|_| {
                    let (begin, client) = (Instant::now(), client(user, options));
                    thread::spawn(move || {
                        ended(client);
                        begin.elapsed()
                    })
                })
                .collect();
            let times: Vec<_> = clients.into_iter().map(|client| client.join().expect("a login")).collect();
            let wave = start.elapsed();
            wait_for_sshd();
            if counts {
                times.into_iter().for_each(|time| sample(side, "login", time));
                sample(side, "wave", wave);
            }
        });
    }
}

fn client(user: &CStr, options: &[String]) -> Child {
    let to = format!("{}@127.0.0.1", user.to_str().expect("the benchmark's user is ASCII"));
    let mut command = Command::new("sftp");
    command.args(["-b", "/dev/null", "-o", "BatchMode=yes"]);
    command.args(options.iter().flat_map(|option| ["-o", option]));
    command.arg(to).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("sftp runs")
}

fn ended(client: Child) {
    let output = client.wait_with_output().expect("it is our child");
    assert!(output.status.success(), "{output:?}");
}

/// Waits until the sshd that listens has no process of a session left.
fn wait_for_sshd() {
    let pid = fs::read_to_string("/run/sshd.pid").expect("sshd listens");
    let children = format!("/proc/{pid}/task/{pid}/children", pid = pid.trim());
    let start = Instant::now();
    while !fs::read_to_string(Path::new(&children)).expect("procfs").is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "a session does not end");
        thread::sleep(Duration::from_micros(200));
    }
}
