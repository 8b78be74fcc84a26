//! The timer of `sftpjail setup --confirm-within` outlives a reboot, and leaves nothing when it is not needed any more.

use machines::{Machine, Suite, System};
use std::time::{SystemTime, UNIX_EPOCH};

/// All files in /etc with their content, but for what a boot writes.
const ETC: &str = "cd /etc; find . -xdev \\( -type f -o -type l \\) ! -name machine-id | sort | while read f; do \
     echo \"$f $(readlink $f || md5sum <$f)\"; done; find . -name 'timers.target.wants'";

/// All of the timer. Setup has another one, which stays.
const UNITS: &str = "ls /etc/systemd/system/sftpjail-setup*.timer /etc/systemd/system/sftpjail-setup*.service /etc/systemd/system/*.wants/sftpjail* /var/lib/systemd/timers/*sftpjail* 2>/dev/null \
     || true; systemctl list-units --all --plain --no-legend 'sftpjail-setup*' | grep -v ' not-found ' || true";

fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("groupadd --system sftp");
    machine.user("anna", "sftp");
    machine
}

#[track_caller]
fn is_undone(machine: &Machine, before: &str) {
    machine.sh("for i in $(seq 1200); do test -e /var/lib/sftpjail || exit 0; sleep 0.05; done; exit 1");
    // The service ends after it has removed its units.
    machine.sh("for i in $(seq 200); do systemctl --quiet is-active sftpjail-setup-undo.service || exit 0; sleep 0.05; done; exit 1");
    assert_eq!(machine.sh(ETC).stdout, before);
    assert_eq!(machine.sh(UNITS).stdout, "");
    let log = machine.sh("journalctl --no-pager -t sftpjail").stdout;
    assert!(log.contains("setup: not confirmed in time: everything is undone"), "{log}");
    assert_eq!(machine.ssh("anna", "ls /etc/ssh/sshd_config").ok().stdout, "/etc/ssh/sshd_config\n");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

#[test]
fn after_a_reboot_before_the_deadline_it_is_undone_at_the_deadline() {
    let mut machine = machine();
    let before = machine.sh(ETC).stdout;
    // Setup counts from a moment after this one, and may take seconds on a busy machine.
    let deadline = now() + 40;
    let out = machine.sh("sftpjail setup --yes --confirm-within 40s");
    assert!(
        out.stdout.contains("everything is undone in 40s, also if the system is rebooted before."),
        "{out}"
    );
    let shown = machine.sh("systemctl list-timers --no-pager sftpjail-setup-undo.timer");
    assert!(shown.stdout.contains("sftpjail-setup-undo.service"), "{shown}");
    machine.reboot();
    machine.wait_until_up();
    if now() + 5 < deadline {
        machine.sftp("anna", "ls /etc/ssh\n").failed();
        machine.sh("systemctl --quiet is-active sftpjail-setup-undo.timer");
    }
    is_undone(&machine, &before);
    assert!(now() >= deadline, "undone before the deadline");
}

#[test]
fn after_a_reboot_past_the_deadline_it_is_undone_before_or_after_sshd_starts() {
    let mut machine = machine();
    for (order, is_sshd_first) in [
        ("/etc/systemd/system/ssh.service.d/order.conf", false),
        ("/etc/systemd/system/sftpjail-setup-undo.service.d/order.conf", true),
    ] {
        let after = if is_sshd_first { "ssh.service" } else { "sftpjail-setup-undo.service" };
        machine.sh(&format!(
            "mkdir -p $(dirname {order}); printf '[Unit]\nAfter={after}\n' >{order}; systemctl daemon-reload"
        ));
        let before = machine.sh(ETC).stdout;
        // The system is off until the deadline has passed.
        machine.sh("sftpjail setup --yes --confirm-within 20s; systemctl stop sftpjail-setup-undo.timer");
        machine.sftp("anna", "ls /etc/ssh\n").failed();
        machine.sh("sleep 20; ! systemctl --quiet is-active sftpjail-setup-undo.service");
        machine.reboot();
        machine.wait_until_up();
        is_undone(&machine, &before);
        machine.sh(&format!("rm -r $(dirname {order})"));
    }
}

#[test]
fn a_confirmed_setup_and_an_undone_one_leave_no_timer() {
    let mut machine = machine();
    let before = machine.sh(ETC).stdout;
    machine.sh("sftpjail setup --yes --confirm-within 30s; sftpjail setup --confirm");
    assert_eq!(machine.sh(UNITS).stdout, "");
    machine.reboot();
    machine.wait_until_up();
    machine.sh("sleep 2");
    machine.sftp("anna", "ls /etc/ssh\n").failed();
    machine.sh("sftpjail setup --undo --yes");
    assert_eq!(machine.sh(ETC).stdout, before);
    machine.sh("sftpjail setup --yes --confirm-within 30s; sftpjail setup --undo --yes");
    assert_eq!(machine.sh(UNITS).stdout, "");
    assert_eq!(machine.sh(ETC).stdout, before);
    // A setup that fails.
    machine.sh("printf 'Match User *\nForceCommand /bin/false\n' >/etc/ssh/sshd_config.d/00-a.conf");
    let before = machine.sh(ETC).stdout;
    machine.try_sh("sftpjail setup --yes --confirm-within 30s").failed();
    assert_eq!(machine.sh(UNITS).stdout, "");
    assert_eq!(machine.sh(ETC).stdout, before);
}

#[test]
fn a_service_that_is_killed_while_it_undoes_is_started_again() {
    let machine = machine();
    let before = machine.sh(ETC).stdout;
    // It cannot undo yet, and tries again and again.
    machine.sh("sftpjail setup --yes --confirm-within 3s; mount --bind /etc /etc; mount -o remount,bind,ro /etc
        for i in $(seq 400); do ! journalctl --no-pager -t sftpjail | grep -q 'not undone' || break; sleep 0.05; done
        systemctl kill --signal=KILL sftpjail-setup-undo.service; umount /etc");
    is_undone(&machine, &before);
}
