//! Several sshds of one configuration that the kernel lets do different things.

use super::super::{check, checked, machine};
use super::running::finding;
use sandbox::Sandbox;

/// Starts further sshds, each by a command that executes the rest of its line, and waits until each listens: on port
/// 2222 and those after it.
fn others(sb: &Sandbox, starts: &[&str]) {
    for (port, start) in (2222..).zip(starts) {
        sb.sh(&format!(
            "{start} /usr/sbin/sshd -o PidFile=/run/{port}.pid -p {port}
             for i in $(seq 500); do ss -ltn | grep -q :{port} && exit; sleep 0.02; done; exit 1"
        ));
    }
}

const WITHOUT_ADMIN: &str = "setpriv --bounding-set=-sys_admin";
/// /home is read-only for it.
const READ_ONLY: &str =
    "unshare -m sh -c 'mount --bind /home /home && mount -o remount,ro,bind /home && exec \"$@\"' sh";

fn login(sb: &Sandbox, port: u16) -> bool {
    let put = format!(
        "echo 'put /etc/hostname written' | sftp -q -P {port} -o BatchMode=yes -o StrictHostKeyChecking=no -b - mle@127.0.0.1"
    );
    sb.try_sh(&put).code == Some(0)
}

#[test]
fn each_kind_of_confinement_is_tried_and_the_sshd_that_cannot_build_jails_is_named() {
    let sb = machine();
    sb.user("zoe").group("sftp").add();
    // The first one can, and is not restricted.
    sb.sshd();
    others(&sb, &["", WITHOUT_ADMIN, READ_ONLY]);
    for command in ["sftpjail check mle", "sftpjail check --all"] {
        let out = checked(sb.try_sh(command), 1);
        let all = out.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for (port, why) in [
            (2223, "it lacks CAP_SYS_ADMIN"),
            (2224, "/home/mle is read-only in it; it has mounts of its own"),
        ] {
            let named = format!("port {port}) cannot let the user into a jail: ");
            let found = all.split("✗ rehearsal ").find(|found| found.contains(&named));
            let found = found.unwrap_or_else(|| panic!("{port}\n{out}"));
            assert!(
                found.contains(why) && found.contains("→ start sshd without that restriction"),
                "{found}"
            );
        }
        assert!(!all.contains("port 2222) cannot"), "{out}");
        // Once for all members.
        assert_eq!(all.matches("port 2223) cannot let the user into a jail").count(), 1, "{out}");
    }
    let last = check(&sb, "mle", 1).stdout;
    let last = last.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(last.contains(" mle is jailed and can log in, but not through sshd (pid "), "{last}");
    assert!(last.ends_with(", port 2223), which cannot build the jail."), "{last}");
    // It is true.
    assert_eq!([22, 2222, 2223, 2224].map(|port| login(&sb, port)), [true, true, false, false]);
}

#[test]
fn the_first_confined_sshd_that_can_does_not_hide_the_second_that_cannot() {
    let sb = machine();
    sb.write_mode(
        "/usr/local/sbin/start",
        "#!/bin/sh\nexec setpriv --bounding-set=-sys_module \"$@\"\n",
        0o755,
    );
    sb.sshd_as("/usr/local/sbin/start /usr/sbin/sshd -D");
    others(&sb, &["setpriv --bounding-set=-sys_time"]);
    let found = finding(&check(&sb, "mle", 0), "✓ rehearsal");
    assert!(
        found.contains("port 22) and with that of sshd (pid ") && found.contains("port 2222) in "),
        "{found}"
    );
    sb.sh("kill $(cat /run/2222.pid); while ss -ltn | grep -q :2222; do sleep 0.02; done");
    others(&sb, &[WITHOUT_ADMIN]);
    let out = check(&sb, "mle", 1);
    assert!(finding(&out, "✗ rehearsal").contains("port 2222) cannot let the user into a jail: "), "{out}");
    assert!(finding(&out, "✓ rehearsal").contains("restricts sshd (pid "), "{out}");
}

#[test]
fn check_of_all_tries_some_confinements_and_says_which_it_left_out() {
    let sb = machine();
    sb.sshd();
    // The two that are restricted alike are one kind.
    let starts = ["sys_module", "sys_module", "sys_time", "mknod", "sys_boot", "wake_alarm"]
        .map(|missing| format!("setpriv --bounding-set=-{missing}"));
    others(&sb, &starts.each_ref().map(String::as_str));
    let out = checked(sb.try_sh("sftpjail check --all"), 0);
    let found = finding(&out, "! sshd running");
    assert!(found.contains("port 2227) can build jails was not tried") && !found.contains("2226"), "{out}");
    let found = finding(&check(&sb, "mle", 0), "✓ rehearsal");
    assert_eq!(found.matches("port ").count(), 5, "{found}");
    assert!(!found.contains("2223") && found.contains("2227"), "{found}");
}
