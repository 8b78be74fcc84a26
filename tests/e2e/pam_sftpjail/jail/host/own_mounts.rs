//! A service with a mount namespace of its own, as PrivateTmp= of systemd gives it: the jails "in the host's namespace"
//! are there, and go on there when the service is restarted into another one.

use super::{leave, machine};
use crate::common::jailed::{has_only_its_home, names, works_in};
use sandbox::{LiveSftp, Sandbox};

/// (Re)starts sshd in a new mount namespace. Live sessions stay in the former one. Gives its pid.
fn restart(sb: &Sandbox) -> i32 {
    sb.stop_sshd();
    sb.sshd_as("unshare --mount --propagation slave /usr/sbin/sshd -D")
}

/// How many jails of mle's are mounted in the namespace of a process, and how many on the host.
fn jails(sb: &Sandbox, pid: i32) -> (usize, usize) {
    let count =
        |lines: Vec<String>| lines.iter().filter(|line| line.split(' ').nth(4) == Some("/jail/mle")).count();
    (count(sb.mounts_of(pid)), count(sb.mounts()))
}

fn nobody_is_in(sb: &Sandbox) {
    assert_eq!(sb.sh("ls -A /jail; find /run/sftpjail -mindepth 1 ! -name -waiting").stdout, "");
}

/// Ends the processes of all sessions of mle's at once, as a crash does.
fn kill(sb: &Sandbox, live: LiveSftp) {
    let pids = [sb.session_monitor("mle"), sb.session_child("mle")];
    for pid in pids {
        sb.kill(pid, "KILL");
    }
    drop(live);
    pids.into_iter().for_each(|pid| sb.wait_gone(pid));
}

#[test]
fn a_restart_of_the_service_leaves_live_sessions_their_jail_and_gives_new_ones_another() {
    let sb = machine();
    let before = restart(&sb);
    let mut first = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut first, "/home/mle");
    let monitor = sb.session_monitor("mle");
    assert_eq!(jails(&sb, before), (1, 0));
    let after = restart(&sb);
    let mut second = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut second, "/home/mle");
    has_only_its_home(&sb, &mut first, "/home/mle");
    assert_eq!((jails(&sb, monitor), jails(&sb, after)), ((1, 0), (1, 0)));
    // A third one shares the jail of the second.
    let third = sb.sftp_live("mle");
    assert_eq!(jails(&sb, after), (1, 0));
    assert_eq!(sb.sh("sftpjail list --json | grep -c '\"pid\"'").stdout, "3\n");
    // Neither does the end of the old one's take the new one down, nor the other way round.
    leave(&sb, "mle", first);
    works_in(&sb, &mut second, "/home/mle");
    sb.sftp("mle", "pwd\n").ok();
    let last = restart(&sb);
    let mut fourth = sb.sftp_live("mle");
    leave(&sb, "mle", second);
    leave(&sb, "mle", third);
    has_only_its_home(&sb, &mut fourth, "/home/mle");
    sb.sftp("mle", "pwd\n").ok();
    assert_eq!(jails(&sb, last), (1, 0));
    leave(&sb, "mle", fourth);
    nobody_is_in(&sb);
}

#[test]
fn a_service_that_gets_mounts_of_its_own_beside_live_sessions_serves_from_a_new_jail() {
    let sb = machine();
    let mut first = sb.sftp_live("mle");
    assert_eq!(jails(&sb, sb.session_monitor("mle")), (1, 1));
    let after = restart(&sb);
    // It has a copy of the mounts, with the jail of the first.
    assert_eq!(jails(&sb, after), (1, 1));
    let mut second = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut second, "/home/mle");
    works_in(&sb, &mut first, "/home/mle");
    assert_eq!(jails(&sb, after), (1, 1));
    leave(&sb, "mle", second);
    works_in(&sb, &mut first, "/home/mle");
    sb.sftp("mle", "pwd\n").ok();
    leave(&sb, "mle", first);
    nobody_is_in(&sb);
}

#[test]
fn no_session_gets_the_jail_of_another_service_and_an_old_home() {
    let sb = machine();
    restart(&sb);
    let mut first = sb.sftp_live("mle");
    sb.sh("mkdir -m 700 /home/new; chown mle: /home/new; cp -a /home/mle/.ssh /home/new; sed -i 's|:/home/mle:|:/home/new:|' /etc/passwd");
    // Beside its own sessions, the same service refuses.
    sb.sftp("mle", "pwd\n").failed();
    sb.wait_for_log("the user's live sessions have another jail");
    // Another service has no jail of before.
    restart(&sb);
    let mut second = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut second, "/home/new");
    assert!(!names(&mut first, "/home/mle").is_empty());
    leave(&sb, "mle", first);
    has_only_its_home(&sb, &mut second, "/home/new");
    leave(&sb, "mle", second);
    nobody_is_in(&sb);
}

