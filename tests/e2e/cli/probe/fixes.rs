//! The fixes of `sftpjail probe` change what is wrong and nothing else: each is pasted, and sshd still starts.

use super::faults::failed;
use super::{all_ok, machine, probe};
use sandbox::Sandbox;

/// The commands among the fixes that a probe has printed.
fn commands(out: &str) -> Vec<String> {
    let fixes = out.lines().filter_map(|line| line.trim_start().strip_prefix("→ "));
    let commands = fixes.map(|fix| fix.rsplit_once(": ").map_or(fix, |(_, command)| command));
    let programs = ["sed ", "grep ", "! grep ", "printf ", "sftpjail setup", "chmod ", "chage "];
    let commands = commands.filter(|command| programs.iter().any(|program| command.starts_with(program)));
    commands.map(|command| command.replace("sftpjail setup", "sftpjail setup --yes")).collect()
}

/// Pastes all fixes of each probe, each of them twice, until one finds nothing. Gives what the first has printed.
#[track_caller]
fn fixed(sb: &Sandbox, options: &str, what: &str) -> String {
    let probe = format!("sftpjail probe {options} mle");
    let first = sb.try_sh(&probe);
    assert_eq!(first.code, Some(1), "{what}: {first}");
    let mut out = first.stdout.clone();
    for _ in 0..4 {
        for command in commands(&out) {
            // The second time there may be nothing left to do.
            sb.try_sh(&command);
            sb.try_sh(&command);
            sb.sh("sshd -t");
        }
        let next = sb.try_sh(&probe);
        if next.code == Some(0) {
            assert!(!next.stdout.contains('✗'), "{what}: {next}");
            return first.stdout;
        }
        out = next.stdout;
    }
    panic!("{what}: {first}\n{out}");
}

#[test]
fn every_fix_of_sshds_configuration_can_be_pasted_and_sshd_still_starts() {
    let edit = |script: &str| format!("sed -i '{script}' /etc/ssh/sshd_config");
    for (broken, has_subsystem) in [
        (edit("/ForceCommand/d"), true),
        (edit("s/ForceCommand .*/ForceCommand none/"), true),
        (edit("/^Subsystem/d"), false),
        (edit("/ForceCommand/d; /^Subsystem/d"), false),
        (edit("/^Match Group/,$d"), true),
        (edit("s/ChrootDirectory .*/ChrootDirectory none/"), true),
        (edit("s,/jail/%u,%h,"), true),
        (edit("1i Match User mle\\n    ChrootDirectory none\\n    ForceCommand none\\nMatch all"), true),
        (edit("/DisableForwarding/d; s/Forwarding no/Forwarding yes/"), true),
        (edit("s/internal-sftp -l INFO/internal-sftp -l ERROR/"), true),
        (edit("s/^UsePAM.*/UsePAM no/"), true),
        (edit("/^UsePAM/d"), true),
    ] {
        let sb = machine();
        sb.sh(&broken);
        let out = fixed(&sb, "", &broken);
        assert!(!has_subsystem || !out.contains("Subsystem"), "{broken}: {out}");
    }
}

#[test]
fn setup_is_the_fix_where_sshd_has_no_block_for_members() {
    let sb = machine();
    sb.sh("cp /etc/ssh/sshd_config /etc/ssh/second; sed -i '/^Match Group/,$d' /etc/ssh/second");
    let out = sb.try_sh("sftpjail probe --sshd-config /etc/ssh/second mle").stdout;
    let (_, fix) = failed(&out, "ls /").unwrap_or_else(|| panic!("{out}"));
    assert!(fix.ends_with("→ sftpjail setup --sshd-config /etc/ssh/second"), "{out}");
    fixed(&sb, "--sshd-config /etc/ssh/second", "a second sshd");
    all_ok(&sb, "mle");
}

