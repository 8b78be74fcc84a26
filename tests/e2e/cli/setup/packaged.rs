//! Setup, and undo, on a machine where a package has installed the configuration.

use super::{HOME, assert_same, etc, undo};
use sandbox::Sandbox;

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
