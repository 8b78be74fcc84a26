//! Whole logins by sftp through one sshd, as one user. Between the two logins of a pair, only /etc/pam.d/sshd changes
//! and what is at /jail.

use sandbox::Sandbox;

use crate::driver;
use crate::machine::{CHROOTS, exchange, with_two_chroots};
use crate::page::{Section, row_in_ms};
use crate::samples::{Samples, interval, median, ratio};

const TEXT: &str = "\
`sftp -b /dev/null` with a key, in pairs: once into a jail, once into a chroot that root has made beforehand, with the
same things in it and the home bound there. One sshd and one user: between the two, only /etc/pam.d/sshd changes, and
what is at /jail, which the module wants empty. Login: until the client has ended. With logout: until sshd's process of
the session has.";

const SIDES: [(&str, &str); 2] = [("first", "jailed"), ("second", "static chroot")];

/// How many log in at once.
const AT_ONCE: u64 = 200;

pub fn run(rounds: u64) -> Vec<Section> {
    let sb = with_two_chroots();
    sb.sshd_as("/usr/sbin/sshd -D -o MaxStartups=1000 -o MaxSessions=1000");
    assert_sides(&sb);
    let mut section = Section::new("A login", TEXT);

    let exchanged = ["--exchange", CHROOTS[0], "--exchange", CHROOTS[1]];
    let pairs = (rounds / 10).max(10);
    let mut rows = Vec::new();
    for exchange in key_exchanges(&sb) {
        let option = format!("KexAlgorithms={exchange}");
        let step = format!("logins={pairs}");
        let samples =
            Samples::of(&driver(&sb, &[&exchanged[..], &["--ssh", &option, "mle", &step]].concat()));
        let [jailed, fixed] =
            SIDES.map(|(side, _)| ["login", "logout"].map(|phase| samples.get(side, phase)));
        for ((side, label), ratios) in SIDES.iter().zip([Some(&jailed), None]) {
            let mut row = row_in_ms(
                &format!("{exchange}, {label}"),
                &["login", "logout"].map(|phase| samples.get(side, phase)),
            );
            row.extend(
                (0..2).map(|i| ratios.map_or_else(String::new, |jailed| compared(jailed[i], fixed[i]))),
            );
            rows.push(row);
        }
        let ratio = compared(jailed[0], fixed[0]);
        section.short.push([format!("a login, to one into a static chroot, {exchange}"), ratio]);
    }
    let head = ["", "login", "p99", "with logout", "p99", "ratio of logins", "with logout"];
    section.table(&head, &rows);
    section.say(&format!(
        "In ms, {pairs} pairs. In brackets: where the median of the ratios is in 95 of 100 such runs."
    ));

    let waves = (rounds / 400).max(1);
    let step = format!("waves={waves}:{AT_ONCE}");
    let patience = ["--ssh", "ConnectTimeout=600", "--ssh", "KexAlgorithms=curve25519-sha256"];
    let samples = Samples::of(&driver(&sb, &[&exchanged[..], &patience, &["mle", &step]].concat()));
    let rows = SIDES.map(|(side, label)| {
        let [login, wave] = ["login", "wave"].map(|phase| samples.get(side, phase));
        let mut row = row_in_ms(label, &[login]);
        row.push(format!("{:.2}", median(wave) / 1e6));
        row.push(format!("{:.1}", AT_ONCE as f64 / median(wave) * 1e6));
        row
    });
    let mut crowd = Section::new(
        &format!("{AT_ONCE} logins at once"),
        "The same, started one after another without a pause, all as one user. A login here waits for the others.",
    );
    crowd.table(&["", "a login, ms", "p99", "until all are through, s", "logins in a second"], &rows);
    crowd.say(&format!("Waves of each: {waves}. All logins succeeded."));
    let waves = ["first", "second"].map(|side| samples.get(side, "wave"));
    let figure = format!("{:.3}", ratio(waves[0], waves[1]));
    crowd.short.push([format!("{AT_ONCE} logins at once, to as many into a static chroot"), figure]);
    assert_sides(&sb);
    vec![section, crowd]
}

fn compared(jailed: &[f64], fixed: &[f64]) -> String {
    let [low, high] = interval(jailed, fixed);
    format!("{:.4} ({low:.4} to {high:.4})", ratio(jailed, fixed))
}

/// The one of Curve25519, and the one that this sshd takes first among those that quantum computers do not break.
fn key_exchanges(sb: &Sandbox) -> Vec<String> {
    let offered = sb.sh("sshd -T | sed -n 's/^kexalgorithms //p' | tr , '\\n'").stdout;
    let strong = offered.lines().find(|name| name.starts_with("mlkem") || name.starts_with("sntrup"));
    ["curve25519-sha256"].into_iter().chain(strong).map(str::to_owned).collect()
}

/// Panics unless the first side is a jail and the second the static chroot. No sample is taken of it.
fn assert_sides(sb: &Sandbox) {
    let is_static = || sb.sftp("mle", "ls /static\n").code == Some(0);
    assert!(!is_static(), "the first of each pair is jailed");
    exchange(sb);
    assert!(is_static(), "the second of each pair is not");
    exchange(sb);
}
