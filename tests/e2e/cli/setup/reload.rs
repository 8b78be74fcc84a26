//! How daemons are reloaded, with stand-ins for the init systems that a sandbox lacks.

use super::{assert_same, etc};
use sandbox::Sandbox;

/// Prints what systemctl would print of a user manager with the drop-in.
const SHOW: &str = r#"case "$*" in show*)
    echo LoadState=loaded
    echo NeedDaemonReload=no
    uid=${5#user@}
    sed -n '/^ExecCondition=/,$p' /etc/systemd/system/user@.service.d/50-sftpjail.conf | tr -d "\\\\\n'" |
        sed "s/^ExecCondition=+/ExecCondition={ argv[]=/; s/%i/${uid%.service}/; s/%%/%/g"
    exit;;
esac"#;

/// A program that writes its arguments to /run/calls, and then runs `body`.
fn stand_in(sb: &Sandbox, name: &str, body: &str) {
    let show = if name == "systemctl" { SHOW } else { "" };
    sb.write_mode(
        format!("/usr/sbin/{name}"),
        format!("#!/bin/sh\n{show}\necho {name} \"$@\" >>/run/calls\n{body}\n"),
        0o755,
    );
}

#[test]
fn systemd_reloads_sshd_and_restarts_rsyslog() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("mkdir -p /run/systemd/system");
    stand_in(&sb, "systemctl", "case \"$*\" in *sshd*) exit 3;; esac");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("sshd has been reloaded (systemctl reload ssh.service)."), "{out}");
    assert!(out.stdout.contains("rsyslog has been restarted (systemctl try-restart rsyslog)."), "{out}");
    let calls = "systemctl daemon-reload\n\
                 systemctl restart sftpjail-expire.timer\n\
                 systemctl list-units --all --full --plain --no-legend -- user@*.service\n\
                 systemctl is-active ssh.service\nsystemctl reload ssh.service\n\
                 systemctl is-active ssh.service\nsystemctl try-restart rsyslog\n\
                 systemctl list-units --all --full --plain --no-legend -- user@*.service\n";
    assert_eq!(sb.read_text("/run/calls"), calls);
    let service = sb.read_text("/etc/systemd/system/sftpjail-expire.service");
    assert!(service.contains("\nExecStart=/usr/local/sbin/sftpjail expire\n"), "{service}");
    // Undo stops the timer before systemd forgets its file.
    sb.sh("not test -e /etc/cron.d/sftpjail; : >/run/calls; sftpjail setup --undo --yes");
    let calls = sb.read_text("/run/calls");
    assert!(calls.contains("\nsystemctl stop sftpjail-expire.timer\nsystemctl daemon-reload\n"), "{calls}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_reload_that_fails_restores_everything() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("mkdir -p /run/systemd/system");
    stand_in(&sb, "systemctl", "case \"$*\" in reload*) echo no such luck >&2; exit 1;; esac");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("no such luck") && out.stderr.contains("as it was before"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn an_sshd_that_ends_at_its_reload_restores_everything() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("mkdir -p /run/systemd/system");
    let body = "case \"$*\" in reload*) touch /run/ended;; *is-active*) ! test -e /run/ended || { echo failed; exit 3; };; esac";
    stand_in(&sb, "systemctl", body);
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(
        out.stderr.contains("systemctl says: failed") && out.stderr.contains("as it was before"),
        "{out}"
    );
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_socket_that_starts_sshd_needs_no_reload() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -p /run/systemd/system");
    stand_in(&sb, "systemctl", "case \"$*\" in *is-active*) exit 3;; esac");
    let socket =
        "Id=ssh.socket\\nActiveState=active\\nAccept=no\\nTriggers=ssh.service\\nListen=[::]:22 (Stream)\\n";
    let show = format!("case \"$*\" in *.socket) printf '{socket}'; exit;; esac");
    let stand_in = sb.read_text("/usr/sbin/systemctl").replacen('\n', &format!("\n{show}\n"), 1);
    sb.write_mode("/usr/sbin/systemctl", stand_in, 0o755);
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("ssh.socket starts sshd at the next connection"), "{out}");
}

