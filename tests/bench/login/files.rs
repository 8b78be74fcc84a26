//! What a grant adds to a session, and what the grants and keys of many others add.

use sandbox::Sandbox;

use crate::driver;
use crate::machine::with_services;
use crate::page::{Section, row, row_in_ms};
use crate::samples::{Samples, interval, ratio};

const OTHERS: u32 = 10_000;

const TEXT: &str = "\
Grants and keys are a file for each user. The files of this user only, or those of 10,000 others beside them: between
the two of a pair the directories are exchanged, and nothing else changes.";

pub fn run(rounds: u64) -> Vec<Section> {
    vec![a_grant(rounds), many_files(rounds)]
}

fn a_grant(rounds: u64) -> Section {
    const USERS: [(&str, &str); 3] = [
        ("sshd/anna", "no grant"),
        ("sshd/anna-plain", "a granted folder"),
        ("sshd/anna-owner", "a granted folder of another owner"),
    ];
    let sb = Sandbox::new();
    sb.sh("useradd -r web; install -d -o web /srv/media; install -d /etc/sftpjail/grants.d");
    for (user, owner) in [("anna", None), ("anna-plain", Some("")), ("anna-owner", Some("owner = \"web\"\n"))]
    {
        sb.user(user).group("sftp").add();
        if let Some(owner) = owner {
            let grant = format!("[[grant]]\nfolder = \"/srv/media\"\naccess = \"read-write\"\n{owner}");
            sb.write(format!("/etc/sftpjail/grants.d/{user}.toml"), grant);
        }
    }
    with_services(&sb, "anna");
    let step = format!("contest={rounds}:{}", USERS.map(|(name, _)| name).join(","));
    let samples = Samples::of(&driver(&sb, &["--confdir", "/root/pam.d", "anna", &step]));
    let all = USERS.map(|(name, _)| samples.sum(name, ["open", "close"]));
    let rows = USERS.iter().zip(&all).map(|((_, label), times)| {
        let mut row = row(label, &[times]);
        row.push(format!("{:.2}", ratio(times, &all[0])));
        row
    });
    let mut section = Section::new(
        "A grant",
        "Open and close of a session, in µs. Another owner takes a user namespace, and so a process, each time.",
    );
    section.table(&["", "open + close", "p99", "to none"], &rows.collect::<Vec<_>>());
    section.say(&format!("{rounds} rounds."));
    section
}

fn many_files(rounds: u64) -> Section {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.sh(&format!(
        "install -d -m 777 /srv/media; mkdir -p /etc/sftpjail; cd /etc/sftpjail
         install -d grants.d keys.d grants.of-all keys.of-all
         printf '[[grant]]\\nfolder = \"/srv/media\"\\naccess = \"read-write\"\\n' >grants.d/mle.toml
         mv /home/mle/.ssh/authorized_keys keys.d/mle; chown root: keys.d/mle; chmod 644 keys.d/mle
         cp grants.d/mle.toml grants.of-all; cp keys.d/mle keys.of-all
         grant=$(cat grants.d/mle.toml); key=$(cat keys.d/mle)
         for n in $(seq {OTHERS}); do
             printf '%s\\n' \"$grant\" >grants.of-all/user$n.toml; printf '%s\\n' \"$key\" >keys.of-all/user$n
         done"
    ));
    with_services(&sb, "mle");
    sb.sshd_with("AuthorizedKeysFile /etc/sftpjail/keys.d/%u\n");
    let directory = |name: &str| format!("/etc/sftpjail/{name}.d:/etc/sftpjail/{name}.of-all");
    let (grants, keys) = (directory("grants"), directory("keys"));
    let (pairs, logins) = (rounds, (rounds / 20).max(10));
    let steps = [format!("pairs={pairs}"), format!("logins={logins}")];
    let exchange = ["--exchange", &grants, "--exchange", &keys];
    let arguments = [&["--confdir", "/root/pam.d"][..], &exchange, &["mle", &steps[0], &steps[1]]].concat();
    let samples = Samples::of(&driver(&sb, &arguments));

    let mut section = Section::new("Files of grants and keys", TEXT);
    let rows = [("session", "open and close"), ("login", "a login by sftp")].map(|(phase, label)| {
        let [alone, among] = ["first", "second"].map(|side| samples.get(side, phase));
        let [low, high] = interval(among, alone);
        let figure = format!("{:.3} ({low:.3} to {high:.3})", ratio(among, alone));
        section.short.push([format!("{label} beside the files of 10,000 others, to none"), figure.clone()]);
        let mut row = row_in_ms(label, &[alone, among]);
        row.push(figure);
        row
    });
    section.table(&["", "of this user", "p99", "beside 10,000 others", "p99", "ratio"], &rows);
    section.say(&format!("In ms, {pairs} pairs of sessions and {logins} of logins."));
    section
}
