//! `sftpjail probe` finds each fault, and names it with its fix.

use super::{all_ok, has_status, left_nothing, machine, probe, state};

/// The line of a step that failed, and the line with its fix, which may stand at an earlier step.
pub(super) fn failed<'o>(out: &'o str, step: &str) -> Option<(&'o str, &'o str)> {
    let mut lines = out.lines();
    let line = lines.find(|line| line.strip_prefix("✗ ").is_some_and(|line| line.starts_with(step)))?;
    let fix = lines.next().unwrap_or_default();
    match fix.trim_start().strip_prefix("→ the same as for ") {
        Some(earlier) => failed(out, earlier).map(|(_, fix)| (line, fix)),
        None => Some((line, fix)),
    }
}

#[test]
fn each_fault_is_found_and_named() {
    let sb = machine();
    sb.sh("cp /etc/ssh/sshd_config /root/sshd_config; cp /etc/pam.d/sshd /root/pam");
    let edit = |script: &str| format!("sed -i '{script}' /etc/ssh/sshd_config");
    let chroot = ("ls /", "the user can see what is not in the jail: ", "ChrootDirectory /jail/%u");
    let accounts = ("/etc/passwd", "not the jail's: ", "ChrootDirectory /jail/%u");
    let shell = ("ssh COMMAND", "a shell ran it", "ForceCommand internal-sftp");
    let legacy_scp = ("scp -O", "a shell served it", "ForceCommand internal-sftp");
    let local = ("ssh -L", "allowed", "AllowTcpForwarding no");
    let remote = ("ssh -R port", "allowed", "AllowTcpForwarding no");
    let socket = ("ssh -R socket", "allowed", "AllowStreamLocalForwarding no");
    let log = ("log", "no log entries for the user's actions", "internal-sftp -l INFO");
    let not_served = ("sftp", "is not served", "ForceCommand internal-sftp");
    let in_jail =
        ("ssh COMMAND", "sshd tried to run it: /bin/sh: No such file", "ForceCommand internal-sftp");
    let written = |fix| ("write", "Permission denied", fix);
    let fine = "mle is jailed and can log in. Fix what is marked ✗ all the same.";
    let sees = "mle IS NOT JAILED: the user can see what is not in the jail.";
    let forwards = "mle IS NOT JAILED: sshd forwards connections for the user.";
    let none = "mle is jailed but cannot log in: SFTP is not served.";
    let writes_nothing = "mle is jailed and can log in, but cannot write in /home/mle.";
    for (broken, sentence, faults) in [
        (
            edit("/^Match Group/,$d"),
            "mle IS NOT JAILED and gets a shell: sshd runs commands for the user.",
            [chroot, accounts, shell, local, remote, socket, legacy_scp, log]
                .map(|(step, evidence, _)| (step, evidence, "→ sftpjail setup"))
                .to_vec(),
        ),
        (edit("s/ChrootDirectory .*/ChrootDirectory none/"), sees, vec![chroot, accounts]),
        (edit("1i Match User mle\\n    ChrootDirectory none\\nMatch all"), sees, vec![chroot, accounts]),
        (edit("/ForceCommand/d"), none, vec![not_served, in_jail]),
        (edit("/ForceCommand/d; s/^Subsystem.*/Subsystem sftp internal-sftp -l INFO/"), fine, vec![in_jail]),
        (edit("/^Subsystem/d"), none, vec![("sftp", "is not served", "Subsystem sftp internal-sftp")]),
        (
            "chage -d 0 mle".into(),
            none,
            vec![("sftp", "the user must change the password first", "chage -d \"$(date +%F)\" mle")],
        ),
        (edit("s/internal-sftp -l INFO/internal-sftp/"), fine, vec![log]),
        (
            edit("/DisableForwarding/d; s/AllowTcpForwarding no/AllowTcpForwarding yes/"),
            forwards,
            vec![local, remote],
        ),
        (
            edit("/DisableForwarding/d; s/AllowTcpForwarding no/AllowTcpForwarding local/"),
            forwards,
            vec![local],
        ),
        // Where sshd refuses ports, it refuses sockets as well.
        (
            edit("/DisableForwarding/d; s/Forwarding no/Forwarding yes/"),
            forwards,
            vec![local, remote, socket],
        ),
        ("chmod 550 /home/mle".into(), writes_nothing, vec![written("→ chmod u+rwx /home/mle")]),
        (
            "chown root:root /home/mle; chmod 755 /home/mle".into(),
            writes_nothing,
            vec![written("→ chown -h mle /home/mle && chmod u+rwx /home/mle")],
        ),
    ] {
        sb.sh(&broken);
        let before = state(&sb);
        let out = sb.try_sh("sftpjail probe mle").stdout;
        left_nothing(&sb, &before, &broken);
        for (step, evidence, fix) in &faults {
            let (line, shown_fix) =
                failed(&out, step).unwrap_or_else(|| panic!("{broken}: no {step} in {out}"));
            // A long fix is shown once.
            let has_fix = shown_fix.contains(fix) || shown_fix.trim() == "→ the same as for ls /";
            assert!(line.contains(evidence) && has_fix, "{broken}: {step}: {line} {shown_fix}");
        }
        assert_eq!(
            out.matches("✗ ").count() - out.matches("marked ✗ ").count(),
            faults.len(),
            "{broken}: these faults only: {out}"
        );
        let last = out.lines().next_back().unwrap_or_default();
        assert!(last.starts_with(sentence), "{broken}: {out}");
        sb.sh("cp /root/sshd_config /etc/ssh/; cp /root/pam /etc/pam.d/sshd; chown mle:mle /home/mle; chmod 750 /home/mle; chage -d -1 mle");
    }
    all_ok(&sb, "mle");
}

