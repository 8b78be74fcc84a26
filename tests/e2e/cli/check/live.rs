//! Beside live sessions whose jails are in the host's namespace: a rehearsal copies none of them, so that `check --all`
//! costs as much as without them, and it leaves them alone.

use super::checked;
use sandbox::{Namespace, Sandbox};

/// A machine with three members, whose jails are in the host's namespace.
fn machine() -> Sandbox {
    let sb = Sandbox::in_namespace(Namespace::Host);
    for user in ["mle", "anna", "joe"] {
        sb.user(user).group("sftp").shell("/usr/sbin/nologin").add();
    }
    sb
}

/// Runs `check --all` beside a live session of mle's. Each rehearsal reads the mounts that it has: those of others must
/// be without mle's jail.
#[track_caller]
fn checks_without_the_live_jail(sb: &Sandbox) {
    let mut live = sb.sftp_live("mle");
    let monitor = sb.session_monitor("mle");
    let before = sb.mounts_of(monitor);
    assert!(before.iter().any(|mount| mount.contains("/jail/mle")), "{before:#?}");
    checked(
        sb.try_sh("strace -qqf -e trace=read -s 1000000 -o /tmp/trace sftpjail check --all > /tmp/out"),
        0,
    );
    let trace = sb.read_text("/tmp/trace");
    for user in ["anna", "joe"] {
        let own = format!(" /jail/{user}/home/{user} ");
        let line =
            trace.lines().find(|line| line.contains(&own)).unwrap_or_else(|| panic!("no jail of {user}"));
        let (rehearsal, _) = line.split_once(' ').expect("strace writes the pid first");
        // A read gives a page of the table at most.
        let mut lines =
            trace.lines().filter(|line| line.split_once(' ').is_some_and(|(pid, _)| pid == rehearsal));
        assert!(!lines.any(|line| line.contains(" /jail/mle/")), "{user}: {}", sb.read_text("/tmp/out"));
    }
    assert_eq!(sb.mounts_of(monitor), before);
    assert!(live.send("pwd").concat().contains("/home/mle"));
}

#[test]
fn a_rehearsal_copies_no_live_jail() {
    let sb = machine();
    checks_without_the_live_jail(&sb);
}

#[test]
fn a_rehearsal_in_the_mount_namespace_of_sshd_copies_no_live_jail() {
    let sb = machine();
    // Without a jail root, sshd's namespace has no mount for jails when the session begins.
    sb.write_mode("/usr/local/sbin/start", "#!/bin/sh\nexec unshare -m \"$@\"\n", 0o755);
    sb.sshd_as("/usr/local/sbin/start /usr/sbin/sshd -D");
    checks_without_the_live_jail(&sb);
}

#[test]
fn a_jail_root_that_is_a_mount_of_the_admins_stays_the_same_in_rehearsals() {
    let sb = machine();
    // Below it, there is a directory in which no jail could be.
    sb.sh("mkdir -m 777 /jail && mount -t tmpfs -o mode=0700 none /jail");
    checks_without_the_live_jail(&sb);
}
