//! One session beside more and more live ones, and beside more and more mounts of the host.

use sandbox::Sandbox;

use crate::driver;
use crate::machine::with_services;
use crate::page::{Section, figure};
use crate::samples::{Samples, median, p99};

/// The most users that are logged in.
const USERS: u32 = 10_000;

const TEXT: &str = "\
Open and close of one session, in µs, beside so many. Beside 0 is before the others came and after they have gone, as
many rounds each.";

/// The figures of the picture: by what grows, then by label, each number and its samples' median.
pub type Lines = Vec<(&'static str, Vec<(&'static str, Vec<(f64, f64)>)>)>;

struct Growth {
    /// For the driver, and for people.
    crowd: &'static str,
    what: &'static str,
    counts: &'static str,
    /// The PAM service whose sessions are the others.
    service: &'static str,
    contestants: &'static [(&'static str, &'static str)],
}

const PRIVATE: (&str, &str) = ("sshd", "pam_sftpjail, namespace of its own");
const HOST: (&str, &str) = ("host", "pam_sftpjail, `namespace = \"host\"`");
const BARE: (&str, &str) = ("bare", "the bare system calls of our jail");

const GROWTHS: [Growth; 3] = [
    Growth {
        crowd: "jails",
        what: "live jails in the host's namespace",
        counts: "0,100,1000,10000",
        service: "host",
        contestants: &[HOST],
    },
    Growth {
        crowd: "sessions",
        what: "live sessions with a namespace each",
        counts: "0,100,1000",
        service: "sshd",
        contestants: &[PRIVATE],
    },
    Growth {
        crowd: "mounts",
        what: "mounts of the host",
        counts: "0,100,1000,5000",
        service: "sshd",
        contestants: &[PRIVATE, BARE, ("namespace", "pam_namespace"), HOST],
    },
];

pub fn run(rounds: u64, lines: &mut Lines) -> Vec<Section> {
    let rounds = (rounds / 8).max(10);
    let mut section = Section::new("Growth", TEXT);
    for Growth { crowd, what, counts, service, contestants } in GROWTHS {
        let sb = machine();
        let who: Vec<_> = contestants.iter().map(|(name, _)| *name).collect();
        let step = format!("beside={crowd}:{counts}:{rounds}:{}", who.join(","));
        let output = driver(&sb, &["--confdir", "/root/pam.d", "--service", service, "mle", &step]);
        let samples = Samples::of(&output);
        let counts: Vec<_> = counts.split(',').collect();
        let mut grown = Vec::new();
        let rows = contestants.iter().map(|&(name, label)| {
            let medians: Vec<_> = counts.iter().map(|count| median(samples.get(name, count))).collect();
            let worst = counts.iter().map(|count| p99(samples.get(name, count)));
            let cells = medians
                .iter()
                .zip(worst)
                .map(|(median, p99)| format!("{} ({})", figure(*median), figure(p99)));
            let growth = medians[medians.len() - 1] / medians[0];
            let most = counts[counts.len() - 1];
            if [PRIVATE.0, HOST.0].contains(&name) {
                let what = format!("{label}: beside {most} {what}, to beside none");
                section.short.push([what, format!("{growth:.2}")]);
            }
            let points = counts.iter().map(|count| count.parse().expect("a number")).zip(medians.clone());
            grown.push((label, points.collect()));
            [label.to_owned()].into_iter().chain(cells).chain([format!("{growth:.2}")]).collect()
        });
        let rows: Vec<Vec<_>> = rows.collect();
        let head: Vec<_> = [what].into_iter().chain(counts.iter().copied()).chain(["last to 0"]).collect();
        section.table(&head, &rows);
        lines.push((what, grown));
    }
    section.say(&format!("Median, and p99 in brackets, of {rounds} rounds."));
    vec![section]
}

fn machine() -> Sandbox {
    let sb = Sandbox::new();
    // First in /etc/passwd, so that NSS finds it at once, and its time does not hide ours.
    sb.user("mle").group("sftp").add();
    sb.sh(&format!(
        "groupadd crowd; gid=$(getent group crowd | cut -d: -f3); sftp=$(getent group sftp | cut -d: -f3)
         mkdir -p /home/crowd; seq 0 {last} | sed 's|^|/home/crowd/user|' | xargs mkdir; chown 0:$gid /home/crowd/*
         seq 0 {last} | awk -v g=$sftp -v h=/home/crowd/user \\
             '{{ print \"user\" $1 \":x:\" 100000 + $1 \":\" g \"::\" h $1 \":/bin/sh\" }}' >>/etc/passwd",
        last = USERS - 1
    ));
    with_services(&sb, "mle");
    sb
}
