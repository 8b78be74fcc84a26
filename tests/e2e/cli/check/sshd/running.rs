//! The sshd that runs: what it was started with, when it has read its files, and what the kernel lets it do.

use super::super::{check, checked, machine};
use sandbox::{Output, Sandbox};

/// The evidence of a finding of `check`, and its fix, on one line.
pub(crate) fn finding(out: &Output, start: &str) -> String {
    let mut lines = out.stdout.lines().skip_while(|line| !line.starts_with(start));
    let first = lines.next().unwrap_or_default().to_owned();
    lines.take_while(|line| line.starts_with("   ")).fold(first, |all, line| format!("{all} {}", line.trim()))
}

/// A machine whose sshd is started by this shell script, which must execute `"$@"`.
pub(super) fn started_by(script: &str) -> Sandbox {
    let sb = machine();
    sb.write_mode("/usr/local/sbin/start", format!("#!/bin/sh\n{script}\n"), 0o755);
    sb.sshd_as("/usr/local/sbin/start /usr/sbin/sshd -D");
    sb
}

/// Covers a directory with itself, read-only, and becomes sshd.
fn read_only(path: &str) -> String {
    format!(
        "exec unshare -m sh -c 'mkdir -pm 700 {path} && mount --bind {path} {path} && \
         mount -o remount,ro,bind {path} && exec \"$@\"' sh \"$@\""
    )
}

