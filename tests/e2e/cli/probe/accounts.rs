//! `sftpjail probe` of every kind of member, profile and home.

use super::{all_ok, left_nothing, machine, probe, state};
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
    all_ok(&sb, "locked");
    left_nothing(&sb, &before, "the probe");
    sb.sh("test ! -e /home/locked/.ssh");
}

#[test]
fn the_users_own_keys_are_not_touched() {
    let sb = machine();
    let keys = "stat -c '%n %i %y %z %s' /home/mle/.ssh /home/mle/.ssh/*; cat /home/mle/.ssh/*";
    let before = sb.sh(keys).stdout;
    all_ok(&sb, "mle");
    assert_eq!(sb.sh(keys).stdout, before);
}

#[test]
fn the_volume_of_an_upload_portal_is_written() {
    let sb = machine();
    let portal = crate::common::config::upload_portal();
    configure(&sb, portal);
    sb.sh("sed -i 's/Match Group sftp/Match Group sftp,sftp-only/' /etc/ssh/sshd_config; mkdir -p /srv/sftp");
    sb.user("jack")
        .primary("sftp-only")
        .home("/upload/jack")
        .make_home(false)
        .shell("/usr/sbin/nologin")
        .add();
    for _ in 0..2 {
        let out = all_ok(&sb, "jack");
        assert!(out.contains("✓ pwd            /\n"), "{out}");
        assert!(out.contains("✓ ls /           dev, etc, uploads and nothing else\n"), "{out}");
        assert!(out.contains("✓ write          /uploads: a file is written, read and removed\n"), "{out}");
    }
    assert_eq!(sb.sh("ls -A /srv/sftp/jack").stdout, "");
    sb.sh("chmod 550 /srv/sftp/jack");
    let out = probe(&sb, "jack", 1);
    assert!(out.contains("✗ write          /uploads: cannot be written: remote mkdir "), "{out}");
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
    let out = all_ok(&sb, "mle");
    assert_eq!(out.matches("a file is written, read and removed").count(), 2, "{out}");
    assert!(out.contains("✓ write          /home/two: refused, as the profile says read-only\n"), "{out}");
    assert!(out.contains("✓ cd ..          mle, two and nothing else\n"), "{out}");
    assert!(out.contains("✓ /etc/passwd    there is none\n"), "{out}");
    assert!(out.contains("has the session; the profile says log = false\n"), "{out}");
    assert_eq!(sb.sh("ls -A /srv/one /srv/two").stdout, "/srv/one:\n\n/srv/two:\n");
}

#[test]
fn a_user_whose_grants_need_a_key_or_an_address_is_not_said_to_be_kept_out() {
    let sb = machine();
    configure(&sb, "[[profile]]\nname = \"guest\"\ngroups = [\"sftp\"]\nhome = \"none\"\n");
    let key = format!("SHA256:{}", "A".repeat(43));
    for term in [format!("key = {key:?}"), "from = [\"192.0.2.0/24\"]".into()] {
        sb.sh("mkdir -p /etc/sftpjail/grants.d /srv/media");
        sb.write(
            "/etc/sftpjail/grants.d/mle.toml",
            format!("[[grant]]\nfolder = \"/srv/media\"\naccess = \"read-only\"\n{term}\n"),
        );
        let out = probe(&sb, "mle", 2);
        let why = "! probe          the probe has neither the user's key nor an address: ";
        assert!(out.contains(why) && out.contains("→ sftpjail check mle\n"), "{out}");
        assert!(!out.contains("cannot log in"), "{out}");
    }
    sb.write("/etc/sftpjail/grants.d/mle.toml", "");
    let out = probe(&sb, "mle", 1);
    assert!(out.contains("mle cannot log in"), "{out}");
}

#[test]
fn a_read_only_home_that_cannot_be_written_is_ok() {
    let sb = machine();
    configure(&sb, "[[profile]]\nname = \"ro\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n");
    let before = state(&sb);
    let out = all_ok(&sb, "mle");
    assert!(out.contains("✓ write          /home/mle: refused, as the profile says read-only\n"), "{out}");
    assert!(out.contains("✓ scp            works, over SFTP\n"), "{out}");
    left_nothing(&sb, &before, "the probe");
    // The profile says read-only, but without the chroot the home can be written.
    sb.sh("sed -i 's/ChrootDirectory .*/ChrootDirectory none/' /etc/ssh/sshd_config");
    let out = probe(&sb, "mle", 1);
    assert!(
        out.contains("✗ write          /home/mle: can be written, though the profile says read-only\n"),
        "{out}"
    );
    assert_eq!(sb.sh("ls -A /home/mle").stdout, ".ssh\n");
}

