//! sshd with a socket of systemd's: setup, undo, their timer and all fixes let it read its files without ending it.

use crate::running_sshd::{by_socket, finding};
use machines::{Machine, Suite, System};

/// Debian's and Ubuntu's ssh.socket, and an sshd that it has started.
fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("groupadd --system sftp");
    machine.user("anna", "sftp");
    machine.user("joe", "");
    // Ubuntu's service requires its socket.
    by_socket(
        &machine,
        "systemctl disable --quiet ssh; systemctl enable --quiet ssh.socket; mkdir -p /etc/systemd/system/ssh.service.d
         printf '[Unit]\nRequires=ssh.socket\nAfter=ssh.socket\n' >/etc/systemd/system/ssh.service.d/ubuntu.conf",
    );
    machine.ssh("joe", "true").ok();
    machine.sh("systemctl --quiet is-active ssh.service");
    machine
}

/// A session of joe's that says at its end that it has lived on.
const SESSION: &str = "ssh -q -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null joe@127.0.0.1 \
     'touch /tmp/begun; until test -e /tmp/end; do sleep 0.05; done; echo lived on' & \
     until test -e /tmp/begun; do sleep 0.02; done";

const SERVES: &str =
    "systemctl --quiet is-active ssh.service ssh.socket; not systemctl --quiet is-failed ssh.service";

