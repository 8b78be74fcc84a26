//! The accounts of a Debian before an admin adds any.

use std::fs;

/// Accounts that packages of `make deps` add. Their numbers are this machine's, as files in /usr have them.
const USERS: [&str; 6] = ["messagebus", "nslcd", "openldap", "sshd", "systemd-network", "systemd-timesync"];
const GROUPS: [&str; 8] = [
    "_ssh",
    "crontab",
    "messagebus",
    "nslcd",
    "openldap",
    "systemd-journal",
    "systemd-network",
    "systemd-timesync",
];

/// Path, mode and content of passwd, shadow, group and gshadow: base-passwd's accounts and those above. No
/// group has members.
pub(crate) fn accounts() -> [(&'static str, u32, String); 4] {
    let users = lines("/usr/share/base-passwd/passwd.master", "/etc/passwd", &USERS);
    let groups = lines("/usr/share/base-passwd/group.master", "/etc/group", &GROUPS);
    let text = |lines: &[Vec<String>], line: fn(&[String]) -> String| {
        lines.iter().map(|fields| line(fields) + "\n").collect()
    };
    [
        ("/etc/passwd", 0o644, text(&users, |fields| fields.join(":"))),
        ("/etc/shadow", 0o640, text(&users, |fields| format!("{}:*:19000:0:99999:7:::", fields[0]))),
        ("/etc/group", 0o644, text(&groups, |fields| format!("{}:x:{}:", fields[0], fields[2]))),
        ("/etc/gshadow", 0o640, text(&groups, |fields| format!("{}:*::", fields[0]))),
    ]
}

/// The fields of each line of `master`, and of those lines of `machine` that begin with one of `names`.
fn lines(master: &str, machine: &str, names: &[&str]) -> Vec<Vec<String>> {
    let all = |path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let fields = |line: &str| {
        let mut fields: Vec<_> = line.split(':').map(str::to_owned).collect();
        if let Some(password) = fields.get_mut(1) {
            "x".clone_into(password);
        }
        fields
    };
    let (master, machine) = (all(master), all(machine));
    let machine = machine.lines().map(fields).filter(|line| names.contains(&line[0].as_str()));
    master.lines().map(fields).chain(machine).filter(|fields| fields.len() > 2).collect()
}
