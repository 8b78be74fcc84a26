//! Where /proc does not show all processes, no verb says that there is none.

use super::check::sshd::running::finding;
use super::setup::{assert_same, etc};
use crate::common::jailed::left_nothing;
use crate::pam_sftpjail::grants::{grant, granted};
use sandbox::{Namespace, Output, Sandbox};

/// A machine with sshd and the member mle.
fn machine() -> Sandbox {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").shell("/usr/sbin/nologin").add();
    sb.user("joe").add();
    sb.sshd();
    sb
}

/// Runs a command, to which this is covered: nobody else sees that.
fn without(sb: &Sandbox, path: &str, command: &str) -> Output {
    sb.try_sh(&format!("unshare -m sh -c 'mount -t tmpfs none {path} && exec \"$@\"' sh {command}"))
}

#[test]
fn an_sshd_that_cannot_be_read_may_run_all_the_same() {
    let sb = machine();
    let pid = sb.sshd();
    let unread = format!("status of the process {pid} cannot be read: No such file or directory");
    let out = without(&sb, &format!("/proc/{pid}"), "sftpjail check mle");
    assert_eq!(out.code, Some(2), "{out}");
    let expected = format!(
        "! sshd running   which sshds run is not known: {unread}; what is said here of sshd may not hold for all that run"
    );
    assert!(finding(&out, "! sshd running").starts_with(&expected), "{out}");
    let expected =
        format!("! sessions       whether mle has a session of sshd's in no jail is not known: {unread}");
    assert!(finding(&out, "! sessions").starts_with(&expected), "{out}");
    assert!(!out.stdout.contains("no sshd runs"), "{out}");
    let out = without(&sb, &format!("/proc/{pid}"), "sftpjail probe mle");
    assert!(out.stdout.contains("which sshds run is not known"), "{out}");
    let out = without(&sb, &format!("/proc/{pid}"), "sftpjail review");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(out.stdout.contains("which sshds run is not known") && out.stdout.contains(&unread), "{out}");
    let out = without(&sb, &format!("/proc/{pid}"), "sftpjail reap");
    assert!(out.code == Some(1) && out.stdout.contains("which sshds run is not known"), "{out}");
}

#[test]
fn setup_changes_nothing_where_an_sshd_may_run_that_it_cannot_reload() {
    let sb = Sandbox::stock();
    let covered = format!("/proc/{}", sb.sshd());
    let before = etc(&sb);
    let out = without(&sb, &covered, "sftpjail setup --yes").failed();
    assert!(out.stderr.contains("which sshds run is not known"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("sftpjail setup --yes");
    let out = without(&sb, &covered, "sftpjail setup --yes").failed();
    assert!(!out.stdout.contains("Nothing to do"), "{out}");
}

#[test]
fn without_any_process_of_proc_a_live_session_may_go_on() {
    for namespace in [Namespace::Private, Namespace::Host] {
        let sb = Sandbox::in_namespace(namespace);
        sb.user("mle").group("sftp").add();
        let before = sb.mounts();
        let mut live = sb.sftp_live("mle");
        let nothing = "/proc does not show the processes of this system";
        let out = without(&sb, "/proc", "sftpjail list");
        assert_eq!(out.code, Some(1), "{out}");
        assert!(out.stdout.contains("mle") && out.stdout.contains(nothing), "{out}");
        let out = without(&sb, "/proc", "sftpjail kick mle");
        assert_eq!(out.code, Some(1), "{out}");
        assert!(out.stdout.contains("the session of mle from 127.0.0.1 may go on: "), "{out}");
        let out = without(&sb, "/proc", "sftpjail kick --pid 1 --json");
        assert!(out.code == Some(2) && out.stderr.contains("of a live session is not known"), "{out}");
        for verb in ["check mle", "check --all", "probe mle", "reap", "review", "setup --dry-run"] {
            let out = without(&sb, "/proc", &format!("sftpjail {verb}"));
            assert!(![Some(0), Some(3)].contains(&out.code), "{verb}: {out}");
            for none in ["no sshd runs", "Nothing was left", "Nothing to do", "panicked"] {
                assert!(!format!("{}{}", out.stdout, out.stderr).contains(none), "{verb}: {out}");
            }
        }
        live.send("ls");
        sb.sh("sftpjail kick mle");
        left_nothing(&sb, &before);
    }
}

#[test]
fn others_that_proc_hides_are_unknown_to_whoever_is_not_root() {
    let sb = machine();
    let hiding =
        "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid joe --regid joe --clear-groups";
    let out = sb.try_sh(&format!("unshare -m sh -c '{hiding} sftpjail check mle'"));
    assert_eq!(out.code, Some(2), "{out}");
    let unknown =
        "whether mle has a session of sshd's in no jail is not known: /proc hides the processes of others";
    assert!(out.stdout.replace("\n                 ", " ").contains(unknown), "{out}");
}

#[test]
fn a_session_that_root_may_not_look_into_may_be_in_no_jail() {
    let sb = machine();
    sb.user("kim").add();
    let mut live = sb.sftp_live("kim");
    sb.sh("usermod -aG sftp kim");
    let out = sb.try_sh("sftpjail check kim");
    let pid = out.stdout.split("in no jail (pid ").nth(1).and_then(|rest| rest.split(')').next());
    let pid = pid.unwrap_or_else(|| panic!("no session: {out}"));
    let out = sb.try_sh("setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace sftpjail check kim");
    let unknown = format!(
        "whether the session of kim with the process {pid} is in a jail is not known: root of the process {pid} cannot be \
         read: Permission denied"
    );
    assert!(finding(&out, "! sessions").contains(&unknown), "{out}");
    live.send("ls");
}

#[test]
fn a_cron_that_cannot_be_read_may_run_all_the_same() {
    let sb = crate::pam_sftpjail::grants::machine(Namespace::Private);
    grant(&sb, "felix", &granted("/srv/site/media", "until = 2099-12-10T18:00:00+01:00"));
    sb.sh("echo '* * * * * root /usr/local/sbin/sftpjail expire' >/etc/cron.d/sftpjail; /usr/sbin/cron");
    let pid = sb.sh("pgrep -x cron").stdout.trim().to_owned();
    let out = without(&sb, &format!("/proc/{pid}"), "sftpjail check felix");
    let unread = format!(
        "! grant end      whether cron runs is not known: status of the process {pid} cannot be read"
    );
    assert!(finding(&out, "! grant end").starts_with(&unread), "{out}");
}