#[test]
fn a_fix_can_be_pasted_and_fixes() {
    let sb = machine();
    for broken in ["chmod 550 /home/mle", "chown root:root /home/mle"] {
        sb.sh(broken);
        let out = probe(&sb, "mle", 1);
        let (_, fix) = failed(&out, "write").expect("a fault");
        sb.sh(fix.trim_start().trim_start_matches('→'));
        all_ok(&sb, "mle");
    }
}

#[test]
fn without_the_chroot_a_guard_or_a_read_only_home_that_can_be_changed_is_no_bug() {
    let sb = machine();
    sb.sh("mkdir -p /etc/sftpjail; sed -i 's,^ *ChrootDirectory .*,    ChrootDirectory none,' /etc/ssh/sshd_config");
    for (key, step) in [("guard = [\".forward\"]", "guard"), ("home = \"read-only\"", "write")] {
        let profile = "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]";
        sb.sh(&format!("printf '%s\n' '{profile}' '{key}' >/etc/sftpjail/config.toml"));
        let out = probe(&sb, "mle", 1);
        let (_, fix) = failed(&out, step).expect("a fault");
        assert!(fix.contains("ChrootDirectory") || fix.contains("the same as for"), "{fix}: {out}");
        assert!(!out.contains("report this as a bug"), "{out}");
    }
}

#[test]
fn an_scp_that_fails_counts_in_the_exit_status() {
    let sb = machine();
    sb.sh("rm /usr/bin/scp; printf '#!/bin/sh\\necho broken >&2; exit 1\\n' >/usr/bin/scp; chmod +x /usr/bin/scp");
    let out = probe(&sb, "mle", 1);
    let (line, fix) = failed(&out, "scp").expect("a fault");
    assert!(line.ends_with("broken") && fix.contains("let sshd serve scp by SFTP"), "{out}");
    assert!(out.ends_with("mle is jailed and can log in. Fix what is marked ✗ all the same.\n"), "{out}");
}

#[test]
fn a_log_without_a_syslog_daemon_is_reported() {
    let sb = machine();
    sb.stop_syslog();
    let out = probe(&sb, "mle", 1);
    let (line, fix) = failed(&out, "log").expect("a fault");
    assert!(line.contains("no syslog daemon listens at /dev/log; there are no log entries for pam_sftpjail's `session opened`"), "{out}");
    assert!(fix.contains("check that rsyslog or the journal runs"), "{out}");
    assert!(out.contains(" µs in a rehearsal.\n"), "{out}");
    assert_eq!(out.matches('✗').count(), 2, "{out}");
    sb.start_syslog();
    all_ok(&sb, "mle");
}

