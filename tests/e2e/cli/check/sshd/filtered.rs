//! Seccomp filters of a running sshd that answer as a kernel without the call would: the log, the message and `check`
//! name the call and the filter, and neither the kernel nor the home.

use super::super::check;
use super::running::{filtered, finding, forbidding, started_by};
use sandbox::Sandbox;

const ENOSYS: u32 = 0x0005_0000 | 38;
const EPERM: u32 = 0x0005_0000 | 1;

const SETNS: i64 = if cfg!(target_arch = "x86_64") { 308 } else { 268 };
const OPENAT2: i64 = 437;
const MOUNT_SETATTR: i64 = 442;

/// The calls without which no jail is built, and whether the kernel asks for a capability first.
const CALLS: [(&str, i64, bool); 7] = [
    ("open_tree", 428, false),
    ("fsopen", 430, true),
    ("fsconfig", 431, false),
    ("openat2", OPENAT2, false),
    ("mount_setattr", MOUNT_SETATTR, false),
    ("setns", SETNS, false),
    ("move_mount", 429, true),
];

/// Logs in once, and gives the log entry of the refusal.
fn refusal(sb: &Sandbox) -> String {
    let login = sb.sftp("mle", "pwd\n").failed();
    // It is refused where the user can be told.
    assert!(login.stderr.contains("because of a problem on this server"), "{login}");
    sb.wait_for_log("(sshd:account): refused user mle")
}

#[test]
fn a_call_that_a_filter_of_sshd_forbids_is_named_and_the_kernel_is_not_blamed() {
    for (name, number, asks_for_a_capability) in CALLS {
        for (action, errno) in [(ENOSYS, "Function not implemented"), (EPERM, "Operation not permitted")] {
            // Then it is not known before the jail is built what has answered.
            if asks_for_a_capability && action == EPERM {
                continue;
            }
            let sb = started_by(&filtered(&forbidding(number, action)));
            let why = format!("a seccomp filter forbids {name}(2), which jails need: {errno}");
            let line = refusal(&sb);
            assert!(line.contains(&format!("{why}; fix: let the service call it: see ")), "{line}");
            assert!(line.ends_with("in its unit (systemctl cat), or the seccomp profile of its container"));
            for wrong in ["Linux", "home", "too old", "does not exist"] {
                assert!(!line.contains(wrong), "{line}");
            }
            let out = check(&sb, "mle", 1);
            let found = finding(&out, "✗ rehearsal");
            assert!(
                found.contains(&format!(" cannot let the user into a jail: {why}; seccomp filters")),
                "{out}"
            );
            // Who is in no profile needs none of the calls.
            sb.ssh("joe", &["true"]).ok();
        }
    }
}

#[test]
fn a_jail_in_the_hosts_namespace_needs_neither_setns_nor_unshare() {
    let sb = started_by(&filtered(&forbidding(SETNS, EPERM)));
    sb.sh("mkdir -p /etc/sftpjail; echo 'namespace = \"host\"' >/etc/sftpjail/config.toml");
    sb.sftp("mle", "pwd\n").ok();
}

/// A kernel whose release is older than the call, and that answers as one: here by personality(2) and a filter.
#[test]
fn an_old_kernel_is_named_with_the_release_that_is_needed() {
    let old = filtered(&forbidding(MOUNT_SETATTR, ENOSYS)).replacen("exec ", "exec setarch --uname-2.6 ", 1);
    let sb = started_by(&old);
    let line = refusal(&sb);
    let (why, fix) = (
        "this kernel is too old for jails: Linux 2.6.",
        " has no mount_setattr(2); fix: boot Linux 5.12 or newer",
    );
    assert!(line.contains(why) && line.ends_with(fix), "{line}");
    // Here the programs have the old kernel, too.
    let run = |verb: &str| {
        sb.write("/tmp/run", format!("{old}\n").as_bytes());
        sb.script("sh /tmp/run \"$@\"", &["sftpjail", verb, "mle"], b"")
    };
    let out = run("check");
    let found = finding(&out, "✗ kernel");
    assert!(found.contains(why) && found.ends_with("→ boot Linux 5.12 or newer"), "{out}");
    assert!(!out.stdout.contains("✗ rehearsal") && !out.stdout.contains("✗ home"), "{out}");
    assert!(
        out.stdout.ends_with("mle is jailed but cannot log in: the kernel is too old for jails.\n"),
        "{out}"
    );
    let probed = run("probe");
    assert!(probed.stdout.ends_with("mle cannot log in: the kernel is too old for jails.\n"), "{probed}");
    // Setup begins nothing.
    let setup = sb.script("sh /tmp/run \"$@\"", &["sftpjail", "setup", "--yes"], b"");
    assert!(setup.stderr.starts_with(&format!("sftpjail: {why}")), "{setup}");
    assert!(setup.stderr.ends_with(" has no mount_setattr(2); boot Linux 5.12 or newer\n"), "{setup}");
    assert_eq!(setup.stdout, "");
}