#[test]
fn every_session_counts_for_max_sessions_wherever_its_jail_is() {
    let sb = machine();
    sb.configure("[[profile]]\nname = \"few\"\ngroups = [\"sftp\"]\nmax_sessions = 1\n");
    restart(&sb);
    let first = sb.sftp_live("mle");
    restart(&sb);
    sb.sftp("mle", "pwd\n").failed();
    sb.wait_for_log("mle has 1 of the 1 sessions that the profile allows");
    leave(&sb, "mle", first);
    sb.sftp("mle", "pwd\n").ok();
}

#[test]
fn reap_takes_down_what_a_killed_session_left_in_the_namespace_of_its_service() {
    let sb = machine();
    let sshd = restart(&sb);
    let live = sb.sftp_live("mle");
    // While it is live, nothing is taken down, though the host sees a bare directory.
    assert_eq!(sb.sh("sftpjail reap").stdout, "Nothing was left behind.\n");
    kill(&sb, live);
    assert_eq!(jails(&sb, sshd), (1, 0));
    assert_eq!(sb.sh("sftpjail reap").stdout, "✓ /jail/mle is removed\n");
    assert_eq!(jails(&sb, sshd), (0, 0));
    nobody_is_in(&sb);
    // What a service left that has ended is one directory, and a record.
    kill(&sb, sb.sftp_live("mle"));
    sb.stop_sshd();
    assert_eq!(sb.sh("sftpjail reap").stdout, "✓ /jail/mle is removed\n");
    nobody_is_in(&sb);
    // Without it, the next login does the same, also in another namespace.
    restart(&sb);
    kill(&sb, sb.sftp_live("mle"));
    let after = restart(&sb);
    let live = sb.sftp_live("mle");
    assert_eq!(jails(&sb, after), (1, 0));
    leave(&sb, "mle", live);
    nobody_is_in(&sb);
}

/// A live session elsewhere needs the directory, and not the jail that is mounted on it here.
#[test]
fn what_a_killed_session_left_here_is_named_and_removed_beside_a_live_one_elsewhere() {
    let sb = machine();
    let first = sb.sftp_live("mle");
    let after = restart(&sb);
    let mut second = sb.sftp_live("mle");
    kill(&sb, first);
    assert_eq!(jails(&sb, after), (1, 1));
    let left = "! jail root      /jail/mle is left of a jail that no session is in";
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains(left), "{out}");
    assert_eq!(sb.sh("sftpjail reap").stdout, "✓ /jail/mle is removed\n");
    assert_eq!(jails(&sb, after), (1, 0));
    let out = sb.sh("sftpjail check mle");
    assert!(!out.stdout.contains(left), "{out}");
    assert_eq!(sb.sh("sftpjail reap").stdout, "Nothing was left behind.\n");
    works_in(&sb, &mut second, "/home/mle");
    leave(&sb, "mle", second);
    nobody_is_in(&sb);
}

/// An error there is reported, and not taken for "nothing was left".
#[test]
fn reap_says_where_it_could_not_look() {
    let sb = machine();
    sb.sh("mkdir -p -m 700 /jail /run/sftpjail; mkdir -m 0 /jail/gone");
    sb.stop_sshd();
    let script = "#!/bin/sh\nmount -t tmpfs -o mode=777 none /run/sftpjail && exec /usr/sbin/sshd -D\n";
    sb.write_mode("/usr/local/sbin/start", script, 0o755);
    sb.sshd_as("unshare --mount --propagation slave /usr/local/sbin/start");
    let pid = sb.sh("pgrep -x sshd").stdout;
    let pid = pid.trim();
    let out = sb.try_sh("sftpjail reap");
    assert_eq!(out.code, Some(1), "{out}");
    let unseen = format!(
        "✗ /jail cannot be removed: process {pid} has mounts of its own, with which the registry of sessions cannot be \
         used: /run/sftpjail is open to others than root\n  → with the mounts of that process (nsenter -m -t {pid}): "
    );
    assert!(out.stdout.starts_with(&unseen) && out.stdout.ends_with("✓ /jail/gone is removed\n"), "{out}");
}

/// Neither is an error at the way there.
#[test]
fn a_namespace_that_cannot_be_entered_is_not_taken_for_one_where_nothing_is() {
    let sb = machine();
    let pid = restart(&sb);
    let denied = "strace -fqqo /dev/null -e inject=setns:error=EPERM sftpjail";
    let out = sb.try_sh(&format!("{denied} reap"));
    assert_eq!(out.code, Some(1), "{out}");
    let why = format!(
        "✗ /jail cannot be removed: process {pid} has mounts of its own, which could not be entered: setns(CLONE_NEWNS): \
         Operation not permitted\n  → with the mounts of that process (nsenter -m -t {pid}): sftpjail reap\n"
    );
    assert_eq!(out.stdout.replace("\n  ", " ").replace(" → ", "\n  → "), why);
    let out = sb.try_sh(&format!("{denied} check mle"));
    let said = out.stdout.replace("\n                 ", " ");
    assert!(said.contains("! sessions       whether sshd (pid ") && !said.contains("✓ sessions"), "{out}");
    // One that has ended has left nothing.
    sb.stop_sshd();
    assert_eq!(sb.sh("sftpjail reap").stdout, "Nothing was left behind.\n");
}
