//! Setup, and undo, on a machine where a package has installed the configuration.

use super::{HOME, assert_same, etc, undo};
use sandbox::{Output, Sandbox};

const CONFIG: &str = "/etc/sftpjail/config.toml";

/// A stock machine on which a package has been installed, and setup has not run. Also the configuration that it has.
fn packaged(admins: &str) -> (Sandbox, String) {
    let sb = Sandbox::stock();
    sb.sh("mkdir /etc/sftpjail");
    let exempt = format!("{:<26}", format!("exempt_groups = [\"{admins}\"]"));
    let config = HOME.replace("exempt_groups = []        ", &exempt);
    sb.write(CONFIG, &config);
    (sb, config)
}

#[test]
fn the_packages_configuration_stays_as_it_is_so_that_no_upgrade_asks() {
    for admins in ["sudo", "wheel"] {
        let (sb, config) = packaged(admins);
        let before = etc(&sb);
        let out = sb.sh("sftpjail setup --yes");
        assert!(!out.stdout.contains(&format!("+++ {CONFIG}")), "{out}");
        assert_eq!(sb.read_text(CONFIG), config);
        sb.user("anna").group("sftp").add();
        sb.sftp("anna", "ls /etc/ssh\n").failed();
        sb.sh("userdel -r anna 2>/dev/null");
        undo(&sb);
        assert_same(&before, &etc(&sb), &super::REWRITTEN_BY_USERADD);
    }
}

#[test]
fn options_change_the_packages_configuration_and_undo_restores_it() {
    let (sb, config) = packaged("sudo");
    let before = etc(&sb);
    let out = sb.sh("sftpjail setup --yes --group customers --jail-root /srv/jails");
    assert!(out.stdout.contains("+groups    = [\"customers\"]"), "{out}");
    let written = sb.read_text(CONFIG);
    assert!(written.contains("jail_root = \"/srv/jails\"") && written.contains("[\"sudo\"]"), "{written}");
    undo(&sb);
    assert_eq!(sb.read_text(CONFIG), config);
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("sftpjail setup --yes --profile upload-portal; grep -q sftp-only /etc/sftpjail/config.toml");
    undo(&sb);
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn options_change_no_configuration_that_somebody_has_edited_or_that_a_setup_relies_on() {
    let (sb, config) = packaged("sudo");
    sb.sh("sftpjail setup --yes");
    let out = sb.try_sh("sftpjail setup --yes --group customers").failed();
    assert!(out.stderr.contains("config.toml exists and has groups = [\"sftp\"]"), "{out}");
    undo(&sb);
    sb.write(CONFIG, config.replace("read-write", "read-only"));
    let out = sb.try_sh("sftpjail setup --yes --group customers").failed();
    assert!(out.stderr.contains("config.toml exists and has groups = [\"sftp\"]"), "{out}");
}

#[test]
fn undo_has_nothing_to_undo_where_only_the_package_was_installed() {
    let (sb, config) = packaged("sudo");
    let out = sb.sh("sftpjail setup --undo --yes");
    assert!(out.stdout.starts_with("Nothing to undo: "), "{out}");
    assert_eq!(sb.read_text(CONFIG), config);
    // One that somebody has edited says who is jailed.
    sb.write(CONFIG, config.replace("read-write", "read-only"));
    let out = sb.try_sh("sftpjail setup --undo --yes").failed();
    assert!(out.stdout.contains("config.toml: says who is jailed"), "{out}");
}

/// What both packages do before they are removed, with the program where they have it.
fn removes(sb: &Sandbox) -> Output {
    let script = include_str!("../../../../packaging/before-removal.sh");
    sb.write("/root/before-removal", format!("set -e\n{script}\nundo_setup\nrefuse_if_needed\n"));
    sb.sh("cp /usr/local/sbin/sftpjail /usr/sbin/sftpjail");
    sb.try_sh("sh /root/before-removal")
}

#[test]
fn a_removal_says_in_a_few_lines_what_has_become_of_members() {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    let out = removes(&sb).ok();
    let lines: Vec<_> = out.stdout.lines().collect();
    let [group, sshd, rsyslog, rest, members] = lines[..] else { panic!("{out}") };
    assert_eq!(group, "Note: the group sftp stays, because anna is in it.", "{out}");
    assert!(sshd.starts_with("sshd has been reloaded") && rsyslog.starts_with("Restart rsyslog"), "{out}");
    assert_eq!(rest, "Everything else is as it was before.");
    assert_eq!(members, "No longer jailed, with the shell /bin/sh: anna.");
    assert_eq!(out.stderr, "");
}

#[test]
fn a_removal_that_stops_says_what_to_do_first() {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    let live = sb.sftp_live("anna");
    let out = removes(&sb).failed();
    assert_eq!(out.stdout, "", "{out}");
    let [why, stays] = out.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{out}") };
    assert!(why.starts_with("sftpjail: a member is logged in: anna; "), "{out}");
    let what = "sftpjail stays installed, because its setup could not be undone, as said above. First undo it by hand: \
                sftpjail setup --undo";
    assert_eq!(stays, what);
    drop(live);
    // A service beside sshd names the module: nothing is undone for a removal that stops.
    sb.write("/etc/pam.d/ftp", "account required pam_sftpjail.so\n");
    let out = removes(&sb).failed();
    let what = "sftpjail stays installed, because other services of PAM call its module. First remove its lines in: \
                /etc/pam.d/ftp\n";
    assert_eq!(out.stderr, what);
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    // Without a journal.
    sb.sh("rm -r /etc/pam.d/ftp /var/lib/sftpjail");
    let out = removes(&sb).failed();
    let what = "sftpjail stays installed, because PAM calls its module. First remove sshd's Match block for jails, if it is \
                there, and reload sshd; then remove the module's lines in: /etc/pam.d/sshd\n";
    assert_eq!(out.stderr, what);
}