#[test]
fn setup_undo_and_their_timer_restart_it_and_sessions_live_on() {
    let machine = machine();
    let before = machine.sh("find /etc -xdev -type f | sort | xargs md5sum").stdout;
    let out = machine.sh(&format!("{SESSION}; sftpjail setup --yes; {SERVES}; touch /tmp/end; wait")).stdout;
    assert!(out.contains("sshd has been restarted (systemctl restart ssh.service)"), "{out}");
    assert!(out.contains("lived on"), "{out}");
    let login = machine.sftp("anna", "ls /etc/ssh\n").failed();
    assert!(login.stderr.contains("not found"), "{login}");
    machine.sh("sftpjail check anna; sftpjail check --all; sftpjail probe anna");
    // Nothing is left to do.
    let again = machine.sh("sftpjail setup --yes");
    assert!(again.stdout.contains("Nothing to do"), "{again}");

    let out = machine.sh(&format!(
        "rm /tmp/begun /tmp/end; {SESSION}; sftpjail setup --undo --yes; {SERVES}; touch /tmp/end; wait"
    ));
    assert!(out.stdout.contains("sshd has been restarted (systemctl restart ssh.service)"), "{out}");
    assert!(out.stdout.contains("lived on"), "{out}");
    machine.ssh("anna", "ls /etc/ssh/sshd_config").ok();

    // However long the login takes, the timer elapses after it.
    machine.sh(&format!(
        "sftpjail setup --yes --confirm-within 20s; systemctl stop sftpjail-setup-undo.timer; {SERVES}"
    ));
    machine.sftp("anna", "ls /etc/ssh\n").failed();
    machine.sh("systemctl start sftpjail-setup-undo.timer
         for i in $(seq 1200); do test -e /var/lib/sftpjail || exit 0; sleep 0.05; done; exit 1");
    machine.sh(SERVES);
    machine.ssh("anna", "ls /etc/ssh/sshd_config").ok();
    assert_eq!(machine.sh("find /etc -xdev -type f | sort | xargs md5sum").stdout, before);
}

/// Such as a root whose capabilities are bounded: systemd says what it cannot see.
#[test]
fn a_setup_that_cannot_see_whose_the_socket_is_changes_nothing() {
    let machine = machine();
    let bounded = "setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace sftpjail setup --yes";
    let refused = |command: &str| {
        let out = machine.try_sh(command).failed();
        assert!(out.stderr.contains("which sshds run is not known"), "{out}");
        assert!(out.stderr.contains("run this as root with CAP_SYS_PTRACE"), "{out}");
        machine.sh(SERVES);
    };
    refused(bounded);
    machine.sh("test ! -e /etc/ssh/sshd_config.d/00-sftpjail.conf; not grep -q sftpjail /etc/pam.d/sshd");
    machine.sh("sftpjail setup --yes");
    machine.sftp("anna", "ls /etc/ssh\n").failed();
    machine.sh("until test -z \"$(sftpjail list --json | grep anna)\"; do sleep 0.1; done");
    refused(&format!("{bounded} --undo"));
    machine.sh(&format!("sftpjail check anna; sftpjail setup --undo --yes; {SERVES}"));
}

/// It is no sshd of setup's, but a signal would end it.
#[test]
fn a_service_that_reads_other_files_is_restarted_and_not_ended() {
    let machine = machine();
    machine.sh("cp /etc/ssh/sshd_config /etc/ssh/other; echo 'SSHD_OPTS=-f /etc/ssh/other' >/etc/default/ssh; systemctl restart ssh");
    let out = machine.sh(&format!("sftpjail setup --yes; {SERVES}"));
    assert!(!out.stdout.contains("has been reloaded"), "{out}");
    machine.ssh("joe", "true").ok();
}

#[test]
fn the_fixes_that_check_shows_restart_it() {
    let machine = machine();
    machine.sh("sftpjail setup --yes; systemctl --quiet is-active ssh.service
        until touch /etc/ssh/sshd_config && find /etc/ssh/sshd_config -newer /run/sshd.pid | grep -q .; do sleep 0.02; done");
    let out = machine.try_sh("sftpjail check --all");
    let found = finding(&out, "! sshd running");
    let fix = found.split_once("→ ").unwrap_or_else(|| panic!("{out}")).1;
    assert_eq!(fix, "systemctl restart ssh.service", "{out}");
    machine.sh(&format!("{SESSION}; {fix}; {SERVES}; touch /tmp/end; wait; sftpjail check --all"));

    // Without a file to change, setup restarts it.
    machine.sh("until touch /etc/ssh/sshd_config && find /etc/ssh/sshd_config -newer /run/sshd.pid | grep -q .; do sleep 0.02; done");
    let out = machine.sh(&format!("sftpjail setup --yes; {SERVES}; sftpjail check --all"));
    assert!(out.stdout.contains("it has to be restarted."), "{out}");

    // A fix for a line says the same.
    machine.sh("sed -i 's/AllowTcpForwarding no/AllowTcpForwarding yes/' /etc/ssh/sshd_config.d/00-sftpjail.conf; systemctl restart ssh");
    let out = machine.try_sh("sftpjail check anna");
    let found = finding(&out, "✗ sshd forwards");
    assert!(found.contains("restart ssh.service after this and its other fixes"), "{out}");
    assert!(!out.stdout.contains("reload"), "{out}");

    // What an undo by hand takes.
    let out = machine.try_sh("rm -r /var/lib/sftpjail; sftpjail setup --undo").failed();
    assert!(out.stderr.contains("first sshd's lines, then restart ssh.service, then PAM's lines"), "{out}");
}

#[test]
fn a_service_whose_restart_would_end_sessions_is_not_restarted() {
    let machine = machine();
    // Without logind, sessions belong to the service, and live on by its KillMode=process.
    machine.sh("sed -i /pam_systemd/d /etc/pam.d/common-session");
    let out = machine.sh(&format!(
        "{SESSION}; sftpjail setup --yes; {SERVES}; sftpjail setup --undo --yes; touch /tmp/end; wait"
    ));
    assert!(out.stdout.contains("has been restarted") && out.stdout.contains("lived on"), "{out}");
    machine.sh("rm /tmp/begun /tmp/end; printf '[Service]\nKillMode=control-group\n' >/etc/systemd/system/ssh.service.d/kill.conf; systemctl daemon-reload");
    let before = machine.sh("find /etc -xdev -type f | sort | xargs md5sum").stdout;
    let out = machine
        .sh(&format!("{SESSION}; sftpjail setup --yes 2>&1 || echo $?; {SERVES}; touch /tmp/end; wait"))
        .stdout;
    assert!(out.contains("KillMode=control-group") && out.contains("\n1\n"), "{out}");
    assert!(out.contains("lived on"), "{out}");
    assert_eq!(machine.sh("find /etc -xdev -type f | sort | xargs md5sum").stdout, before);
    // With nobody logged in, it ends nobody's session.
    machine.sh(&format!("sftpjail setup --yes; {SERVES}"));
    machine.sftp("anna", "ls /etc/ssh\n").failed();
}

#[test]
fn a_second_sshd_with_a_socket_of_its_own_is_restarted() {
    let machine = machine();
    machine.sh("grep -v '^Include' /etc/ssh/sshd_config >/etc/ssh/customers; echo 'PidFile /run/customers.pid' >>/etc/ssh/customers
        cd /etc/systemd/system; printf '[Socket]\nListenStream=2222\n' >customers.socket
        printf '[Service]\nExecStart=/usr/sbin/sshd -D -f /etc/ssh/customers\nKillMode=process\n' >customers.service
        systemctl daemon-reload; systemctl start customers.socket");
    let customers = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -q";
    machine.sh(&format!(
        "ssh -p 2222 {customers} joe@127.0.0.1 true; systemctl --quiet is-active customers.service"
    ));
    let out = machine.sh("sftpjail setup --yes --sshd-config /etc/ssh/customers; systemctl --quiet is-active customers.service");
    assert!(out.stdout.contains("sshd has been restarted (systemctl restart customers.service)"), "{out}");
    machine.sh("sftpjail check anna --sshd-config /etc/ssh/customers");
    let login = machine
        .try_sh(&format!("echo 'ls /etc/ssh' | sftp -b - -P 2222 {customers} anna@127.0.0.1"))
        .failed();
    assert!(login.stderr.contains("not found"), "{login}");
    machine.sh("until test -z \"$(sftpjail list --json | grep anna)\"; do sleep 0.1; done");
    let out = machine
        .sh(&format!("sftpjail setup --undo --yes; systemctl --quiet is-active customers.service; {SERVES}"));
    for unit in ["ssh.service", "customers.service"] {
        assert!(out.stdout.contains(&format!("sshd has been restarted (systemctl restart {unit})")), "{out}");
    }
}

#[test]
fn a_second_sshd_that_its_socket_has_not_started_is_known_by_its_file() {
    let machine = machine();
    machine.sh("sed '/^Include/d; s/^#*Port .*/Port 2222/' /etc/ssh/sshd_config >/etc/ssh/customers; echo 'PidFile /run/customers.pid' >>/etc/ssh/customers
        cd /etc/systemd/system; printf '[Socket]\nListenStream=2222\n' >customers.socket
        printf '[Service]\nExecStart=/usr/sbin/sshd -D -f /etc/ssh/customers -o PermitUserRC=yes\nKillMode=process\n' >customers.service
        printf '[Socket]\nListenStream=/run/other\n' >other.socket; printf '[Service]\nExecStart=/usr/bin/true\n' >other.service
        systemctl daemon-reload; systemctl start customers.socket other.socket; sftpjail setup --yes");
    let out = machine.try_sh("sftpjail check --all");
    let found = finding(&out, "! sshd running");
    assert!(
        found.contains(
            "customers.socket starts customers.service with a configuration of its own, /etc/ssh/customers, and lets anna \
             in without a jail"
        ),
        "{out}"
    );
    let out = machine.sh("sftpjail setup --yes --sshd-config /etc/ssh/customers");
    assert!(
        out.stdout
            .contains("customers.socket starts sshd at the next connection, so nothing had to be reloaded."),
        "{out}"
    );
    let out = machine.try_sh("sftpjail check anna --sshd-config /etc/ssh/customers");
    assert!(
        finding(&out, "✓ sshd running")
            .contains("customers.socket starts customers.service at the next connection, with \"-o PermitUserRC=yes\", which"),
        "{out}"
    );
    assert!(out.stdout.ends_with("anna is jailed and can log in.\n"), "{out}");
    let out = machine.sh("sftpjail probe anna --sshd-config /etc/ssh/customers");
    assert!(finding(&out, "✓ sshd").contains("with the options of customers.service: "), "{out}");
    let out = machine.sh("sftpjail check anna");
    assert!(
        out.stdout
            .replace("\n                 ", " ")
            .contains("; to check that one: sftpjail check --sshd-config /etc/ssh/customers"),
        "{out}"
    );
    // It is true, and nothing of the above has started it.
    machine.sh("not systemctl --quiet is-active customers.service");
    let customers = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -q";
    let login = machine
        .try_sh(&format!("echo 'ls /etc/ssh' | sftp -b - -P 2222 {customers} anna@127.0.0.1"))
        .failed();
    assert!(login.stderr.contains("not found"), "{login}");
    machine.sh("systemctl --quiet is-active customers.service; systemctl stop customers.service");
    let out = machine.sh("sftpjail setup --undo --yes");
    assert!(out.stdout.contains("customers.socket starts sshd at the next connection"), "{out}");
}

#[test]
fn where_each_connection_has_an_sshd_of_its_own_nothing_is_told() {
    let machine = machine();
    by_socket(
        &machine,
        "mkdir -p /etc/systemd/system/ssh.socket.d
         printf '[Socket]\nAccept=yes\n' >/etc/systemd/system/ssh.socket.d/accept.conf
         printf '[Service]\nExecStart=-/usr/sbin/sshd -i\nStandardInput=socket\nRuntimeDirectory=sshd\n' >/etc/systemd/system/ssh@.service",
    );
    let out = machine.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("ssh.socket starts an sshd for each connection"), "{out}");
    machine.sftp("anna", "ls /etc/ssh\n").failed();
    machine.sh("sftpjail check --all");
    machine.sh(
        "sed -i 's/AllowTcpForwarding no/AllowTcpForwarding yes/' /etc/ssh/sshd_config.d/00-sftpjail.conf",
    );
    let out = machine.try_sh("sftpjail check anna");
    let found = finding(&out, "✗ sshd forwards");
    assert!(
        found.contains("→ sed -i") && !out.stdout.contains("reload") && !found.contains("restart"),
        "{out}"
    );
    let out = machine.sh("sftpjail setup --yes; sftpjail setup --undo --yes");
    assert!(out.stdout.matches("ssh.socket starts an sshd for each connection").count() == 2, "{out}");
    machine.ssh("anna", "ls /etc/ssh/sshd_config").ok();
}