#[test]
fn who_is_in_no_jail_is_not_said_to_be_jailed_where_sftp_is_not_served() {
    for (shell, only) in [
        ("/usr/sbin/nologin", "sshd tried to run it: This account is currently not available."),
        ("/bin/false", "sshd tried to run it: "),
    ] {
        let sb = machine();
        sb.sh(&format!(
            "usermod -s {shell} mle; \
             sed -i '1i Match User mle\\n    ChrootDirectory none\\n    ForceCommand none\\nMatch all' /etc/ssh/sshd_config"
        ));
        let out = probe(&sb, "mle", 1);
        let (line, fix) = failed(&out, "chroot").unwrap_or_else(|| panic!("{out}"));
        assert!(line.ends_with("ChrootDirectory of sshd is none, so the session is in no jail"), "{out}");
        assert!(fix.contains("ChrootDirectory /jail/%u"), "{out}");
        assert!(failed(&out, "ssh COMMAND").is_some_and(|(line, _)| line.contains(only)), "{out}");
        let sentence = "mle IS NOT JAILED: ChrootDirectory of sshd is none. Only this keeps mle out now: SFTP is not served.";
        assert!(out.ends_with(&format!("{sentence}\n")), "{out}");
        fixed(&sb, "", shell);
    }
    // Where sshd chroots, nobody is said to be in no jail.
    let sb = machine();
    sb.sh("sed -i /ForceCommand/d /etc/ssh/sshd_config");
    let out = probe(&sb, "mle", 1);
    assert!(out.contains("✓ chroot         sshd's ChrootDirectory is /jail/%u\n"), "{out}");
    assert!(out.ends_with("mle is jailed but cannot log in: SFTP is not served.\n"), "{out}");
}

#[test]
fn no_fix_asks_for_what_is_so_already() {
    for (broken, step, fix) in [
        ("chmod 600 /home/mle", "pwd", "chmod u+rwx /home/mle"),
        ("chmod 300 /home/mle", "ls", "chmod u+rwx /home/mle"),
    ] {
        let sb = machine();
        sb.sh(broken);
        let out = probe(&sb, "mle", 1);
        let (_, shown) = failed(&out, step).unwrap_or_else(|| panic!("{out}"));
        assert!(shown.ends_with(&format!("→ {fix}")), "{broken}: {out}");
        assert!(!out.contains("sshd_config"), "{broken}: {out}");
        fixed(&sb, "", broken);
    }
}

#[test]
fn what_keeps_a_user_from_writing_where_the_modes_allow_it_is_named() {
    for (broken, said, fix) in [
        (
            "mount --bind /home/mle /home/mle; mount -o remount,bind,ro /home/mle",
            "/home/mle: the mount at /home/mle is read-only",
            "make the mount at /home/mle writable; where it has become read-only by itself, the kernel's log has the error",
        ),
        (
            "echo 'session optional pam_umask.so umask=0777' >>/etc/pam.d/common-session",
            "/home/mle: the umask of the session is 0777, so the user can use no file and no directory that it makes",
            "let the session have another umask, such as 022: see umask of the profile, -u of internal-sftp in sshd_config, \
             pam_umask in /etc/pam.d and UMASK in /etc/login.defs",
        ),
        (
            "sed -i 's/internal-sftp -l INFO/internal-sftp -R -l INFO/' /etc/ssh/sshd_config",
            "/home/mle: sshd runs `internal-sftp -R -l INFO`, which limits what the user may do",
            "if the user should be able to write: remove -R, -P and -p from that line of sshd_config",
        ),
    ] {
        let sb = machine();
        sb.sh(broken);
        let out = probe(&sb, "mle", 1);
        let (line, shown) = failed(&out, "write").unwrap_or_else(|| panic!("{broken}: {out}"));
        assert_eq!(line, format!("✗ write          {said}"), "{out}");
        assert_eq!(shown.trim_start(), format!("→ {fix}"), "{out}");
        assert!(out.ends_with("mle is jailed and can log in, but cannot write in /home/mle.\n"), "{out}");
        sb.sh("test -z \"$(ls -A /home/mle | grep -v '^.ssh$')\"");
    }
}

#[test]
fn without_pam_the_setting_is_named() {
    let sb = machine();
    sb.user("locked").group("sftp").shell("/usr/sbin/nologin").key(false).add();
    sb.sh("sed -i 's/^UsePAM.*/UsePAM no/' /etc/ssh/sshd_config; grep -q ^locked:! /etc/shadow; usermod -p x mle");
    for (user, said) in [("locked", "account is locked"), ("mle", "safely_chroot: stat(\"/jail/mle\")")] {
        let out = probe(&sb, user, 1);
        let (line, fix) = failed(&out, "login").unwrap_or_else(|| panic!("{out}"));
        assert!(line.contains(said) && line.ends_with("; UsePAM is no"), "{out}");
        assert!(fix.contains("UsePAM yes") && !fix.contains("AllowUsers"), "{out}");
    }
}