#[test]
fn a_refused_login_names_the_reason() {
    let sb = machine();
    sb.sh("cp /etc/ssh/sshd_config /root/sshd_config; cp /etc/pam.d/sshd /root/pam");
    let lists = "AllowUsers, DenyUsers";
    let module = "check that /etc/pam.d/sshd has the module's session lines";
    for (broken, evidence, fix) in [
        ("sed -i '1i DenyUsers mle' /etc/ssh/sshd_config", "not allowed because listed in DenyUsers", lists),
        (
            "sed -i '1i AllowUsers joe' /etc/ssh/sshd_config",
            "not allowed because not listed in AllowUsers",
            lists,
        ),
        (
            "sed -i '1i AllowUsers mle@10.0.0.0/8' /etc/ssh/sshd_config",
            "because not listed in AllowUsers",
            lists,
        ),
        (
            "sed -i '1i DenyGroups sftp' /etc/ssh/sshd_config",
            "because a group is listed in DenyGroups",
            lists,
        ),
        (
            "sed -i /pam_sftpjail/d /etc/pam.d/sshd",
            "safely_chroot: stat(\"/jail/mle\"): No such file",
            module,
        ),
        (
            "sed -i 's/^UsePAM.*/UsePAM no/' /etc/ssh/sshd_config; usermod -p x mle",
            "safely_chroot: stat(",
            "UsePAM yes",
        ),
        (
            "sed -i '1i account required pam_deny.so' /etc/pam.d/sshd",
            "every login gets to pam_deny.so at /etc/pam.d/sshd:1",
            "remove the line that should not be there",
        ),
        ("chown nobody /home/mle", "belongs to uid 65534", "leave it to nobody"),
        ("mv /home/mle /home/elm", "the home directory /home/mle cannot be used", "/home/mle"),
    ] {
        sb.sh(broken);
        let before = state(&sb);
        let out = probe(&sb, "mle", 1);
        let (line, shown_fix) = failed(&out, "login").unwrap_or_else(|| panic!("{broken}: {out}"));
        assert!(line.contains("✗ login          refused: ") && line.contains(evidence), "{broken}: {out}");
        assert!(shown_fix.contains(fix), "{broken}: {out}");
        left_nothing(&sb, &before, broken);
        sb.sh("cp /root/sshd_config /etc/ssh/; cp /root/pam /etc/pam.d/sshd; test ! -e /home/elm || mv /home/elm /home/mle; chown mle /home/mle");
    }
    all_ok(&sb, "mle");
}

#[test]
fn without_sshd_or_a_configuration_there_is_no_probe() {
    let sb = machine();
    sb.sh("cp -a /etc/ssh /root/ssh; mkdir -p /etc/sftpjail; mkdir /root/away");
    for (broken, evidence) in [
        ("echo Nonsense yes >> /etc/ssh/sshd_config", "Bad configuration option: Nonsense"),
        ("rm /etc/ssh/sshd_config", "/etc/ssh/sshd_config: No such file or directory"),
        ("rm /etc/ssh/ssh_host*", "no hostkeys available"),
        ("mv /run/sshd /root/away", "Missing privilege separation directory: /run/sshd"),
        ("mv /usr/sbin/sshd /root/away", "there is no sshd in "),
        ("mv /usr/bin/sftp /root/away", "there is no sftp in "),
        ("echo nonsense > /etc/sftpjail/config.toml", "/etc/sftpjail/config.toml: line 1: "),
        (
            "install -d -m 711 /run/sftpjail-probe /run/sftpjail-probe/private/mine",
            "/run/sftpjail-probe/private/mine was not made by this program",
        ),
        (
            "install -d -o mle /run/sftpjail-probe",
            "/run/sftpjail-probe is not owned by root and writable by nobody else",
        ),
        ("ln -s /root /run/sftpjail-probe", "/run/sftpjail-probe cannot be used: "),
    ] {
        sb.sh(broken);
        let before = state(&sb);
        let out = sb.try_sh("sftpjail probe mle");
        has_status(&out, 2);
        assert!(out.stdout.contains("! probe          ") && out.stdout.contains(evidence), "{broken}: {out}");
        assert!(out.stdout.ends_with("mle could not be probed: see what is marked !.\n"), "{broken}: {out}");
        left_nothing(&sb, &before, broken);
        sb.sh(
            "cp -a /root/ssh /etc/; rm -f /etc/sftpjail/config.toml; cd /root/away; \
             for f in *; do case $f in sshd) if test -d sshd; then mv sshd /run/; else mv sshd /usr/sbin/; fi;; sftp) mv sftp /usr/bin/;; esac; done; \
             rm -rf /run/sftpjail-probe",
        );
    }
    all_ok(&sb, "mle");
}

#[test]
fn settings_about_keys_and_methods_do_not_stop_the_probe() {
    let sb = machine();
    sb.sh("cp /etc/ssh/sshd_config /root/sshd_config");
    for (top, end) in [
        ("PubkeyAuthentication no\\nAuthenticationMethods password\\nMaxSessions 1\\nMaxAuthTries 1", ""),
        ("AuthorizedKeysFile none\\nAuthorizedKeysCommand /bin/false\\nAuthorizedKeysCommandUser nobody", ""),
        ("PubkeyAcceptedAlgorithms ssh-ed25519", ""),
        (
            "Match User mle\\n    AuthorizedKeysFile none\\n    AuthenticationMethods publickey,password\\n    MaxSessions 0\\nMatch all",
            "    AuthorizedKeysFile /etc/ssh/%u\\n    PubkeyAuthentication no\\n",
        ),
        ("Banner /etc/passwd\\nPrintMotd yes\\nClientAliveInterval 1", ""),
    ] {
        sb.sh(&format!(
            "sed -i '1i {top}' /etc/ssh/sshd_config; printf '{end}' >>/etc/ssh/sshd_config; sshd -t"
        ));
        all_ok(&sb, "mle");
        sb.sh("cp /root/sshd_config /etc/ssh/");
    }
}
