//! Bytes and files through a session in a jail, and through one in a static chroot, of one user and one sshd.

use std::time::{Duration, Instant};

use sandbox::LiveSftp;

use crate::machine::{exchange, with_two_chroots};
use crate::page::{Section, row_in_ms};
use crate::samples::{Samples, interval, median, ratio};

const TEXT: &str = "\
Two live sessions of one user in one sshd, one jailed and one not; in each round both do the same, in turn.
The login is not in these figures. Home and client are on tmpfs.";

const MEGABYTES: u32 = 200;
const FILES: u32 = 500;
const SIDES: [&str; 2] = ["jailed", "static chroot"];

pub fn run(rounds: u64) -> Vec<Section> {
    let rounds = (rounds / 40).max(3);
    let sb = with_two_chroots();
    sb.sh(&format!(
        "mkdir -p /tmp/up/few /tmp/up/many /tmp/down; cd /tmp/up
         head -c {MEGABYTES}000000 /dev/urandom >few/file
         for n in $(seq {FILES}); do head -c 1000 /dev/urandom >many/$n; done"
    ));
    let live = || sb.sftp_live("mle").patient(Duration::from_secs(600));
    let jailed = live();
    exchange(&sb);
    let mut sessions = [jailed, live()];

    let large = format!("one file of {MEGABYTES} MB");
    let small = format!("{FILES} files of 1 kB");
    let work = [
        (format!("put {large}"), "put -R /tmp/up/few".to_owned()),
        (format!("get {large}"), "get -R few /tmp/down".to_owned()),
        (format!("put {small}"), "put -R /tmp/up/many".to_owned()),
        (format!("get {small}"), "get -R many /tmp/down".to_owned()),
    ];
    let mut samples = Samples::default();
    for round in 0..=rounds {
        for (what, command) in &work {
            // Who comes first changes.
            for side in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
                let time = timed(&mut sessions[side], command);
                // The first round does not count.
                if round > 0 {
                    samples.add(SIDES[side], what, time);
                }
            }
        }
    }
    sb.sh("cd /tmp; diff -r up down; diff -r up/few /home/mle/few; diff -r up/many /home/mle/many");
    for session in sessions {
        assert_eq!(session.quit(), Some(0));
    }

    let mut section = Section::new("Throughput", TEXT);
    let rows = work.iter().map(|(what, _)| {
        let [jailed, fixed] = SIDES.map(|side| samples.get(side, what));
        let mut row = row_in_ms(what, &[jailed, fixed]);
        // Of the rates, which are the times upside down.
        let [low, high] = interval(fixed, jailed);
        row.push(if what.contains(&large) {
            format!("{:.0} MB", f64::from(MEGABYTES) / median(jailed) * 1e6)
        } else {
            format!("{:.0} files", f64::from(FILES) / median(jailed) * 1e6)
        });
        let figure = format!("{:.3} ({low:.3} to {high:.3})", ratio(fixed, jailed));
        row.push(figure.clone());
        section.short.push([format!("throughput of a jail, to a static chroot: {what}"), figure]);
        row
    });
    let rows: Vec<_> = rows.collect();
    section.table(
        &["", "jailed, ms", "p99", "static chroot, ms", "p99", "jailed, in a second", "ratio of the rates"],
        &rows,
    );
    section.say(&format!(
        "{rounds} rounds. In brackets: where the median of the ratios is in 95 of 100 such runs."
    ));
    vec![section]
}

fn timed(session: &mut LiveSftp, command: &str) -> f64 {
    let begin = Instant::now();
    let said = session.send(command);
    let time = begin.elapsed();
    assert!(!said.iter().any(|line| line.contains("ouldn't") || line.contains("No such")), "{said:?}");
    time.as_secs_f64() * 1e6
}
