//! What `check` says about user managers where systemd's files are there but systemd does not run, as in a sandbox or a
//! chroot. The rest is in machines/.

use super::machine;
use sandbox::Sandbox;

const DROP_IN: &str = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";

/// The finding that has not passed, with its fix, in one line; "" if there is none.
fn found(sb: &Sandbox) -> String {
    let out = sb.try_sh("sftpjail check mle").stdout;
    let mut lines = out.lines().skip_while(|line| {
        !line.starts_with(['✗', '!']) || line.starts_with("! log") || line.starts_with("! sshd running")
    });
    let first = lines.next().unwrap_or_default().to_owned();
    lines.take_while(|line| line.starts_with(' ')).fold(first, |all, line| format!("{all} {}", line.trim()))
}

#[test]
fn a_drop_in_that_is_not_in_force_is_found() {
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
        (format!("{reset} >/etc/systemd/system/user@.service.d/60-x.conf"), "60-x.conf resets the condition of"),
        (
            format!("mkdir /etc/systemd/system/service.d; {reset} >/etc/systemd/system/service.d/60-x.conf"),
            "resets the condition of",
        ),
        (
            format!("d=/etc/systemd/system/user@$(id -u mle).service.d; mkdir $d; {reset} >$d/60-x.conf"),
            "60-x.conf resets the condition of",
        ),
        (
            format!("mkdir -p {runtime}; touch {runtime}/50-sftpjail.conf"),
            "systemd reads /run/systemd/system.control/user@.service.d/50-sftpjail.conf instead of",
        ),
        // Files and directories that root relies on.
        (format!("chmod 666 {DROP_IN}"), "users other than root can change /etc/systemd/system/user@.service.d/50-sftpjail.conf, which"),
        (format!("chown joe {DROP_IN}"), "users other than root can change /etc/systemd/system/user@.service.d/50-sftpjail.conf, which"),
        (
            format!("chmod 777 $(dirname {DROP_IN})"),
            "can change /etc/systemd/system/user@.service.d (it leads to /etc/systemd",
        ),
        (
            format!("install -m 666 {DROP_IN} /srv/x; ln -sf /srv/x {DROP_IN}"),
            "can change /srv/x (it leads to /etc/systemd",
        ),
        (
            format!("sed -i 's,/usr/local/sbin/sftpjail %i,/srv/a/s %i,' {DROP_IN}
                mkdir -p /srv/a; chmod 755 /srv/a; cp /usr/local/sbin/sftpjail /srv/a/s; chmod 757 /srv/a/s"),
            "can change /srv/a/s, which",
        ),
        (
            format!("sed -i 's,/usr/local/sbin/sftpjail %i,/srv/a/s %i,' {DROP_IN}; chmod 755 /srv/a/s; chmod 1777 /srv/a"),
            "can change /srv/a (it leads to /srv/a/s)",
        ),
        // The drop-in's exit status as a success.
        (
            "printf '[Service]\\nSuccessExitStatus=1 254 SIGTERM\\n' >/etc/systemd/system/user@.service.d/60-x.conf".into(),
            "SuccessExitStatus= in /etc/systemd/system/user@.service.d/60-x.conf has 254",
        ),
        // Another configuration, and other groups.
        (
            format!("sed -i s,/etc/sftpjail/config.toml,/etc/other.toml, {DROP_IN}"),
            "names /etc/other.toml, but this check uses /etc/sftpjail/config.toml",
        ),
        (format!("sed -i 's/config.toml sftp/config.toml others/' {DROP_IN}"), "does not name these groups: sftp."),
        (
            "mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/mle".into(),
            "→ see what it runs, because that ends, then: loginctl disable-linger mle",
        ),
        ("mv /usr/local/sbin/sftpjail /root/".into(), ""),
    ] {
        if breaks.starts_with("mv") {
            // A copy of it checks.
            sb.sh(&breaks);
            let out = sb.sh("/root/sftpjail check mle").stdout;
            assert!(
                out.contains("! user manager")
                    && out.contains("which does not exist, so only members of these groups get no user manager: sftp"),
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
fn settings_that_do_no_harm_are_ok() {
    let sb = machine();
    // Another status as a success, and the drop-in's own until it is reset.
    sb.sh("printf '[Service]\\nSuccessExitStatus=254\\nSuccessExitStatus=\\nSuccessExitStatus=1\\n' \
        >/etc/systemd/system/user@.service.d/80-status.conf");
    // The admin's own conditions before and after the drop-in's, and one that is reset before it.
    sb.sh("cd /etc/systemd/system/user@.service.d; printf '[Service]\\nExecCondition=/bin/true\\n' >60-own.conf
        printf '[Service]\\nExecCondition=\\n' >10-own.conf; printf '[Unit]\\nExecCondition=\\n' >70-other.conf");
    assert_eq!(found(&sb), "");
    sb.sh("rm /usr/lib/systemd/system/user@.service");
    let out = sb.sh("sftpjail check mle").stdout;
    assert!(
        out.contains("✓ user manager   none, since there is no systemd\n") && !out.contains("linger"),
        "{out}"
    );
}

/// Groups of the drop-in that no profile has: their members lose their user managers for nothing. Where that is so
/// because the configuration is gone, somebody must look.
#[test]
fn groups_in_the_drop_in_that_no_profile_names_are_found() {
    let sb = machine();
    sb.sh(&format!("groupadd sftp-only; sed -i 's/config.toml sftp/& sftp-only/' {DROP_IN}"));
    let names = "names these groups, which no profile names: sftp-only. Their members get no user manager, though they are not jailed";
    let line = found(&sb);
    let fix = "→ remove them from its last line, then: systemctl daemon-reload";
    assert!(line.starts_with("✗ user manager   /etc/sftpjail/config.toml is missing, and "), "{line}");
    assert!(line.contains(names) && line.ends_with("only members of the group sftp are jailed"), "{line}");
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n");
    let line = found(&sb);
    assert!(
        line.starts_with("! user manager   /etc/systemd") && line.contains(names) && line.ends_with(fix),
        "{line}"
    );
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\", \"sftp-only\"]\n");
    assert_eq!(found(&sb), "");
    // Nothing is to be removed for the sake of a slip.
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\", \"sftp-olny\"]\n");
    let line = found(&sb);
    let fix = "→ did you mean sftp-only? Then correct `groups` in the configuration";
    assert!(line.contains("names these groups") && line.ends_with(fix), "{line}");
}

/// Without the right to read all that root can, root gets the same answer as others.
const WITHOUT_RIGHTS: &str = "setpriv --bounding-set=-dac_override,-dac_read_search sftpjail";

#[test]
fn unit_files_that_cannot_be_read_may_say_anything() {
    let sb = machine();
    let own = sb.sh("echo /etc/systemd/system/user@$(id -u mle).service.d").stdout.trim().to_owned();
    let denied = "cannot be read: Permission denied";
    for (breaks, who, unread) in [
        (
            "chmod 700 /etc/systemd/system",
            "setpriv --reuid joe --regid joe --clear-groups sftpjail",
            "/etc/systemd/system/user@.service",
        ),
        (
            "chown joe /etc/systemd/system; chmod 700 /etc/systemd/system",
            WITHOUT_RIGHTS,
            "/etc/systemd/system/user@.service",
        ),
        (
            "chown joe /etc/systemd/system/user@.service.d; chmod 700 /etc/systemd/system/user@.service.d",
            WITHOUT_RIGHTS,
            "/etc/systemd/system/user@.service.d",
        ),
        (&format!("install -o joe -m 600 {DROP_IN} /root/x; mv /root/x {DROP_IN}"), WITHOUT_RIGHTS, DROP_IN),
        (&format!("install -d -o joe -m 700 {own}"), WITHOUT_RIGHTS, own.as_str()),
    ] {
        sb.sh(&format!("rm -rf /root/etc; cp -a /etc/systemd/system /root/etc; {breaks}"));
        let out = sb.try_sh(&format!("{who} check mle"));
        let said = out.stdout.replace("\n                 ", " ");
        let line = said.lines().find(|line| line.starts_with("! user manager")).unwrap_or_default();
        let unknown =
            format!("! user manager   whether members get a user manager is not known: {unread} {denied}");
        assert!(line.starts_with(&unknown), "{breaks}: {out}");
        assert!(!out.stdout.contains("✗ user manager"), "{breaks}: {out}");
        sb.sh("rm -rf /etc/systemd/system; mv /root/etc /etc/systemd/system");
        assert_eq!(found(&sb), "", "{breaks}");
    }
    sb.sh("install -d -o joe -m 700 /run/systemd/transient");
    let out = sb.try_sh(&format!("{WITHOUT_RIGHTS} setup --dry-run"));
    assert!(
        out.code == Some(1) && out.stderr.contains("/run/systemd/transient/user@.service cannot be read"),
        "{out}"
    );
    sb.sh("rm -r /run/systemd; install -d -o joe -m 700 /var/lib/systemd/linger");
    for verb in ["check", "review"] {
        let out = sb.try_sh(&format!("{WITHOUT_RIGHTS} {verb} mle"));
        let said = out.stdout.replace("\n                 ", " ").replace("\n              ", " ");
        let unknown = format!(
            "whether logind keeps a user manager of mle running is not known: /var/lib/systemd/linger/mle {denied}"
        );
        assert!(said.contains(&unknown), "{out}");
    }
}

#[test]
fn no_manager_is_said_not_to_run_where_systemd_does_not_answer() {
    let sb = machine();
    sb.write_mode("/usr/sbin/systemctl", "#!/bin/sh\nexit 1\n", 0o755);
    sb.sh("mkdir -p /run/systemd/system");
    let out = sb.try_sh("sftpjail check mle");
    assert!(out.stdout.contains("! user manager   systemctl says: exit status: 1\n"), "{out}");
    assert!(out.stdout.contains("✓ linger         off\n"), "{out}");
}
