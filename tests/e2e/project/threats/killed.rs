//! Row 17: after `kill -9` of sshd's monitor, the bind mounts of others stay for ever.

use super::shared_host;
use crate::common::jailed::{left_no_jail, left_nothing};
use sandbox::{Machine, Namespace, Sandbox, end, kill_now, one_moment_in};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

in_both_namespaces!(row_17_killed_at_any_moment_a_session_costs_no_file_and_nothing_stays,);

/// A failure is repeated with its seed.
const SEED: u64 = 0x5F7B_A117;
const ROUNDS: usize = 100;

/// xorshift64, by Marsaglia: the rounds are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        for shift in [13, -7, 17_i32] {
            self.0 ^= if shift < 0 { self.0 >> -shift } else { self.0 << shift };
        }
        self.0 % sides
    }
}

#[derive(Debug)]
enum Stage {
    Login,
    Transfer,
    Logout,
}

#[derive(Debug)]
enum Victims {
    Monitor,
    Child,
    Both,
}

/// One session, and how it is killed.
#[derive(Debug)]
struct Round {
    number: u64,
    stage: Stage,
    victims: Victims,
    delay: Duration,
}

impl Drop for Round {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("seed {SEED:#x}, {self:?}");
        }
    }
}

impl Round {
    /// `login`: how long one takes.
    fn rolled(number: u64, dice: &mut Dice, login: Duration) -> Round {
        let (stage, least, most) = match dice.roll(3) {
            // Before, there is no connection yet.
            0 => (Stage::Login, login / 3, login),
            1 => (Stage::Transfer, Duration::ZERO, Duration::from_millis(40)),
            _ => (Stage::Logout, Duration::ZERO, Duration::from_millis(4)),
        };
        let victims =
            [Victims::Monitor, Victims::Child, Victims::Both].into_iter().nth(dice.roll(3) as usize);
        let delay = least + (most - least).mul_f64(dice.roll(1000) as f64 / 1000.0);
        Round { number, stage, victims: victims.expect("one of three"), delay }
    }

    fn play(&self, sb: &Sandbox) {
        match self.stage {
            Stage::Login => {
                let mut client = sb.login("mle-sub").client("sftp");
                client.args(["-b", "-", "127.0.0.1"]);
                client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
                let mut client = client.spawn().expect("sandbox-enter runs");
                self.strike(sb);
                end(&mut client);
            }
            Stage::Transfer => {
                let mut live = sb.sftp_live("mle-sub");
                live.write("put /tmp/large large");
                self.strike(sb);
            }
            Stage::Logout => {
                let mut live = sb.sftp_live("mle-sub");
                live.write("quit");
                self.strike(sb);
            }
        }
        sb.wait_for_logouts();
    }

    /// Kills what there is of the one connection.
    fn strike(&self, sb: &Sandbox) {
        thread::sleep(self.delay);
        let (monitors, children) = sb.connections();
        match self.victims {
            Victims::Monitor => kill_now(&monitors),
            Victims::Child => kill_now(&children),
            Victims::Both => kill_now(&[monitors, children].concat()),
        }
    }
}

/// At once in private namespaces; in the host's, once the user has logged in and out again, or an
/// admin has called `reap`.
#[track_caller]
fn nothing_stays(sb: &Sandbox, round: u64, before: &[String], next_session: impl Fn()) {
    match (sb.namespace(), round % 2) {
        (Namespace::Private, _) => return left_no_jail(sb, before),
        (Namespace::Host, 0) => next_session(),
        (Namespace::Host, _) => drop(sb.sh("sftpjail reap")),
    }
    left_nothing(sb, before);
}

fn row_17_killed_at_any_moment_a_session_costs_no_file_and_nothing_stays(namespace: Namespace) {
    let machine = Machine::snapshot();
    let sb = shared_host(namespace);
    sb.sh("head -c 30000000 /dev/zero >/tmp/large");
    sb.sh("cd /home/mle/sub; mkdir precious; for n in $(seq 100); do echo $n >precious/$n; done; chown -R mle-sub .");
    let files = || sb.sh("cd /home/mle/sub; find precious -type f -exec sha256sum {} + | sort").stdout;
    let precious = files();
    let before = sb.mounts();
    let next_session = || drop(sb.sftp("mle-sub", "ls\n").ok());
    next_session();
    let start = Instant::now();
    next_session();
    let login = start.elapsed();

    let mut dice = Dice(SEED);
    for number in (0..).take(ROUNDS / one_moment_in()) {
        let round = Round::rolled(number, &mut dice, login);
        round.play(&sb);
        nothing_stays(&sb, round.number, &before, next_session);
        assert_eq!(files(), precious);
    }
    next_session();
    left_nothing(&sb, &before);
    drop(sb);
    assert_eq!(Machine::snapshot(), machine);
}
