//! The sshd that runs as a service of systemd's: hardening that keeps it from building jails is found, and named with
//! the line of the unit.

use machines::{Machine, Suite, System};
use sandbox::Output;

const DROP_IN: &str = "/etc/systemd/system/ssh.service.d/hardening.conf";

/// A system after `sftpjail setup`, with the member anna.
fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("groupadd --system sftp; mkdir /etc/systemd/system/ssh.service.d");
    machine.user("anna", "sftp");
    machine.sh("systemctl start ssh; sftpjail setup --yes");
    machine
}

/// Restarts sshd with these lines in a drop-in.
fn harden(machine: &Machine, lines: &str) {
    machine
        .script(
            &format!(
                "{{ echo '[Service]'; cat; }} >{DROP_IN}; systemctl daemon-reload
                  systemctl reset-failed ssh || true; systemctl restart ssh
                  for i in $(seq 200); do ss -ltn | grep -q ':22 ' && exit; sleep 0.05; done; exit 1"
            ),
            lines.as_bytes(),
        )
        .ok();
}

/// The finding of `check` that begins with this mark and name, on one line.
pub(crate) fn finding(out: &Output, start: &str) -> String {
    let mut lines = out.stdout.lines().skip_while(|line| !line.starts_with(start));
    let first = lines.next().unwrap_or_default().to_owned();
    lines.take_while(|line| line.starts_with("   ")).fold(first, |all, line| format!("{all} {}", line.trim()))
}

/// Settings whose seccomp filters forbid a call that jails need.
const CALLS: [(&str, &str); 3] = [
    ("RestrictNamespaces=yes", "setns"),
    ("RestrictNamespaces=~mnt", "setns"),
    ("RestrictSUIDSGID=yes", "openat2"),
];

/// Of what `check` is shown, one for each part of the confinement; for the mounts, one with which the user logs in.
const PROBED: [&str; 3] =
    ["ReadOnlyPaths=/home", "CapabilityBoundingSet=~CAP_SYS_ADMIN", "RestrictNamespaces=yes"];

#[test]
fn each_hardening_that_keeps_sshd_from_building_jails_is_named_with_its_line() {
    let machine = machine();
    let out = machine.sh("sftpjail check anna");
    assert!(finding(&out, "✓ sshd running").contains("ssh.service, pid "), "{out}");
    // ProtectSystem=strict leaves /home writable: a login fails where it has to be counted, in /run.
    machine.sh("echo 'max_sessions = 9' >>/etc/sftpjail/config.toml");
    for lines in [
        "ProtectHome=yes",
        "ProtectHome=read-only",
        "ProtectHome=tmpfs",
        "ProtectSystem=strict",
        "ReadOnlyPaths=/home",
        "InaccessiblePaths=-/home/anna",
        "CapabilityBoundingSet=~CAP_SYS_ADMIN",
        "RestrictNamespaces=yes",
        "RestrictNamespaces=~mnt",
        "RestrictSUIDSGID=yes",
        "SystemCallFilter=~@mount",
        "SystemCallFilter=~@mount\nSystemCallErrorNumber=EPERM",
    ] {
        harden(&machine, &format!("# a comment\nPrivateTmp=no\n{lines}\n"));
        let out = machine.try_sh("sftpjail check anna");
        let found = finding(&out, "✗ rehearsal");
        let setting = lines.lines().next().unwrap();
        let (name, value) = setting.split_once('=').unwrap();
        let at = found.find(&format!("{name}=")).unwrap_or_else(|| panic!("{lines}\n{out}"));
        assert!(found[at..].contains(value) && found[at..].contains(&format!("({DROP_IN}:4)")), "{found}");
        assert!(found.contains("systemctl daemon-reload && systemctl restart ssh.service"), "{found}");
        // setup says the same. Here it has nothing to change, and so does not stop.
        let out = machine.try_sh("sftpjail setup --dry-run");
        assert!(out.stdout.contains(&format!("({DROP_IN}:4)")), "{lines}\n{out}");
        // The probe's sshd is not restricted, and says what the running one would do.
        if PROBED.contains(&lines) {
            let out = machine.try_sh("sftpjail probe anna");
            assert_eq!(out.code, Some(1), "{lines}\n{out}");
            assert!(finding(&out, "✗ sshd").contains(&format!("({DROP_IN}:4)")), "{lines}\n{out}");
            assert!(!out.stdout.ends_with("anna is jailed and can log in.\n"), "{lines}\n{out}");
        }
        // It is true.
        let login = machine.sftp("anna", "put /etc/hostname written\n");
        assert_ne!(login.code, Some(0), "{lines}\n{login}");
        // An entry about a call names it, and does not blame the kernel.
        if let Some((_, call)) = CALLS.iter().find(|(name, _)| lines.starts_with(name)) {
            assert!(
                found.contains(&format!("a seccomp filter forbids {call}(2), which jails need")),
                "{found}"
            );
            let log = machine
                .sh("journalctl --no-pager -t sshd -t sshd-session | grep 'refused user anna' | tail -n 1");
            let said = format!("a seccomp filter forbids {call}(2), which jails need: ");
            assert!(log.stdout.contains(&said) && !log.stdout.contains("too old"), "{log}");
        }
    }
    // The lines of Debian's own ssh.service and harmless ones.
    for lines in [
        "",
        "ProtectKernelModules=yes\nProtectClock=yes\nLockPersonality=yes\nPrivateTmp=yes\nProtectSystem=full",
    ] {
        harden(&machine, lines);
        let out = machine.sh("sftpjail check anna");
        assert!(finding(&out, "✓ rehearsal").contains("built"), "{lines}\n{out}");
        let out = machine.sh("sftpjail probe anna");
        assert!(out.stdout.ends_with("anna is jailed and can log in.\n"), "{lines}\n{out}");
        machine.sftp("anna", "put /etc/hostname written\n").ok();
    }
}

