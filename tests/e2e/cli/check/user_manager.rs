//! What `check` says of user managers where systemd does not run and its files are there: a sandbox, or the root
//! of another system. The rest is in machines/.

use super::machine;
use sandbox::Sandbox;

const DROP_IN: &str = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";

/// The finding that is not as it should be, with its fix, in one line; "" where all is.
fn found(sb: &Sandbox) -> String {
    let out = sb.try_sh("sftpjail check mle").stdout;
    let mut lines = out.lines().skip_while(|line| !line.starts_with(['✗', '!']) || line.starts_with("! log"));
    let first = lines.next().unwrap_or_default().to_owned();
    lines.take_while(|line| line.starts_with(' ')).fold(first, |all, line| format!("{all} {}", line.trim()))
}

#[test]
fn a_drop_in_that_does_not_hold_is_found() {
    let sb = machine();
    sb.sh(&format!("cp {DROP_IN} /root/good.conf"));
    let reset = "printf '[Service]\\nExecCondition=\\n'";
    let runtime = "/run/systemd/system.control/user@.service.d";
    for (breaks, evidence) in [
        (
            format!("rm {DROP_IN}"),
            "✗ user manager   /etc/systemd/system/user@.service.d/50-sftpjail.conf is missing,",
        ),
        (format!("sed -i '/^ExecCondition/,$d' {DROP_IN}"), "50-sftpjail.conf is not what setup writes,"),
        (format!("sed -i 's/=+/=/' {DROP_IN}"), "50-sftpjail.conf is not what setup writes,"),
        (format!("ln -sf /dev/null {DROP_IN}"), "50-sftpjail.conf is not what setup writes,"),
        (format!("{reset} >/etc/systemd/system/user@.service.d/60-x.conf"), "60-x.conf takes back what"),
        (
            format!("mkdir /etc/systemd/system/service.d; {reset} >/etc/systemd/system/service.d/60-x.conf"),
            "takes back",
        ),
        (
            format!("d=/etc/systemd/system/user@$(id -u mle).service.d; mkdir $d; {reset} >$d/60-x.conf"),
            "60-x.conf takes back what",
        ),
        (
            format!("mkdir -p {runtime}; touch {runtime}/50-sftpjail.conf"),
            "systemd reads /run/systemd/system.control/user@.service.d/50-sftpjail.conf instead of",
        ),
        // What root reads and runs there.
        (format!("chmod 666 {DROP_IN}"), "50-sftpjail.conf can be changed by others than root:"),
        (format!("chown joe {DROP_IN}"), "50-sftpjail.conf can be changed by others than root:"),
        (
            format!("chmod 777 $(dirname {DROP_IN})"),
            "user@.service.d can be changed by others than root, which leads to /etc/systemd",
        ),
        (
            format!("install -m 666 {DROP_IN} /srv/x; ln -sf /srv/x {DROP_IN}"),
            "/srv/x can be changed by others than root, which leads to /etc/systemd",
        ),
        (
            format!("sed -i 's,/usr/local/sbin/sftpjail %i,/srv/a/s %i,' {DROP_IN}
                mkdir -p /srv/a; chmod 755 /srv/a; cp /usr/local/sbin/sftpjail /srv/a/s; chmod 757 /srv/a/s"),
            "/srv/a/s can be changed by others than root:",
        ),
        (
            format!("sed -i 's,/usr/local/sbin/sftpjail %i,/srv/a/s %i,' {DROP_IN}; chmod 755 /srv/a/s; chmod 1777 /srv/a"),
            "/srv/a can be changed by others than root, which leads to /srv/a/s",
        ),
        // Exit statuses that are success.
        (
            "printf '[Service]\\nSuccessExitStatus=1 254 SIGTERM\\n' >/etc/systemd/system/user@.service.d/60-x.conf".into(),
            "SuccessExitStatus= of /etc/systemd/system/user@.service.d/60-x.conf has 254",
        ),
        // Another configuration, and other groups.
        (
            format!("sed -i s,/etc/sftpjail/config.toml,/etc/other.toml, {DROP_IN}"),
            "goes by /etc/other.toml, and this check by /etc/sftpjail/config.toml",
        ),
        (format!("sed -i 's/config.toml sftp/config.toml others/' {DROP_IN}"), "does not name these groups"),
        (
            "mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/mle".into(),
            "→ loginctl disable-linger mle",
        ),
        ("mv /usr/local/sbin/sftpjail /root/".into(), ""),
    ] {
        if breaks.starts_with("mv") {
            // Its copy asks.
            sb.sh(&breaks);
            let out = sb.sh("/root/sftpjail check mle").stdout;
            assert!(
                out.contains("! user manager")
                    && out.contains("is not there, and so goes by these groups only: sftp"),
                "{out}"
            );
            continue;
        }
        sb.sh(&breaks);
        let seen = found(&sb);
        assert!(seen.starts_with('✗') && seen.contains(evidence), "{breaks}: {seen}");
        assert_eq!(sb.try_sh("sftpjail check --all").code, Some(1), "{breaks}");
        sb.sh(&format!(
            "rm -rf /run/systemd /etc/systemd/system/service.d /etc/systemd/system/user@* /var/lib/systemd/linger/*
             install -D -m 644 /root/good.conf {DROP_IN}"
        ));
        assert_eq!(found(&sb), "", "{breaks}");
    }
}

#[test]
fn what_harms_nothing_is_no_fault() {
    let sb = machine();
    // A status that others have for success, and ours until it is taken back.
    sb.sh("printf '[Service]\\nSuccessExitStatus=254\\nSuccessExitStatus=\\nSuccessExitStatus=1\\n' \
        >/etc/systemd/system/user@.service.d/80-status.conf");
    // A condition of the admin's own, before ours and after it; and one that is reset before ours.
    sb.sh("cd /etc/systemd/system/user@.service.d; printf '[Service]\\nExecCondition=/bin/true\\n' >60-own.conf
        printf '[Service]\\nExecCondition=\\n' >10-own.conf; printf '[Unit]\\nExecCondition=\\n' >70-other.conf");
    assert_eq!(found(&sb), "");
    sb.sh("rm /usr/lib/systemd/system/user@.service");
    let out = sb.sh("sftpjail check mle").stdout;
    assert!(
        out.contains("✓ user manager   there is no systemd, and so none\n") && !out.contains("linger"),
        "{out}"
    );
}