#[test]
fn where_systemd_does_not_start_the_timer_everything_is_restored() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("mkdir -p /run/systemd/system");
    stand_in(&sb, "systemctl", "case \"$*\" in *undo.timer*) echo no unit >&2; exit 1;; esac");
    let out = sb.try_sh("sftpjail setup --yes --confirm-within 1s").failed();
    assert!(out.stderr.contains("no unit") && out.stderr.contains("as it was before"), "{out}");
    assert!(sb.read_text("/run/calls").contains("systemctl start sftpjail-setup-undo.timer\n"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn where_systemd_does_not_start_the_timer_of_expire_everything_is_restored() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("mkdir -p /run/systemd/system");
    stand_in(&sb, "systemctl", "case \"$*\" in restart*) echo no such timer >&2; exit 1;; esac");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("no such timer") && out.stderr.contains("as it was before"), "{out}");
    // It is stopped before systemd forgets its file.
    let calls = sb.read_text("/run/calls");
    assert!(
        calls.starts_with("systemctl daemon-reload\nsystemctl restart sftpjail-expire.timer\n"),
        "{calls}"
    );
    assert!(calls.contains("\nsystemctl stop sftpjail-expire.timer\nsystemctl daemon-reload\n"), "{calls}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn openrc_reloads_sshd() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -p /run/openrc");
    stand_in(&sb, "rc-service", "exit 0");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("sshd has been reloaded (rc-service sshd reload)."), "{out}");
    let calls = "rc-service sshd status\nrc-service sshd reload\nrc-service --ifstarted rsyslog restart\n";
    assert_eq!(sb.read_text("/run/calls"), calls);
}

#[test]
fn an_sshd_that_does_not_come_back_is_reported_and_everything_restored() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    // At SIGHUP, it cannot execute itself again.
    sb.sh("mkdir -p /run/sshd; cp /usr/sbin/sshd /root; /root/sshd; rm /root/sshd
        for i in $(seq 200); do test -s /run/sshd.pid && exit; sleep 0.02; done; exit 1");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("no longer listens after SIGHUP"), "{out}");
    assert!(out.stderr.contains("as it was before"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn an_error_comes_before_what_is_said_of_restoring() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    let pid = sb.sshd();
    // Only sshd itself knows that this block matches members.
    sb.write("/etc/ssh/sshd_config.d/00-a.conf", "Match User *\nForceCommand /bin/false\n");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(!out.stdout.contains("has been reloaded"), "{out}");
    let after = format!(
        "Everything is as it was before. sshd has been reloaded (SIGHUP to pid {pid}, from /run/sshd.pid)"
    );
    assert!(out.stderr.starts_with("sftpjail: with these changes, ForceCommand would be"), "{out}");
    assert!(out.stderr.contains(&after), "{out}");
    sb.sh("rm /etc/ssh/sshd_config.d/00-a.conf");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn an_sshd_that_no_pid_file_names_is_reloaded_too() {
    let sb = Sandbox::stock();
    let pid = sb.sshd();
    sb.sh("rm /run/sshd.pid; echo 'PidFile none' >/etc/ssh/sshd_config.d/pid.conf");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains(&format!("sshd has been reloaded (SIGHUP to pid {pid}).\n")), "{out}");
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
}

#[test]
fn a_stale_pid_file_that_names_a_process_of_a_users_gets_that_process_no_signal() {
    let sb = Sandbox::stock();
    sb.user("joe").add();
    // It has the name of sshd, and the pid that sshd once had.
    sb.sh("cp /bin/sleep /tmp/sshd; setpriv --reuid joe --regid joe --clear-groups /tmp/sshd 1000 >/dev/null 2>&1 </dev/null &
        echo $! >/run/sshd.pid; for i in $(seq 100); do grep -qx sshd /proc/$!/comm && exit; sleep 0.02; done; exit 1");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("sshd does not run. The changes take effect when it is started."), "{out}");
    sb.sh("kill -0 $(cat /run/sshd.pid)");
    // Beside it, the sshd that runs is found and reloaded.
    sb.sh("rm /etc/rsyslog.d/10-sftpjail.conf; cp /run/sshd.pid /root; /usr/sbin/sshd -o PidFile=none
        for i in $(seq 200); do ss -ltn | grep -q ':22 ' && exit; sleep 0.02; done; exit 1");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("sshd has been reloaded (SIGHUP to pid "), "{out}");
    sb.sh("kill -0 $(cat /root/sshd.pid)");
}
