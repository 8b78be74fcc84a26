//! `sftpjail setup` on a stock machine: members are jailed, and undo restores every byte.

mod apparmor;
mod beside;
mod confirm;
mod distributions;
mod exempt;
mod exit_status;
mod expiry;
mod killed;
mod links;
mod managed_keys;
mod members;
mod misspelt;
mod never_started;
mod others;
mod packaged;
mod power_cut;
mod refused;
mod reload;
mod restricted;
mod separate_lib;
mod sshd;
mod unchanged;
mod undo;
mod unread;
mod upgrade;

use sandbox::{Output, Sandbox};

pub(crate) const HOME: &str = include_str!("../../../config/home.toml");

/// What setup prints where nothing is left to do.
pub(crate) const NOTHING: &str = "Nothing to do: everything is set up.\nNext: sftpjail check --all\n";

/// Every file of /etc with type, mode, owner, target, time of change and digest. Directories have no time
/// here, since temporary files change it.
pub(crate) fn etc(sb: &Sandbox) -> String {
    let script =
        "cd /etc; find . -type f -printf '%p %m %U %G %T@\\n' -o -printf '%p %y %m %U %G %l\\n' | sort;
        find . -type f -exec sha256sum {} + | sort -k2";
    sb.sh(script).stdout
}

/// useradd and userdel rewrite these, and keep the content before as a backup.
pub(crate) const REWRITTEN_BY_USERADD: [&str; 12] = [
    "./passwd",
    "./passwd-",
    "./shadow",
    "./shadow-",
    "./subuid",
    "./subuid-",
    "./subgid",
    "./subgid-",
    "./group",
    "./group-",
    "./gshadow",
    "./gshadow-",
];

/// Panics with the lines that differ. Lines with one of the `ignored` words do not count.
#[track_caller]
pub(crate) fn assert_same(before: &str, after: &str, ignored: &[&str]) {
    let lines = |text: &str| -> Vec<String> {
        let is_ignored = |line: &str| ignored.iter().any(|name| line.split(' ').any(|word| word == *name));
        text.lines().filter(|line| !is_ignored(line)).map(str::to_owned).collect()
    };
    let (before, after) = (lines(before), lines(after));
    let missing: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(missing.is_empty() && new.is_empty(), "before: {missing:#?}\nafter: {new:#?}");
}

/// Runs `sftpjail setup --undo` once all sessions have ended.
#[track_caller]
pub(crate) fn undo(sb: &Sandbox) -> Output {
    sb.sh("for i in $(seq 200); do ! sftpjail list | grep -q Nobody || break; sleep 0.05; done");
    sb.sh("sftpjail setup --undo --yes")
}

/// The command line of sshd in Debian's unit.
fn unit(sb: &Sandbox) -> String {
    let unit = sb.read_text("/lib/systemd/system/ssh.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command line");
    line.replace("$SSHD_OPTS", "")
}

#[test]
fn a_stock_machine_jails_users_who_are_added_to_the_group_and_undo_restores_every_byte() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    // What is missing is what setup adds, the group among it.
    let found = sb.try_sh("sftpjail check --all | grep -A 1 -e '^. pam' -e '^. user manager'").stdout;
    assert!(found.contains("pam session") && found.contains("→ sftpjail setup\n"), "{found}");
    assert!(!found.contains("groupadd"), "{found}");
    let out = sb.sh("sftpjail setup --yes");
    let open = "+session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_sftpjail.so open";
    for part in ["+Match Group sftp", open, "groupadd --system sftp"] {
        assert!(out.stdout.contains(part), "{out}");
    }
    assert!(out.stdout.contains("sshd does not run"), "{out}");
    // Debian has a group sudo, but no wheel.
    let exempt = HOME.replace("exempt_groups = []        ", "exempt_groups = [\"sudo\"]  ");
    assert_eq!(sb.read_text("/etc/sftpjail/config.toml"), exempt);
    sb.sh("test \"$(stat -c '%a %U' /jail)\" = '700 root'");

    sb.sh("useradd -m -G sftp anna; install -d -o anna -m 700 ~anna/.ssh
        install -o anna -m 600 ~/.ssh/id_ed25519.pub ~anna/.ssh/authorized_keys");
    sb.sshd_as(&unit(&sb));
    let seen = sb.sftp("anna", "pwd\nls -l /\nput /etc/hostname kept\n").ok();
    assert!(seen.stdout.contains("Remote working directory: /home/anna"), "{seen}");
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    assert!(!sb.ssh("anna", &["id"]).failed().stdout.contains("uid="));
    sb.sh("sftpjail check anna");

    let again = sb.sh("sftpjail setup --yes");
    assert_eq!(again.stdout, NOTHING, "{again}");

    let live = sb.sftp_live("anna");
    let out = sb.try_sh("sftpjail setup --undo --yes").failed();
    assert!(out.stderr.contains("a member is logged in: anna"), "{out}");
    // It shows no change that it does not make.
    assert!(out.stdout.ends_with("\nNothing was changed.\n") && !out.stdout.contains("--- /etc/"), "{out}");
    drop(live);
    sb.sh("userdel -r anna 2>/dev/null");
    let out = sb.sh("sftpjail setup --undo --yes --force");
    assert!(out.stdout.contains("sshd has been reloaded (SIGHUP"), "{out}");
    assert!(out.stdout.contains("Everything is as it was before."), "{out}");
    assert_same(&before, &etc(&sb), &REWRITTEN_BY_USERADD);
    sb.sh("not getent group sftp; not test -e /jail; not test -e /var/lib/sftpjail");
}

#[test]
fn undo_right_after_setup_restores_the_files_of_groups_to_the_byte() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes; getent group sftp");
    let out = sb.sh("sftpjail setup --undo --yes");
    assert!(out.stdout.contains("Everything is as it was before."), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    let out = sb.sh("sftpjail setup --undo --yes");
    assert!(out.stdout.contains("Nothing to undo"), "{out}");
}

#[test]
fn a_running_sshd_is_reloaded_and_sessions_go_on() {
    let sb = Sandbox::stock();
    sb.user("joe").add();
    let pid = sb.sshd();
    let live = sb.sftp_live("joe");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains(&format!("sshd has been reloaded (SIGHUP to pid {pid}")), "{out}");
    drop(live);
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("joe", "ls /etc/ssh\n").ok();
}