#[test]
fn a_restriction_by_cgroup_is_said_not_to_be_tried() {
    let machine = machine();
    harden(&machine, "RestrictFileSystems=~nsfs");
    let line = format!("RestrictFileSystems=\"~nsfs\" ({DROP_IN}:2), of which a rehearsal shows nothing");
    let out = machine.sh("sftpjail check anna");
    assert!(finding(&out, "! sshd running").contains(&line), "{out}");
    let out = machine.sh("sftpjail probe anna");
    let found = finding(&out, "! sshd");
    assert!(
        found.contains(&format!("shows nothing of that: RestrictFileSystems=\"~nsfs\" ({DROP_IN}:2)")),
        "{out}"
    );
}

#[test]
fn a_configuration_that_sshd_has_not_read_is_found_until_it_is_reloaded() {
    let machine = machine();
    // The clock of files may stand still for a while on a busy virtual machine.
    machine.sh(
        "until touch /etc/ssh/sshd_config && find /etc/ssh/sshd_config -newer /run/sshd.pid | grep -q .; do sleep 0.02; done",
    );
    let out = machine.try_sh("sftpjail check anna");
    assert_eq!(out.code, Some(2), "{out}");
    assert!(finding(&out, "! sshd running").ends_with("then: systemctl reload ssh.service"), "{out}");
    machine.sh("systemctl reload ssh.service; sleep 1; sftpjail check anna");
    // With a socket, there is none until the first connection.
    machine.sh("systemctl stop ssh; systemctl start ssh.socket");
    let out = machine.sh("sftpjail check anna");
    assert!(
        finding(&out, "✓ sshd running").contains("ssh.socket starts ssh.service at the next connection"),
        "{out}"
    );
}

/// Stops sshd, and lets systemd's socket start it. The socket listens on port 22 after each change of its units.
pub(crate) fn by_socket(machine: &Machine, changes: &str) {
    machine.sh(&format!(
        "systemctl stop ssh ssh.socket 2>/dev/null; {changes}
         systemctl daemon-reload; systemctl start ssh.socket
         ! pgrep -x sshd"
    ));
}