#[test]
fn both_namespaces_are_probed_beside_a_live_session() {
    for namespace in ["private", "host"] {
        let sb = machine();
        configure(&sb, &format!("namespace = \"{namespace}\"\n"));
        sb.sftp("mle", "pwd\n").ok();
        let out = all_ok(&sb, "mle");
        assert!(out.contains(&format!("built the jail: profile home, namespace {namespace}\n")), "{out}");
        assert_eq!(sb.sh("ls -A /jail /run/sftpjail").stdout, "/jail:\n\n/run/sftpjail:\n");

        let mut live = sb.sftp_live("mle");
        let before = state(&sb);
        all_ok(&sb, "mle");
        left_nothing(&sb, &before, "the probe");
        assert_eq!(live.send("pwd"), ["Remote working directory: /home/mle"]);
    }
}

#[test]
fn at_the_limit_of_sessions_there_is_no_probe() {
    let sb = machine();
    configure(&sb, "[[profile]]\nname = \"one\"\ngroups = [\"sftp\"]\nmax_sessions = 1\n");
    all_ok(&sb, "mle");
    let live = sb.sftp_live("mle");
    let logins = sb.log_lines("Accepted publickey").len();
    let out = probe(&sb, "mle", 2);
    assert!(out.contains("! probe          mle has 1 of the 1 sessions that the profile allows\n"), "{out}");
    assert_eq!(sb.log_lines("Accepted publickey").len(), logins, "no login was tried");
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

#[test]
fn the_callers_environment_and_the_clients_configuration_do_not_matter() {
    let sb = machine();
    sb.sh("mkdir /root/evil; for f in ssh sshd sftp sh ssh-keygen cat env; do \
           printf '#!/bin/sh\\ntouch /root/evil/done\\n' >/root/evil/$f; chmod 755 /root/evil/$f; done");
    for file in ["/root/.ssh/config", "/etc/ssh/ssh_config"] {
        let evil = "Match all\n    ProxyCommand /root/evil/ssh\n    PermitLocalCommand yes\n    LocalCommand /root/evil/ssh\n";
        sb.write(file, evil);
    }
    let before = state(&sb);
    let out = sb.sh("umask 077; cd /home/mle; ulimit -c 0; trap '' HUP PIPE; export SSH_AUTH_SOCK=/root/evil/agent \
                     LC_ALL=xx HOME=/root/evil TMPDIR=/home/mle SHELL=/root/evil/sh ENV=/root/evil/sh BASH_ENV=/root/evil/sh \
                     LD_LIBRARY_PATH=/root/evil SSH_ASKPASS=/root/evil/ssh; \
                     PATH=/root/evil /usr/local/sbin/sftpjail probe mle");
    assert!(out.stdout.ends_with("mle is jailed and can log in.\n"), "{out}");
    left_nothing(&sb, &before, "the probe");
    sb.sh("test ! -e /root/evil/done");
}

#[test]
fn a_user_who_makes_the_probes_file_grow_fills_no_disk() {
    let sb = machine();
    // As long as the probe's file exists, the user makes it larger than /run.
    let mut user = sb
        .command("setpriv")
        .args(["--reuid", "mle", "--regid", "mle", "--clear-groups", "sh", "-c"])
        .arg("cd /home/mle; while :; do for d in .sftpjail-probe-*; do test -e $d/sftp && truncate -c -s 1T $d/sftp && : >hit; done; done")
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("sandbox-enter runs");
    let mut hits = 0;
    for _ in 0..10 {
        let out = sb.try_sh("sftpjail probe mle").stdout;
        assert!(!out.contains("no answer within"), "{out}");
        sb.sh("test ! -e /run/sftpjail-probe");
        hits += sb.try_sh("rm /home/mle/hit").code.map_or(0, |code| i32::from(code == 0));
        // The user keeps a processor busy.
        if hits == 3 {
            break;
        }
    }
    sandbox::end(&mut user);
    assert!(hits > 0);
    assert_eq!(sb.sh("ls -A /home/mle | grep -v -e .ssh -e hit || true").stdout, "");
}
