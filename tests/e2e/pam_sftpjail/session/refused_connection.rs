//! Connections that the session hook refused, without the account line before it: sshd goes on, and may keep one.

use std::process::{Child, Stdio};

use sandbox::{Namespace, Sandbox, end};
use serde_json::Value;

/// A machine whose PAM stack has no account line of ours, with the member mle, who may have one session.
fn machine(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.sh("sed -i '/^account.*pam_sftpjail/d' /etc/pam.d/sshd");
    sb.configure("[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\nmax_sessions = 1\n");
    sb
}

/// `ssh -N`: a connection without a channel.
fn connect(sb: &Sandbox) -> Child {
    let mut ssh = sb.login("mle").client("ssh");
    ssh.args(["-N", "127.0.0.1"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ssh.spawn().expect("sandbox-enter")
}

/// The connections that `list` calls refused, once there are any.
#[track_caller]
fn listed(sb: &Sandbox) -> Vec<Value> {
    sb.sh("for i in $(seq 1000); do sftpjail list | grep -qF 'none (refused)' && exit 0; sleep 0.02; done; exit 1");
    let document: Value = serde_json::from_str(&sb.sh("sftpjail list --json").stdout).expect("JSON");
    let sessions = document["sessions"].as_array().expect("sessions");
    sessions.iter().filter(|session| session["refused"] == true).cloned().collect()
}

fn jails(sb: &Sandbox) -> usize {
    sb.mounts().iter().filter(|line| line.contains(" /jail/")).count()
}

#[test]
fn one_that_stays_is_listed_has_no_share_counts_for_nothing_and_can_be_kicked() {
    let sb = machine(Namespace::Host);
    let first = sb.sftp_live("mle");
    let mut refused = connect(&sb);
    let [connection] = &listed(&sb)[..] else { panic!("one is listed") };
    assert_eq!(
        (&connection["user"], &connection["address"], &connection["jail"]),
        (&"mle".into(), &"127.0.0.1".into(), &"/jail/mle".into())
    );
    assert!(sb.wait_for_log("refused user mle").contains("of the 1 sessions"));

    // It keeps no jail up, and takes no place from another session.
    assert_eq!(first.quit(), Some(0));
    sb.wait_for_log("session closed for user mle(uid=");
    assert_eq!(jails(&sb), 0, "{:#?}", sb.mounts());
    let mut second = sb.sftp_live("mle");
    second.send("pwd");
    assert_eq!(listed(&sb).len(), 1);
    let check = sb.try_sh("sftpjail check mle").stdout;
    assert!(check.contains("1 of the 1 sessions"), "{check}");
    assert_eq!(second.quit(), Some(0));

    let out = sb.sh("sftpjail kick mle");
    assert!(out.stdout.starts_with("✓ the session of mle from 127.0.0.1 has ended"), "{out}");
    assert!(!refused.wait().expect("ssh is our child").success());
    assert_eq!(sb.sh("sftpjail list").stdout, "Nobody is in a jail.\n");
    // What it leaves, the next session or `reap` takes away.
    sb.sh("sftpjail reap");
    assert_eq!(sb.sh("find /run/sftpjail -mindepth 1 ! -name -waiting").stdout, "");
}

#[test]
fn one_that_stays_without_a_configuration_is_listed_as_well() {
    let sb = machine(Namespace::Host);
    let first = sb.sftp_live("mle");
    sb.append("/etc/sftpjail/config.toml", "nonsense\n");
    let mut refused = connect(&sb);
    assert_eq!(listed(&sb).len(), 1);
    end(&mut refused);
    assert_eq!(first.quit(), Some(0));
}

#[test]
fn in_a_namespace_of_its_own_none_stays_and_none_is_recorded() {
    let sb = machine(Namespace::Private);
    let _first = sb.sftp_live("mle");
    let mut refused = connect(&sb);
    assert!(!refused.wait().expect("ssh is our child").success());
    sb.wait_for_log("refused user mle");
    assert_eq!(sb.sh("ls /run/sftpjail/mle | grep -c refused || :").stdout, "0\n");
    assert_eq!(sb.sh("sftpjail list | wc -l").stdout, "2\n");
}
