//! sshd is asked once for all users whom it treats alike: they must have the same settings, and what it does not answer
//! is asked once, too.

use super::super::{checked, findings, json};
use super::Machine;
use serde_json::Value;
use std::collections::BTreeMap;

/// In sshd's place: it counts the questions about users, and answers those about members by `$1`.
const INSTEAD: &str = "mv /usr/sbin/sshd /usr/sbin/sshd.real
    cat >/usr/sbin/sshd <<END
#!/bin/sh
case \"\\$*\" in *user=m*) echo \"\\$*\" >>/tmp/asked; $1;; esac
exec /usr/sbin/sshd.real \"\\$@\"
END
    chmod 755 /usr/sbin/sshd";

#[test]
fn an_sshd_that_a_signal_ends_is_unknown_with_its_name() {
    for signal in ["SEGV", "KILL", "SYS"] {
        let machine = Machine::new();
        machine.sb.script(INSTEAD, &[&format!("kill -{signal} $$")], b"").ok();
        let out = checked(machine.sb.try_sh("sftpjail check mle"), 2);
        assert!(out.stdout.contains(&format!("! sshd           sshd -T was ended by SIG{signal}")), "{out}");
        assert!(!out.stdout.contains("says: "), "{out}");
        assert!(
            out.stdout.contains(&format!("\nmle cannot be judged: sshd -T was ended by SIG{signal}")),
            "{out}"
        );
        let document = json(&machine.sb, "mle", "unchecked");
        let found: Vec<_> = findings(&document).into_iter().filter(|f| f[1] == "unknown").collect();
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn a_setup_whose_sshd_a_signal_ends_says_so() {
    let machine = Machine::new();
    machine
        .sb
        .sh("mv /usr/sbin/sshd /usr/sbin/sshd.real; printf '#!/bin/sh\\nkill -SEGV $$\\n' >/usr/sbin/sshd
        chmod 755 /usr/sbin/sshd");
    let out = machine.sb.try_sh("sftpjail setup --dry-run").failed();
    assert!(out.stderr.contains("was ended by SIGSEGV"), "{out}");
}

#[test]
fn an_sshd_that_fails_is_asked_once_for_each_kind_of_member() {
    let machine = Machine::new();
    for i in 0..30 {
        machine.sb.user(format!("m{i}")).group("sftp").shell("/usr/sbin/nologin").add();
    }
    for fails in ["exit 1", "kill -SEGV $$"] {
        machine.sb.script(&format!("rm -f /tmp/asked; [ ! -e /usr/sbin/sshd.real ] || mv /usr/sbin/sshd.real /usr/sbin/sshd; {INSTEAD}"), &[fails], b"").ok();
        let out = machine.sb.try_sh("sftpjail check --all");
        assert!(out.stdout.contains("31 users: 31 cannot be judged"), "{out}");
        let asked = machine.sb.sh("wc -l </tmp/asked").stdout;
        assert_eq!(asked.trim(), "1", "{fails}");
    }
}

/// Parts of `Match` lines, good and odd.
const CRITERIA: [&str; 22] = [
    "User m1",
    "User m1,m2",
    "User m?",
    "User *,!m1",
    "User !m1",
    "User m1*",
    "User M1",
    "User mü*",
    "User \"m1\"",
    "User=m1",
    "User \"m1,m2\"",
    "Group sftp",
    "Group a",
    "Group a,b",
    "Group *,!b",
    "Group ?",
    "Group \"A B\"",
    "Group \"A B,b\"",
    "all",
    "invalid-user",
    "User m* Group b",
    "Group a User *,!m2",
];

const CONNECTIONS: [&str; 4] = ["", " Address 10.0.0.0/8", " LocalPort 22", " Address *,!10.1.2.3"];

const SETTINGS: [&str; 5] = [
    "PermitTTY yes",
    "X11Forwarding yes",
    "ForceCommand /bin/x",
    "PermitUserRC yes",
    "AllowTcpForwarding yes",
];

/// The findings about sshd of each user.
fn about_sshd(document: &Value) -> Vec<[String; 4]> {
    let of = findings(document).into_iter().filter(|f| f[0].starts_with("sshd ") && f[0] != "sshd running");
    of.map(|f| f.map(str::to_owned)).collect()
}

#[test]
fn users_who_are_asked_about_together_have_the_same_settings_as_singly() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.sh("groupadd a; groupadd b; printf 'A B:x:4711:\\n' >>/etc/group");
    for (name, groups) in [("m1", "a"), ("m2", "b"), ("m3", "a,b"), ("m11", ""), ("mü", "a")] {
        sb.user(name).group("sftp").shell("/usr/sbin/nologin").raw().add();
        for group in groups.split(',').filter(|group| !group.is_empty()) {
            sb.script("sed -i \"s/^$2:.*[^:]$/&,$1/; s/^$2:.*:$/&$1/\" /etc/group", &[name, group], b"").ok();
        }
    }
    sb.sh("sed -i 's/^A B:.*/&m3/' /etc/group");
    let names = ["m1", "m2", "m3", "m11", "mü", "mle"];
    let mut random: usize = 11;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut different = 0;
    for round in 0..8 {
        let mut blocks = String::new();
        for i in 0..3 {
            let (criteria, connection) =
                (CRITERIA[next(CRITERIA.len())], CONNECTIONS[next(CONNECTIONS.len())]);
            // `all` stands alone.
            let connection = if criteria == "all" { "" } else { connection };
            let setting = SETTINGS[next(SETTINGS.len())];
            let block = format!("Match {criteria}{connection}\n    {setting}\n");
            match next(4) {
                // An included file, in a block or not.
                0 => {
                    sb.write(format!("/etc/ssh/included-{i}"), &block);
                    let outer = ["Match all", "Match Group a", "Match User m*,!m2"][next(3)];
                    blocks += &format!("{outer}\n    Include /etc/ssh/included-{i}\n");
                }
                _ => blocks += &block,
            }
        }
        sb.write("/etc/ssh/blocks", &blocks);
        sb.sh("grep -q /etc/ssh/blocks /etc/ssh/sshd_config || sed -i '1i Include /etc/ssh/blocks' /etc/ssh/sshd_config");
        let out = sb.try_sh("sftpjail check --all --json");
        let all: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
        let users = all["users"].as_array().expect("a list of users");
        let together: BTreeMap<_, _> =
            users.iter().map(|user| (user["user"].as_str(), about_sshd(user))).collect();
        for name in names {
            let out = sb.script("sftpjail check --json -- \"$1\"", &[name], b"");
            let singly: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
            let singly = about_sshd(&singly);
            assert_eq!(together[&Some(name)], singly, "round {round}, {name}\n{blocks}");
            // sshd's own word, for the usual connection.
            let own = sb.script(
                "/usr/sbin/sshd -T -C \"user=$1,host=240.77.113.9,addr=240.77.113.9,laddr=240.77.113.10,lport=22,rdomain=\"",
                &[name],
                b"",
            );
            for (setting, check) in
                [("permittty yes", "sshd terminal"), ("forcecommand /bin/x", "sshd command")]
            {
                let is_found =
                    singly.iter().any(|f| f[0] == check && f[1] == "failed" && !f[2].contains("; from 10."));
                assert_eq!(
                    own.stdout.lines().any(|line| line == setting),
                    is_found,
                    "round {round}, {name}, {setting}\n{blocks}{singly:#?}"
                );
                different += usize::from(is_found);
            }
        }
    }
    assert!(different > 2, "the blocks do not differ: {different}");
}
