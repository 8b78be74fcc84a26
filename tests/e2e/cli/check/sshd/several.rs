//! Several sshds on one host: of one configuration with other options, and of others that jail nobody.

use super::super::{check, checked, machine};
use super::running::finding;
use sandbox::Sandbox;

/// Starts another sshd, and waits until it listens on port 2222.
fn another(sb: &Sandbox, options: &str) {
    sb.sh(&format!(
        "/usr/sbin/sshd -o PidFile=/run/b.pid {options}
         for i in $(seq 200); do ss -ltn | grep -q :2222 && exit; sleep 0.02; done; exit 1"
    ));
}

#[test]
fn sshds_with_one_configuration_are_named_and_each_is_asked_with_its_options() {
    let sb = machine();
    let first = sb.sshd();
    another(&sb, "-p 2222");
    let out = check(&sb, "mle", 0);
    let named = |port| out.stdout.matches(&format!("port {port}) has read the files as they are")).count();
    assert_eq!((named("22"), named("2222")), (1, 1), "{out}");
    // A block for a port on which only the second one listens.
    sb.sh("kill $(cat /run/b.pid)
           sed -i '/^Match Group sftp/i Match LocalPort 2222\\n    PermitTTY yes' /etc/ssh/sshd_config");
    sb.restart_sshd();
    another(&sb, "-p 2222");
    let found = finding(&check(&sb, "mle", 1), "✗ sshd terminal");
    assert!(found.contains("; from addresses such as 240.77.113.9 to port 2222 →"), "{found}");
    // Another option: what the second one does is not what the first one does.
    sb.sh("kill $(cat /run/b.pid); sed -i '/^Match LocalPort/,+1d' /etc/ssh/sshd_config");
    sb.restart_sshd();
    another(&sb, "-p 2222 -o PermitUserRC=yes -o UsePAM=no");
    for command in ["sftpjail check mle", "sftpjail check --all"] {
        let out = checked(sb.try_sh(command), 1);
        let found = finding(&out, "✗ sshd pam");
        assert!(found.contains("UsePAM is no instead of yes; to sshd (pid "), "{first} {out}");
        assert!(found.contains(", port 2222), from addresses such as"), "{found}");
    }
    // It is true.
    assert!(sb.sftp("mle", "ls\n").code == Some(0));
    let login =
        sb.try_sh("sftp -q -P 2222 -o BatchMode=yes -o StrictHostKeyChecking=no -b /dev/null mle@127.0.0.1");
    assert_ne!(login.code, Some(0), "{login}");
}

/// Debian's configuration without the members' block, on port 2222.
const OTHER: &str = "grep -v '^Include' /usr/share/openssh/sshd_config >/etc/ssh/other
    printf 'Port 2222\\nPidFile /run/b.pid\\n' >>/etc/ssh/other";

#[test]
fn a_second_sshd_that_jails_nobody_is_warned_of() {
    let sb = machine();
    sb.sh("usermod -s /bin/sh mle");
    sb.sshd();
    sb.sh(OTHER);
    another(&sb, "-f /etc/ssh/other");
    for command in ["sftpjail check mle", "sftpjail check --all"] {
        let found = finding(&checked(sb.try_sh(command), 0), "! sshd running");
        assert!(found.contains("port 2222) has a configuration of its own, /etc/ssh/other, and lets mle in without a jail (ChrootDirectory is none there)"), "{found}");
        assert!(found.ends_with(": sftpjail check --sshd-config /etc/ssh/other"), "{found}");
    }
    // It is true.
    let shell = sb.ssh("mle", &["-p", "2222", "echo a shell"]);
    assert!(shell.stdout.contains("a shell"), "{shell}");
    // It keeps members out, or jails them.
    for more in ["AllowUsers joe", "DenyGroups sftp", "Match Group sftp\\nChrootDirectory /jail/%%u"] {
        sb.sh(&format!("kill $(cat /run/b.pid); {OTHER}; printf '{more}\\n' >>/etc/ssh/other; sleep 0.2"));
        another(&sb, "-f /etc/ssh/other");
        let out = checked(sb.try_sh("sftpjail check --all"), 0);
        assert!(out.stdout.contains("✓ sshd running   sshd (pid "), "{out}");
        assert!(
            out.stdout.contains("to check that one: sftpjail check --sshd-config /etc/ssh/other"),
            "{more}: {out}"
        );
        assert!(!out.stdout.contains("! sshd running"), "{more}: {out}");
    }
    // One whose configuration cannot be read any more.
    sb.sh("echo Nonsense >>/etc/ssh/other");
    let found = finding(&checked(sb.try_sh("sftpjail check mle"), 0), "! sshd running");
    assert!(
        found.contains("and it is not known whether it jails members: sshd -T says: /etc/ssh/other"),
        "{found}"
    );
}

#[test]
fn a_host_on_which_no_sshd_runs_is_warned_of() {
    let sb = machine();
    for command in ["sftpjail check mle", "sftpjail check --all"] {
        let found = finding(&checked(sb.try_sh(command), 0), "! sshd running");
        assert!(
            found.contains("no sshd runs that has read /etc/ssh/sshd_config, so nobody can log in"),
            "{found}"
        );
        assert!(found.ends_with("→ if users are to log in now, start sshd"), "{found}");
    }
}

#[test]
fn the_unit_that_starts_sshd_at_boot_is_the_one_to_start() {
    for (enabled, start) in [
        ("ssh.socket", "ssh.socket"),
        ("ssh.service sshd.service", "ssh.service"),
        ("sshd.service", "sshd.service"),
    ] {
        let sb = machine();
        let answer = format!(
            "#!/bin/sh\ncase \"$*\" in is-enabled*) for unit in {enabled}; do [ \"$3\" != $unit ] || {{ echo enabled; exit; }}; done
             echo disabled;; show*) exit 0;; esac\nexit 1\n"
        );
        sb.write_mode("/usr/sbin/systemctl", answer, 0o755);
        sb.sh("mkdir -p /run/systemd/system");
        let found = finding(&sb.try_sh("sftpjail check mle"), "! sshd running");
        assert!(
            found.ends_with(&format!("→ if users are to log in now: systemctl start {start}")),
            "{found}"
        );
    }
    // Nothing starts one: perhaps nobody wants it.
    let sb = machine();
    sb.sh("mkdir -p /run/systemd/system; printf '#!/bin/sh\\n[ $1 = show ]\\n' >/usr/sbin/systemctl; chmod 755 /usr/sbin/systemctl");
    let found = finding(&sb.try_sh("sftpjail check mle"), "! sshd running");
    assert!(found.ends_with("→ if users are to log in now, start sshd"), "{found}");
    // One may have a socket.
    sb.sh("printf '#!/bin/sh\\nexit 1\\n' >/usr/sbin/systemctl");
    let found = finding(&sb.try_sh("sftpjail check mle"), "! sshd running");
    assert!(
        found.contains("which sockets start an sshd is not known: systemctl says: exit status: 1"),
        "{found}"
    );
}
