//! Every kind of member.

use super::{left_nothing, machine, probe, sound, state};
use sandbox::Sandbox;

fn configure(sb: &Sandbox, text: &str) {
    sb.sh("mkdir -p /etc/sftpjail");
    sb.write("/etc/sftpjail/config.toml", text);
}

#[test]
fn a_locked_account_without_shell_and_keys_is_probed() {
    let sb = machine();
    sb.user("locked").group("sftp").shell("/usr/sbin/nologin").key(false).add();
    assert!(sb.sh("grep ^locked: /etc/shadow").stdout.starts_with("locked:!"));
    let before = state(&sb);
    sound(&sb, "locked");
    left_nothing(&sb, &before, "the probe");
    sb.sh("test ! -e /home/locked/.ssh");
}

#[test]
fn the_users_own_keys_are_not_touched() {
    let sb = machine();
    let keys = "stat -c '%n %i %y %z %s' /home/mle/.ssh /home/mle/.ssh/*; cat /home/mle/.ssh/*";
    let before = sb.sh(keys).stdout;
    sound(&sb, "mle");
    assert_eq!(sb.sh(keys).stdout, before);
}

#[test]
fn an_upload_portal_is_written_where_its_volume_is() {
    let sb = machine();
    let portal = crate::readme::block("name   = \"upload-portal\"");
    configure(&sb, portal);
    sb.sh("sed -i 's/Match Group sftp/Match Group sftp,sftp-only/' /etc/ssh/sshd_config; mkdir -p /srv/sftp");
    sb.user("jack")
        .primary("sftp-only")
        .home("/upload/jack")
        .make_home(false)
        .shell("/usr/sbin/nologin")
        .add();
    for _ in 0..2 {
        let out = sound(&sb, "jack");
        assert!(out.contains("✓ pwd            /\n"), "{out}");
        assert!(out.contains("✓ ls /           dev, etc, uploads and nothing else\n"), "{out}");
        assert!(out.contains("✓ write /uploads a file is written, read and removed\n"), "{out}");
    }
    assert_eq!(sb.sh("ls -A /srv/sftp/jack").stdout, "");
    sb.sh("chmod 550 /srv/sftp/jack");
    let out = probe(&sb, "jack", 1);
    assert!(out.contains("✗ write /uploads cannot be written: remote mkdir "), "{out}");
}

#[test]
fn volumes_with_odd_names_are_written_and_read_only_ones_are_not() {
    let sb = machine();
    sb.sh("install -d -o mle /srv/one /srv/two");
    configure(
        &sb,
        "[[profile]]\nname = \"odd\"\ngroups = [\"sftp\"]\nnames = false\nlocaltime = false\nlog = false\n\
         [[profile.volume]]\nsource = \"/srv/one\"\ntarget = \"/up \\\"lo'ads\\\\ *?[a]\"\n\
         [[profile.volume]]\nsource = \"/srv/two\"\ntarget = \"/home/two\"\nread_only = true\n",
    );
    let out = sound(&sb, "mle");
    assert_eq!(out.matches("a file is written, read and removed").count(), 2, "{out}");
    assert!(out.contains("✓ write /home/two refused, as the profile says read-only\n"), "{out}");
    assert!(out.contains("✓ cd ..          mle, two and nothing else\n"), "{out}");
    assert!(out.contains("✓ /etc/passwd    there is none\n"), "{out}");
    assert!(out.contains("has the session; the profile has no log of what users do\n"), "{out}");
    assert_eq!(sb.sh("ls -A /srv/one /srv/two").stdout, "/srv/one:\n\n/srv/two:\n");
}

#[test]
fn in_a_read_only_home_nothing_can_be_written_and_that_is_right() {
    let sb = machine();
    configure(&sb, "[[profile]]\nname = \"ro\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n");
    let before = state(&sb);
    let out = sound(&sb, "mle");
    assert!(out.contains("✓ write /home/mle refused, as the profile says read-only\n"), "{out}");
    assert!(out.contains("✓ scp            works, over SFTP\n"), "{out}");
    left_nothing(&sb, &before, "the probe");
    // As the profile says, and as sshd does not.
    sb.sh("sed -i 's/ChrootDirectory .*/ChrootDirectory none/' /etc/ssh/sshd_config");
    let out = probe(&sb, "mle", 1);
    assert!(out.contains("✗ write /home/mle can be written, though the profile says read-only\n"), "{out}");
    assert_eq!(sb.sh("ls -A /home/mle").stdout, ".ssh\n");
}

#[test]
fn in_both_namespaces_beside_a_session_that_goes_on() {
    for namespace in ["private", "host"] {
        let sb = machine();
        configure(&sb, &format!("namespace = \"{namespace}\"\n"));
        sb.sftp("mle", "pwd\n").ok();
        let out = sound(&sb, "mle");
        assert!(out.contains(&format!("built the jail: profile home, namespace {namespace}\n")), "{out}");
        assert_eq!(sb.sh("ls -A /jail /run/sftpjail").stdout, "/jail:\n\n/run/sftpjail:\n");

        let mut live = sb.sftp_live("mle");
        let before = state(&sb);
        sound(&sb, "mle");
        left_nothing(&sb, &before, "the probe");
        assert_eq!(live.send("pwd"), ["Remote working directory: /home/mle"]);
    }
}

#[test]
fn where_no_more_sessions_are_allowed_there_is_no_probe() {
    let sb = machine();
    configure(&sb, "[[profile]]\nname = \"one\"\ngroups = [\"sftp\"]\nmax_sessions = 1\n");
    sound(&sb, "mle");
    let live = sb.sftp_live("mle");
    let log = sb.log();
    let out = probe(&sb, "mle", 2);
    assert!(out.contains("! probe          mle has 1 sessions already, and the profile allows 1\n"), "{out}");
    assert_eq!(sb.log(), log, "nobody logged in");
    live.quit();
}

#[test]
fn odd_names_and_homes_are_probed() {
    let sb = machine();
    sb.user("corp\\anna").home("/home/a  \"b\"/c'd $(x) é").group("sftp").raw().add();
    sb.user("Großer.Name").home("//home/./g//").group("sftp").raw().add();
    for (user, home) in [("corp\\anna", r#""/home/a  \"b\"/c'd $(x) é""#), ("Großer.Name", "/home/g")] {
        let out = probe(&sb, user, 0);
        assert!(out.contains(&format!("✓ pwd            {home}\n")), "{out}");
    }
    sb.ignore_case_of_names();
    assert!(probe(&sb, "MLE", 0).contains("✓ pwd            /home/mle\n"));
    let out = probe(&sb, "m\x1b[2Jle\nUser root", 2);
    assert!(out.contains(r#"there is no user "m\x1b[2Jle\x0aUser root""#), "{out}");
}
