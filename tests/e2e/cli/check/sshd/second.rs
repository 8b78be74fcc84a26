//! A second sshd, with a configuration file of its own: `--sshd-config`.

use super::super::{check, checked};
use sandbox::Sandbox;

/// Its configuration: Debian's with another port, another pid file, and no drop-ins of the first one.
const SECOND: &str = "grep -v '^Include' /usr/share/openssh/sshd_config >/etc/ssh/sshd_customers
    printf 'Port 2222\\nPidFile /run/sshd-customers.pid\\n' >>/etc/ssh/sshd_customers";

/// A login of mle at the second sshd.
const LOGIN: &str = "sftp -q -P 2222 -o BatchMode=yes -o StrictHostKeyChecking=no -b - mle@127.0.0.1";

#[test]
fn setup_check_and_probe_are_about_the_sshd_that_is_meant() {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.sh(SECOND);
    sb.sh("/usr/sbin/sshd -f /etc/ssh/sshd_customers; groupadd --system sftp");
    sb.user("mle").group("sftp").add();
    let main = sb.read("/etc/ssh/sshd_config");

    let out = sb.sh("sftpjail setup --yes --sshd-config /etc/ssh/sshd_customers");
    assert!(out.stdout.contains("+++ /etc/ssh/sshd_customers"), "{out}");
    assert!(out.stdout.contains("from /run/sshd-customers.pid)"), "{out}");
    assert_eq!(sb.read("/etc/ssh/sshd_config"), main);
    assert!(sb.sh("ls /etc/ssh/sshd_config.d").stdout.is_empty());

    let out = check(&sb, "mle", 1);
    assert!(out.stdout.contains("✗ sshd chroot    ChrootDirectory is none"), "{out}");
    for spelling in ["/etc/ssh/sshd_customers", "../etc/ssh/sshd_customers"] {
        let out = checked(sb.try_sh(&format!("sftpjail check mle --sshd-config {spelling}")), 0);
        assert!(out.stdout.contains("✓ sshd chroot    ChrootDirectory /jail/"), "{out}");
    }
    let out = sb.sh("sftpjail probe mle --sshd-config /etc/ssh/sshd_customers");
    assert!(out.stdout.contains("✓ login "), "{out}");
    let out = sb.script(LOGIN, &[] as &[&str], b"ls -l /\n").ok();
    assert!(out.stdout.contains("home") && !out.stdout.contains("etc/"), "{out}");

    // The fix, too, is for its file.
    sb.sh("sed -i '/^Match Group sftp/,$ s/PermitTTY no/PermitTTY yes/' /etc/ssh/sshd_customers");
    let out = checked(sb.try_sh("sftpjail check mle --sshd-config /etc/ssh/sshd_customers"), 1);
    assert!(out.stdout.contains("PermitTTY is yes instead of no (/etc/ssh/sshd_customers:"), "{out}");
    assert!(out.stdout.contains(" /etc/ssh/sshd_customers\n"), "{out}");
    sb.sh("sed -i 's/PermitTTY yes/PermitTTY no/' /etc/ssh/sshd_customers");

    // Undo knows which sshd it has to reload.
    let out = sb.sh("sftpjail setup --undo --yes");
    assert!(out.stdout.contains("from /run/sshd-customers.pid)"), "{out}");
    let out = sb.script(LOGIN, &[] as &[&str], b"ls /etc/passwd\n").ok();
    assert!(out.stdout.contains("/etc/passwd"), "{out}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let sb = Sandbox::stock();
    for verb in ["check root", "probe root", "setup --dry-run"] {
        let out = sb.try_sh(&format!("sftpjail {verb} --sshd-config /etc/ssh/nowhere")).failed();
        assert!(out.stderr.contains("'/etc/ssh/nowhere' for '--sshd-config <PATH>': No such file"), "{out}");
    }
}
