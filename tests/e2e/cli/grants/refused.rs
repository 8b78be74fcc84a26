//! What is not granted: the verb says why, as a login would, and writes nothing.

use super::{etc, json, site};
use crate::cli::check::sshd::running::{filtered, forbidding};
use crate::common::unanswered::take_and_never_answer;
use sandbox::{Namespace, Sandbox};
use std::time::{Duration, Instant};

/// The command ends with 1, says this, and changes nothing in /etc.
#[track_caller]
fn refuses(sb: &Sandbox, command: &str, why: &str) {
    let before = etc(sb);
    let out = sb.try_sh(&format!("sftpjail {command}"));
    assert!(out.code == Some(1) && out.stderr.contains(why), "{command}: {out}");
    assert_eq!(etc(sb), before, "{command}");
}

#[test]
fn a_folder_that_would_refuse_the_login_is_not_granted() {
    let sb = site(Namespace::Private);
    sb.sh("install -d -m 777 /srv/real /srv/a/b /jail/x; chmod 700 /jail; ln -s real /srv/link; mkfifo /srv/fifo
           sftpjail grant mle /srv/a --yes");
    for (words, why) in [
        ("/srv/link", "the volume /srv/link cannot be used: /srv/link is a symlink"),
        ("/srv/gone", "there is no folder /srv/gone to grant; correct its path, or make it, owned by mle"),
        ("/srv/fifo", "/srv/fifo is not a directory"),
        ("/etc/ssh", "the volume /etc/ssh would be in /etc"),
        ("/etc/ssh --at /keys", "the volume /keys cannot come from /etc/ssh: it is in the system"),
        ("/jail/x", "it overlaps the jail root"),
        ("/home", "the volume /home would hide the home /home/mle"),
        (
            "/srv/a/b",
            "the volume /srv/a/b overlaps the volume /srv/a; give one of the two a place outside of the \
             other, such as at = \"/media\" (grant --at /media)",
        ),
        ("/srv/real --at /srv/a", "the volume /srv/a overlaps the volume /srv/a"),
        (
            "/srv/a",
            "/srv/a is granted to mle already, in line 1 of /etc/sftpjail/grants.d/mle.toml; change its end",
        ),
        ("/srv/real --as root", "who is root or has root's group"),
        ("/srv/real --as nobody-there", "an account that does not exist"),
        ("media", "folder media is relative; give the absolute path"),
        ("/srv/real --from 192.0.2.1/24", "is one address of the network 192.0.2.0/24; write"),
        ("/srv/gone --read-only", "to grant; correct its path, or make it: install -d /srv/gone"),
        ("/srv/gone/deep --as joe --from 192.0.2.0/24", "or make it: install -d -o joe /srv/gone/deep"),
        (
            "/srv/real --key /srv/fifo",
            "/srv/fifo is not a regular file; give the file of the public key, such as felix.pub",
        ),
        ("/srv/real --key /srv/real", "/srv/real is not a regular file; give the file of the public key"),
        ("/srv/real --key SHA256:x", "is no fingerprint of SHA-256; write the"),
        (
            "/srv/real --key /root/felix.pub",
            "--key /root/felix.pub is neither a key nor a fingerprint, and no file",
        ),
        (
            "/srv/real --key /root/.ssh/id_ed25519",
            "there is no public key in /root/.ssh/id_ed25519; give the file whose name",
        ),
        ("/srv/real --note \"$(printf 'a\\nb')\"", "note has a line break or another control character"),
    ] {
        refuses(&sb, &format!("grant mle {words} --yes"), why);
        refuses(&sb, &format!("grant mle {words} --dry-run"), why);
    }
    // Nobody is there to ask.
    refuses(&sb, "grant mle /srv/real </dev/null", "there is no terminal to ask on; use --yes, or --dry-run");
}

#[test]
fn who_has_no_jail_is_granted_nothing_and_an_account_is_added_only_for_a_grant_that_holds() {
    let sb = site(Namespace::Private);
    sb.sh("install -d -m 777 /srv/real");
    refuses(
        &sb,
        "grant root /srv/real --yes",
        "root is root, who is never jailed and can use every folder; name another user",
    );
    refuses(
        &sb,
        "grant joe /srv/real --yes",
        "joe is in no profile, so is never jailed; to jail joe: usermod -aG",
    );
    refuses(&sb, "grant felxi /srv/real --yes", "there is no account felxi; did you mean felix?");
    refuses(&sb, "grant ruth /srv/real --yes", "there is no account ruth; use --create");
    refuses(&sb, "grant ../ruth /srv/real --create --yes", "the login name ../ruth contains a slash");
    refuses(
        &sb,
        "grant ruth /srv/gone --create --yes",
        "there is no folder /srv/gone to grant; correct its path, or make it, owned by ruth",
    );
    sb.sh("not getent passwd ruth");
    let out = sb.try_sh("sftpjail grant ruth /srv/gone --create --yes");
    assert!(out.stderr.contains("The account ruth is removed again"), "{out}");
    refuses(&sb, "extend felix --until 2w --yes", "nothing is granted to felix; see sftpjail grants");
    refuses(&sb, "revoke felix --all --yes", "nothing is granted to felix");
    for verb in ["grants felxi", "grants felxi --json", "extend felxi --until 2w --yes", "revoke felxi --yes"]
    {
        refuses(&sb, verb, "there is no account felxi; did you mean felix?");
    }
    assert_eq!(sb.sh("sftpjail grants felix").stdout, "Nothing is granted to felix.\n");
    // Where sshd knows nothing of the group, the folder would be the least of it.
    sb.sh("sed -i 's/^Match Group sftp,sftp-guest$/Match Group sftp/' /etc/ssh/sshd_config");
    for words in ["felix /srv/real", "ruth /srv/real --create"] {
        let why = format!(
            "sshd sends {} into no jail, so that all of this host would be open; run",
            words.split(' ').next().unwrap()
        );
        refuses(&sb, &format!("grant {words} --yes"), &why);
    }
    sb.sh("sed -i 's/^Match Group sftp$/Match Group sftp,sftp-guest/' /etc/ssh/sshd_config; not getent passwd ruth");
    sb.sh("sed -i '/^exempt_groups/d; 1i exempt_groups = [\"admins\"]' /etc/sftpjail/config.toml; groupadd admins
           usermod -aG admins felix");
    refuses(
        &sb,
        "grant felix /srv/real --yes",
        "felix is in a group of exempt_groups, so is never jailed, and sees the whole host",
    );
    sb.sh("gpasswd -d felix admins; groupmod -n gone sftp-guest");
    refuses(
        &sb,
        "grant ruth /srv/real --create --yes",
        "no group of the profile guest exists; run `sftpjail setup`",
    );
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n");
    refuses(
        &sb,
        "grant ruth /srv/real --create --yes",
        "no profile for guests, who see what is granted to them and nothing else; let /etc/sftpjail/config.toml have the",
    );
    let out = sb.try_sh("runuser -u joe -- sftpjail grant joe /srv/real --yes");
    assert!(
        out.code == Some(2) && out.stderr.contains("only root can read and change what is granted"),
        "{out}"
    );
}

#[test]
fn a_grant_of_an_account_that_is_gone_says_so_and_how_to_remove_it() {
    let sb = site(Namespace::Private);
    // Of the same letters: it is not meant.
    sb.user("felxi").add();
    sb.sh("sftpjail grant felix /srv/www/staging/media --yes; userdel felix");
    let why = "there is no account felix any more; add it again, or remove what is granted to it: sftpjail revoke felix \
               --all\n";
    for verb in ["grants", "grants felix"] {
        let out = sb.try_sh(&format!("sftpjail {verb}"));
        let said = format!("\n! felix cannot use /srv/www/staging/media: {why}");
        assert!(out.code == Some(1) && out.stdout.ends_with(&said), "{out}");
    }
    refuses(&sb, "extend felix --until 2w --yes", why.trim_end());
    sb.sh("sftpjail revoke felix --all --yes; not test -e /etc/sftpjail/grants.d/felix.toml");
}

#[test]
fn a_file_that_cannot_be_used_is_named_and_left_as_it_is() {
    let sb = site(Namespace::Private);
    let file = "/etc/sftpjail/grants.d/mle.toml";
    sb.sh("sftpjail grant felix /srv/www/staging/media --yes; sftpjail grant mle /srv/www --yes");
    for (spoil, why) in [
        (format!("echo 'folders = 1' >>{file}"), "mle.toml: line 5: there is no key folders"),
        (format!(": >{file}"), "mle.toml: is empty"),
        (format!("chown mle {file}"), "mle.toml: is not owned by root"),
        (format!("chmod g+w {file}"), "mle.toml: can be written by others than root"),
        (format!("mv {file} /root/mle.toml; ln -s /root/mle.toml {file}"), "mle.toml: is a symlink"),
        (format!("rm {file}; mkfifo {file}"), "mle.toml: is not a regular file"),
    ] {
        sb.sh(&format!("cp -a {file} /root/good; {spoil}"));
        for verb in ["grant mle /srv/site/media --yes", "extend mle --until 2w --yes", "revoke mle --yes"] {
            refuses(&sb, verb, why);
        }
        // It hides no other.
        let listed = json(&sb, "sftpjail grants --json");
        assert_eq!(listed["grants"].as_array().map(Vec::len), Some(1), "{listed}");
        assert!(listed["problems"][0].as_str().is_some_and(|problem| problem.contains(why)), "{listed}");
        assert_eq!(sb.try_sh("sftpjail grants").code, Some(1));
        sb.sh(&format!("rm {file}; mv /root/good {file}"));
    }
    sb.sh("touch /etc/sftpjail/grants.d/README");
    let out = sb.try_sh("sftpjail grants");
    assert!(
        out.code == Some(1) && out.stdout.contains("no login reads /etc/sftpjail/grants.d/README"),
        "{out}"
    );
    // A folder that has gone since.
    sb.sh("rm /etc/sftpjail/grants.d/README; mv /srv/www/staging/media /srv/www/staging/other");
    let out = sb.try_sh("sftpjail grants felix");
    assert!(
        out.code == Some(1) && out.stdout.contains("! felix cannot use /srv/www/staging/media: "),
        "{out}"
    );
}

#[test]
fn a_directory_that_cannot_be_used_is_said_and_so_is_a_session_that_goes_on() {
    let sb = site(Namespace::Private);
    let file = "/etc/sftpjail/grants.d/felix.toml";
    sb.sh("sftpjail grant felix /srv/www/staging/media --yes");
    let goes_on = "A live session of felix goes on with what was granted: end it with `sftpjail kick felix`";
    let live = sb.sftp_live("felix");
    // Whatever became of the file, root learns that the folder is still in use.
    for (script, why) in
        [("echo x >>", "key with no value"), ("rm", "nothing is granted to felix; see sftpjail grants")]
    {
        sb.sh(&format!("{script} {file}"));
        let out = sb.try_sh("sftpjail revoke felix --all --yes");
        assert!(out.code == Some(1) && out.stderr.contains(why) && out.stderr.contains(goes_on), "{out}");
    }
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    let out = sb.try_sh("sftpjail revoke felix --all --yes");
    assert!(out.code == Some(1) && !out.stderr.contains(goes_on), "{out}");
    // A login of any member is refused then, so it is no answer that nothing is granted.
    for (script, why) in [
        ("rmdir grants.d; ln -s /root grants.d", "/etc/sftpjail/grants.d: is not a directory"),
        ("rm grants.d; install -d -o joe grants.d", "/etc/sftpjail/grants.d: is not owned by root"),
    ] {
        sb.sh(&format!("cd /etc/sftpjail; {script}"));
        let out = sb.try_sh("sftpjail grants");
        assert!(out.code == Some(1) && out.stdout.contains(why), "{script}: {out}");
        assert!(!out.stdout.contains("Nothing is granted"), "{script}: {out}");
        sb.sftp("felix", "pwd\n").failed();
    }
}

#[test]
fn a_folder_that_never_answers_keeps_nobody_from_what_is_granted_to_others() {
    let sb = site(Namespace::Private);
    sb.sh("install -d -m 777 /srv/a; sftpjail grant mle /srv/a --yes
           sftpjail grant felix /srv/www/staging/media --as web --until 2099-12-10 --note slow --yes");
    // web may mount filesystems of its own where it may write, with fusermount.
    take_and_never_answer(&sb, "web", "/srv/www/staging/media");
    let found = json(&sb, "timeout 40 sftpjail grants --json");
    let of = |n: usize, key: &str| found["grants"][n][key].as_str().unwrap_or_default().to_owned();
    assert_eq!([of(0, "user"), of(0, "state"), of(0, "note")], ["felix", "unknown", "slow"], "{found}");
    assert!(of(0, "until").starts_with("2099-12-1"), "{found}");
    let why = of(0, "why");
    assert!(
        why.contains("does not answer; make the filesystems of the home and the volumes answer"),
        "{why}"
    );
    assert_eq!([of(1, "user"), of(1, "state"), of(1, "folder")], ["mle", "usable", "/srv/a"], "{found}");
    let out = sb.try_sh("timeout 40 sftpjail grants felix");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(out.stdout.contains("! whether felix can use /srv/www/staging/media is unknown: "), "{out}");
    // Nor does it keep whoever grants or extends.
    for command in ["extend felix --until 2098-12-10 --yes", "grant felix /srv/www/staging/media/deep --yes"]
    {
        let begun = Instant::now();
        let out = sb.try_sh(&format!("timeout 40 sftpjail {command} 9>&1"));
        assert!(out.code == Some(1) && out.stderr.contains("does not answer"), "{command}: {out}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{command}: {:?}", begun.elapsed());
    }
    // What must be possible at once asks no filesystem.
    sb.sh("timeout 10 sftpjail revoke felix --yes");
}

/// A filter answers for the kernel. ctrl-C in the middle would leave half of the change.
#[test]
fn nothing_is_changed_where_ctrl_c_cannot_be_held_off() {
    const SIGPROCMASK: i64 = if cfg!(target_arch = "x86_64") { 14 } else { 135 };
    let sb = site(Namespace::Private);
    let script = format!("#!/bin/sh\n{}\n", filtered(&forbidding(SIGPROCMASK, 0x0005_0001)));
    sb.write_mode("/root/filtered", script, 0o755);
    // That service of NSS ends a process that cannot block signals.
    sb.sh("mkdir -p /srv/real; sftpjail grant mle /srv/real --yes; sed -i 's/ systemd//' /etc/nsswitch.conf");
    let before = etc(&sb);
    for (command, code, why) in [
        ("revoke mle --yes", 1, "nothing was changed, since ctrl-C could not be held off meanwhile"),
        ("audit --follow mle", 2, "--follow cannot wait for ctrl-C"),
    ] {
        let out = sb.try_sh(&format!("/root/filtered sftpjail {command}"));
        let said = format!("{why}: Operation not permitted");
        assert!(out.code == Some(code) && out.stderr.contains(&said), "{command}: {out}");
    }
    assert_eq!(etc(&sb), before);
}
