//! A group that is misspelt in the configuration ends nobody's jail without a warning.

use super::{assert_same, etc};
use sandbox::Sandbox;

/// A machine with jailed members of sftp, and then a misspelt group in the configuration.
fn misspelt() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.user("emil").group("sftp").add();
    sb.sh("sed -i 's/\\[\"sftp\"\\]/[\"sfpt\"]/' /etc/sftpjail/config.toml; grep -q sfpt /etc/sftpjail/config.toml");
    sb
}

#[test]
fn setup_reports_who_would_no_longer_be_jailed_and_yes_alone_refuses() {
    let sb = misspelt();
    let before = etc(&sb);
    let report = "Users who will no longer be jailed and get their shells: anna, emil.";
    let suggestion = "Note: there is no group sfpt yet; did you mean sftp?";
    let out = sb.try_sh("sftpjail setup --dry-run");
    assert_eq!(out.code, Some(3), "{out}");
    assert!(out.stdout.contains(report) && out.stdout.contains(suggestion), "{out}");
    let stop = "With --yes, setup would stop here: these users would no longer be jailed";
    assert!(out.stdout.contains(stop), "{out}");
    let out = sb.try_sh("sftpjail setup --yes");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(out.stdout.contains(report), "{out}");
    assert_eq!(
        out.stderr,
        "sftpjail: these users would no longer be jailed and get their shells: anna, emil; correct `groups` in \
         /etc/sftpjail/config.toml (did you mean sftp?), or use --force if that is meant\n"
    );
    assert_same(&before, &etc(&sb), &[]);
    sb.sshd();
    assert!(!sb.ssh("anna", &["id"]).failed().stdout.contains("uid="));
    // --force says that this is meant.
    sb.sh("sftpjail setup --yes --force; getent group sfpt; grep -q 'Match Group sfpt' /etc/ssh/sshd_config.d/00-sftpjail.conf");
}

#[test]
fn members_of_another_group_of_a_profile_stay_jailed_and_are_not_reported() {
    let sb = misspelt();
    sb.sh("groupadd sfpt; gpasswd -a anna sfpt; gpasswd -a emil sfpt");
    let out = sb.sh("sftpjail setup --yes");
    assert!(!out.stdout.contains("no longer be jailed") && !out.stdout.contains("did you mean"), "{out}");
}

#[test]
fn check_suggests_the_group_that_is_meant_and_no_setup() {
    let sb = misspelt();
    let suggestion = "did you mean sftp? Then correct `groups` in the configuration";
    for command in ["sftpjail check --all", "sftpjail check anna"] {
        let out = sb.try_sh(command).stdout;
        assert!(out.contains("the group sfpt, which does not exist") && out.contains(suggestion), "{out}");
        assert!(!out.contains("→ sftpjail setup") && !out.contains("usermod -aG"), "{out}");
    }
}