/// Installs the seccomp filter of a hexadecimal text, and becomes sshd.
pub(crate) fn filtered(filter: &str) -> String {
    let (prctl, no_new_privs, seccomp) = (if cfg!(target_arch = "x86_64") { 157 } else { 167 }, 38, 22);
    format!(
        "exec perl -e '
            my $code = pack(\"H*\", shift);
            my $program = pack(\"SxxxxxxP\", length($code) / 8, $code);
            syscall({prctl}, {no_new_privs}, 1, 0, 0, 0) == 0 or die;
            syscall({prctl}, {seccomp}, 2, $program, 0, 0) == 0 or die;
            exec @ARGV' {filter} \"$@\""
    )
}

/// A filter in classic BPF: `action` for the system call with this number, and none for others.
pub(crate) fn forbidding(number: i64, action: u32) -> String {
    let number = u32::try_from(number).unwrap();
    let instructions: [(u16, u8, u8, u32); 4] = [
        // BPF_LD|BPF_W|BPF_ABS: the number; BPF_JMP|BPF_JEQ|BPF_K; BPF_RET|BPF_K; and SECCOMP_RET_ALLOW.
        (0x20, 0, 0, 0),
        (0x15, 0, 1, number),
        (0x06, 0, 0, action),
        (0x06, 0, 0, 0x7fff_0000),
    ];
    let bytes = instructions
        .into_iter()
        .flat_map(|(code, yes, no, k)| [&code.to_ne_bytes()[..], &[yes, no], &k.to_ne_bytes()].concat());
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_running_sshd_without_restrictions_passes() {
    let sb = machine();
    let pid = sb.sshd();
    let out = check(&sb, "mle", 0);
    let expected =
        format!("✓ sshd running   sshd (pid {pid}, port 22) has read the files as they are, and was started");
    assert!(finding(&out, "✓ sshd running").starts_with(&expected), "{out}");
    assert!(out.stdout.contains("✓ rehearsal      built in "), "{out}");
}

#[test]
fn what_the_kernel_forbids_the_running_sshd_is_found() {
    let nobody = 0x8000_0000_u32;
    let eperm = 0x0005_0000 | 1;
    for (script, expected) in [
        ("exec setpriv --bounding-set=-sys_admin \"$@\"".to_owned(), "it lacks CAP_SYS_ADMIN"),
        (
            "exec setpriv --bounding-set=-sys_chroot,-setuid \"$@\"".to_owned(),
            "it lacks CAP_SETUID, CAP_SYS_CHROOT",
        ),
        (read_only("/home"), "/home/mle is read-only in it; it has mounts of its own"),
        (
            read_only("/run/sftpjail"),
            "/run/sftpjail cannot be written: Read-only file system; it has mounts of its own",
        ),
        (
            "exec unshare -m sh -c 'mount -t tmpfs -o mode=0 none /home && exec \"$@\"' sh \"$@\"".to_owned(),
            "/home/mle cannot be used: it does not exist; it has mounts of its own",
        ),
        (
            filtered(&forbidding(libc_unshare(), eperm)),
            "a seccomp filter forbids unshare(2), which jails need: Operation not permitted; seccomp filters forbid it \
             system calls",
        ),
        (
            filtered(&forbidding(libc_unshare(), nobody)),
            "it would be killed at a system call (a seccomp filter forbids unshare(2), which jails need: Operation not \
             permitted); seccomp filters",
        ),
    ] {
        let sb = started_by(&script);
        // Where sessions are limited, a login has to record itself.
        sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nmax_sessions = 2\n");
        let out = check(&sb, "mle", 1);
        let found = finding(&out, "✗ rehearsal");
        assert!(
            found.contains(" cannot let the user into a jail: ") && found.contains(expected),
            "{script}\n{found}\n{out}"
        );
        assert!(found.ends_with("→ start sshd without that restriction"), "{found}");
        // It is true: the login fails, or the user can write nothing.
        let login = sb.sftp("mle", "put /etc/hostname written\n");
        assert_ne!(login.code, Some(0), "{script}\n{found}\n{login}");
        // sshd has gone on.
        check(&sb, "mle", 1);
    }
}

#[test]
fn the_filters_of_the_running_sshd_are_read_once_for_all_members() {
    let sb = started_by(&filtered(&forbidding(libc_unshare() + 1, 0x0005_0001)));
    for name in ["m1", "m2", "m3"] {
        sb.user(name).group("sftp").shell("/usr/sbin/nologin").add();
    }
    let out = checked(sb.try_sh("strace -qqfo /tmp/trace -e trace=ptrace sftpjail check --all"), 0);
    assert!(out.stdout.contains("4 users: 4 are jailed and can log in."), "{out}");
    let stops = sb.sh("grep -c PTRACE_SEIZE /tmp/trace").stdout;
    assert_eq!(stops.trim(), "1");
}

fn libc_unshare() -> i64 {
    if cfg!(target_arch = "x86_64") { 272 } else { 97 }
}

#[test]
fn restrictions_that_jails_do_not_need_pass() {
    for script in [
        "exec setpriv --no-new-privs \"$@\"",
        "exec setpriv --bounding-set=-sys_module,-sys_time \"$@\"",
        &read_only("/srv"),
        // Without a limit on sessions, a login goes on that cannot record itself.
        &read_only("/run/sftpjail"),
        &filtered(&forbidding(libc_unshare() + 1, 0x0005_0001)),
    ] {
        let sb = started_by(script);
        let out = check(&sb, "mle", 0);
        let found = finding(&out, "✓ rehearsal");
        assert!(found.contains("built with all that restricts sshd (pid "), "{script}\n{out}");
        sb.sftp("mle", "put /etc/hostname written\n").ok();
    }
}

#[test]
fn the_options_of_the_command_line_count() {
    let sb = machine();
    sb.sshd_as("/usr/sbin/sshd -D -o PermitUserRC=yes -o UsePAM=no");
    let out = check(&sb, "mle", 1);
    assert!(
        finding(&out, "✓ sshd running").contains("was started with \"-o PermitUserRC=yes -o UsePAM=no\""),
        "{out}"
    );
    assert!(out.stdout.contains("✗ sshd pam       UsePAM is no instead of yes"), "{out}");
    // A line in a file would do nothing against it.
    let found = finding(&out, "✗ sshd pam");
    assert!(found.contains("→ restart sshd (pid ") && !found.contains("sed "), "{found}");
    assert!(found.ends_with(" without its option \"-o UsePAM=no\", which wins over every file"), "{found}");
}

#[test]
fn only_the_sshd_that_is_meant_counts() {
    let sb = machine();
    // None runs.
    let found = finding(&check(&sb, "mle", 0), "! sshd running");
    assert!(found.contains("no sshd runs that has read /etc/ssh/sshd_config"), "{found}");
    // One with another file.
    sb.sh("{ echo PidFile /run/b.pid; echo Port 2222; cat /etc/ssh/sshd_config; } >/etc/ssh/b; /usr/sbin/sshd -f /etc/ssh/b");
    let out = check(&sb, "mle", 2);
    assert!(
        finding(&out, "! sshd running")
            .contains("no running sshd was found that has read /etc/ssh/sshd_config:"),
        "{out}"
    );
    assert!(out.stdout.contains("sftpjail check --sshd-config /etc/ssh/b"), "{out}");
    let out = checked(sb.try_sh("sftpjail check mle --sshd-config /etc/ssh/b"), 0);
    assert!(finding(&out, "✓ sshd running").contains("port 2222) has read the files as they are"), "{out}");
    // Both, and each with a session.
    sb.sshd();
    let _live = sb.sftp_live("mle");
    let out = check(&sb, "mle", 0);
    assert!(finding(&out, "✓ sshd running").contains("port 22) has read the files as they are"), "{out}");
    // One in a PID namespace of its own, as a container has it, and one in a chroot, are other systems'.
    sb.stop_sshd();
    sb.sh("kill $(cat /run/b.pid); setsid unshare --pid --fork --kill-child /usr/sbin/sshd -D -o PidFile=none </dev/null >/dev/null 2>&1 &
        for i in $(seq 200); do ss -ltn | grep -q ':22 ' && exit; sleep 0.02; done; exit 1");
    let found = finding(&check(&sb, "mle", 0), "! sshd running");
    assert!(found.contains("no sshd runs"), "{found}");
}
