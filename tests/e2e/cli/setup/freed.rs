//! A group that is misspelt in the configuration does not end anybody's jail unsaid.

use super::{assert_same, etc};
use sandbox::Sandbox;

/// Members of sftp, jailed, and then a slip in the configuration.
fn misspelt() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.user("emil").group("sftp").add();
    sb.sh("sed -i 's/\\[\"sftp\"\\]/[\"sfpt\"]/' /etc/sftpjail/config.toml; grep -q sfpt /etc/sftpjail/config.toml");
    sb
}

#[test]
fn setup_shows_whose_jail_would_end_and_does_not_do_it_unasked() {
    let sb = misspelt();
    let before = etc(&sb);
    let told = "No longer jailed from now on: anna, emil: they get their shells.";
    let meant = "Note: there is no group sfpt yet; did you mean sftp?";
    let out = sb.sh("sftpjail setup --dry-run");
    assert!(out.stdout.contains(told) && out.stdout.contains(meant), "{out}");
    let out = sb.try_sh("sftpjail setup --yes");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(out.stdout.contains(told), "{out}");
    assert_eq!(
        out.stderr,
        "sftpjail: this would end the jail of anna, emil, who would get their shells; correct `groups` in \
         /etc/sftpjail/config.toml (did you mean sftp?), or use --force if that is meant\n"
    );
    assert_same(&before, &etc(&sb), &[]);
    sb.sshd();
    assert!(!sb.ssh("anna", &["id"]).failed().stdout.contains("uid="));
    // Who is asked is told, and may say no.
    sb.sh("sftpjail setup --yes --force; getent group sfpt; grep -q 'Match Group sfpt' /etc/ssh/sshd_config.d/00-sftpjail.conf");
}

#[test]
fn who_stays_in_a_group_of_a_profile_is_not_called_free() {
    let sb = misspelt();
    sb.sh("groupadd sfpt; gpasswd -a anna sfpt; gpasswd -a emil sfpt");
    let out = sb.sh("sftpjail setup --yes");
    assert!(!out.stdout.contains("No longer jailed") && !out.stdout.contains("did you mean"), "{out}");
}

#[test]
fn check_names_the_group_that_is_meant_and_advises_no_setup() {
    let sb = misspelt();
    let meant = "did you mean sftp? Then correct `groups` in the configuration";
    for command in ["sftpjail check --all", "sftpjail check anna"] {
        let out = sb.try_sh(command).stdout;
        assert!(out.contains("the group sfpt, which does not exist") && out.contains(meant), "{out}");
        assert!(!out.contains("→ sftpjail setup") && !out.contains("usermod -aG"), "{out}");
    }
}