#[test]
fn a_password_that_has_expired_is_renewed_by_the_admin() {
    for broken in ["chage -d 0 mle", "chage -d 2020-01-01 -M 30 mle"] {
        let sb = machine();
        sb.sh("usermod -p x mle");
        sb.sh(broken);
        let out = fixed(&sb, "", broken);
        let (line, fix) = failed(&out, "sftp").unwrap_or_else(|| panic!("{out}"));
        assert!(line.contains("the user must change the password first, which SFTP cannot do"), "{out}");
        let renew = "→ if the user should be able to log in again, then: chage -d \"$(date +%F)\" mle";
        assert_eq!(fix.trim_start(), renew, "{out}");
    }
}

#[test]
fn the_homes_are_not_proposed_as_the_jail_root() {
    let sb = machine();
    sb.sh("sed -i s,/jail/%u,%h, /etc/ssh/sshd_config");
    let out = probe(&sb, "mle", 1);
    let (line, fix) = failed(&out, "login").unwrap_or_else(|| panic!("{out}"));
    assert!(line.contains("sshd's ChrootDirectory is %h"), "{out}");
    assert!(fix.contains("ChrootDirectory /jail/%u") && !fix.contains("jail_root"), "{out}");
}

#[test]
fn a_host_key_that_others_can_read_is_named() {
    let sb = machine();
    sb.sh("chmod 644 /etc/ssh/ssh_host_*_key");
    let out = probe(&sb, "mle", 2);
    assert!(out.contains("Permissions 0644 for '/etc/ssh/ssh_host_"), "{out}");
    assert!(!out.contains("@@@"), "{out}");
    let out = sb.try_sh("sftpjail check mle").stdout;
    assert!(out.contains("Permissions 0644 for '/etc/ssh/ssh_host_") && !out.contains("@@@"), "{out}");
}

#[test]
fn a_misspelt_user_is_suggested() {
    let sb = machine();
    sb.user("kunde").group("sftp").add();
    let out = probe(&sb, "kunnde", 2);
    assert!(out.contains("→ did you mean kunde?\n"), "{out}");
}

#[test]
fn a_module_of_pam_that_cannot_be_loaded_is_named() {
    for (kind, step) in [("account", "login"), ("session", "sftp")] {
        let sb = machine();
        sb.sh(&format!("sed -i '1i {kind} required pam_nosuch.so' /etc/pam.d/sshd"));
        let out = probe(&sb, "mle", 1);
        let (line, fix) = failed(&out, step).unwrap_or_else(|| panic!("{kind}: {out}"));
        assert!(
            line.contains("/etc/pam.d/sshd:1 names ") && line.contains("/pam_nosuch.so"),
            "{kind}: {out}"
        );
        let expected = "→ correct the module's name at /etc/pam.d/sshd:1, or install the package that has it";
        assert_eq!(fix.trim_start(), expected, "{kind}: {out}");
    }
}

/// Whoever is in a session when PAM refuses has a jail all the same.
#[test]
fn a_line_of_pam_that_refuses_everybody_is_named() {
    for (kind, step) in [("account", "login"), ("session", "sftp")] {
        let sb = machine();
        sb.sh(&format!("sed -i '1i {kind} [sucess=ok default=ignore] pam_limits.so' /etc/pam.d/sshd"));
        let (line, fix) = named(&sb, step);
        let wrong = "/etc/pam.d/sshd:1: with [sucess=ok default=ignore], libpam refuses everybody";
        assert!(line.contains(wrong) && fix.contains("(did you mean success?)"), "{kind}: {line} {fix}");
        sb.sh(&format!("sed -i '1d' /etc/pam.d/sshd; echo {kind} required pam_deny.so >>/etc/pam.d/sshd"));
        let (line, fix) = named(&sb, step);
        assert!(line.contains("every login gets to pam_deny.so at /etc/pam.d/"), "{kind}: {line}");
        assert!(fix.contains("remove the line that should not be there"), "{kind}: {fix}");
    }
}

/// The line of a step that has failed, and its fix.
#[track_caller]
fn named(sb: &Sandbox, step: &str) -> (String, String) {
    let out = probe(sb, "mle", 1);
    let (line, fix) = failed(&out, step).unwrap_or_else(|| panic!("{out}"));
    (line.to_owned(), fix.to_owned())
}