#[test]
fn an_sshd_that_its_socket_will_start_is_judged_from_the_unit() {
    let machine = machine();
    let service = "mkdir -p /etc/systemd/system/ssh.service.d; printf '[Service]\\n%b\\n'";
    // What it will be started with counts.
    by_socket(&machine, "echo 'SSHD_OPTS=\"-o UsePAM=no\"' >/etc/default/ssh");
    let out = machine.try_sh("sftpjail check anna");
    assert!(
        finding(&out, "✓ sshd running").contains("with \"-o UsePAM=no\", which counts here, too"),
        "{out}"
    );
    assert!(finding(&out, "✗ sshd pam").contains("UsePAM is no instead of yes"), "{out}");
    let login = machine.sftp("anna", "pwd\n");
    assert_ne!(login.code, Some(0), "{login}");
    // A restriction is named with its line, and is true.
    by_socket(&machine, &format!("rm /etc/default/ssh; {service} ProtectHome=yes >{DROP_IN}"));
    let out = machine.sh("sftpjail check anna");
    let found = finding(&out, "! sshd running");
    assert!(
        found.contains(&format!("ssh.service will be restricted by ProtectHome=yes ({DROP_IN}:2): ")),
        "{out}"
    );
    let login = machine.sftp("anna", "put /etc/hostname written\n");
    assert_ne!(login.code, Some(0), "{login}");
    // The socket has started it: now it is tried.
    let out = machine.try_sh("sftpjail check anna");
    assert!(finding(&out, "✗ rehearsal").contains(&format!("ProtectHome=yes ({DROP_IN}:2)")), "{out}");
    // Another file.
    by_socket(
        &machine,
        &format!(
            "cp /etc/ssh/sshd_config /etc/ssh/other; {service} 'ExecStart=\nExecStart=/usr/sbin/sshd -D -f /etc/ssh/other' >{DROP_IN}"
        ),
    );
    let out = machine.try_sh("sftpjail check anna");
    assert_eq!(out.code, Some(2), "{out}");
    let found = finding(&out, "! sshd running");
    assert!(
        found.contains("ssh.socket starts ssh.service with a configuration of its own, /etc/ssh/other"),
        "{out}"
    );
    let out = machine.sh("sftpjail check anna --sshd-config /etc/ssh/other");
    assert!(finding(&out, "✓ sshd running").contains("ssh.socket starts ssh.service at the next"), "{out}");
    // An instance for each connection: its unit is a template.
    let template = "/etc/systemd/system/ssh@.service";
    by_socket(
        &machine,
        &format!(
            "rm {DROP_IN}; mkdir -p /etc/systemd/system/ssh.socket.d
             printf '[Socket]\\nAccept=yes\\n' >/etc/systemd/system/ssh.socket.d/accept.conf
             printf '[Service]\\nExecStart=-/usr/sbin/sshd -i -o PermitUserRC=yes\\nStandardInput=socket\\nProtectHome=yes\\n' >{template}"
        ),
    );
    let out = machine.try_sh("sftpjail check anna");
    assert!(finding(&out, "✓ sshd running").contains("\"-o PermitUserRC=yes\""), "{out}");
    let found = finding(&out, "! sshd running");
    assert!(
        found.contains(&format!("ssh@.service will be restricted by ProtectHome=yes ({template}:4): ")),
        "{out}"
    );
    let login = machine.sftp("anna", "put /etc/hostname written\n");
    assert_ne!(login.code, Some(0), "{login}");
    // No such unit.
    by_socket(&machine, &format!("ln -sf /dev/null {template}"));
    let out = machine.try_sh("sftpjail check anna");
    assert_eq!(out.code, Some(2), "{out}");
    let found = finding(&out, "! sshd running");
    assert!(found.contains("ssh@.service at the next connection, but its options are unknown"), "{out}");
}

#[test]
fn those_who_check_at_the_same_time_wait_for_each_other_to_read_the_filters_of_sshd() {
    let machine = machine();
    harden(&machine, "SystemCallFilter=~@reboot");
    let all = "for i in $(seq 12); do { sftpjail check anna >/tmp/$i || echo $? >>/tmp/$i; } & done; wait; cat $(seq -f /tmp/%g 12)";
    let out = machine.sh(all).stdout;
    assert_eq!(out.matches("\nanna is jailed and can log in.\n").count(), 12, "{out}");
    assert_eq!(out.matches("✓ rehearsal      built with all that restricts sshd ").count(), 12, "{out}");
    // A debugger is not waited for.
    let out = machine.try_sh(
        "strace -qq -o /dev/null -p $(cat /run/sshd.pid) & tracer=$!
         until ! grep -q 'TracerPid:.0' /proc/$(cat /run/sshd.pid)/status; do sleep 0.02; done
         sftpjail check anna || echo $?; kill $tracer",
    );
    assert!(finding(&out, "! rehearsal").contains(" traces): Operation not permitted"), "{out}");
    assert!(out.stdout.ends_with("\n2\n"), "{out}");
}
