//! Folders that root grants to one user: who gets them, until when, and what a file with a fault comes to.

mod keys;
mod refused;

use crate::common::jailed::{left_nothing, names, sees_only};
use crate::common::libpam::{answers, install_alone};
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_grant_adds_its_folder_to_the_jail_and_only_the_users_own_file_is_read,
    a_guest_has_the_granted_folders_only_and_is_refused_when_all_have_ended,
    a_grant_counts_from_its_networks_only_and_says_why_not,
    a_file_that_cannot_be_used_refuses_its_user_and_nobody_else,
    check_shows_each_grant_and_why_it_cannot_be_used,
    a_grant_that_is_taken_back_during_a_login_is_not_in_its_jail,
    the_record_says_which_grants_a_session_holds_and_until_when,
    a_grant_whose_place_was_moved_is_in_the_record_of_a_session_that_may_see_it,
    the_grants_of_ten_thousand_others_cost_a_login_nothing,
);

/// A member mle with a home, a guest felix without one, and joe, who is in no profile.
pub(crate) fn machine(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.group("sftp-guest");
    sb.sh("sed -i 's|^Match Group sftp$|Match Group sftp,sftp-guest|' /etc/ssh/sshd_config
           grep -q '^Match Group sftp,sftp-guest$' /etc/ssh/sshd_config
           install -d /etc/sftpjail/grants.d /srv/site; install -d -m 777 /srv/site/media; echo secret >/srv/site/config
           echo old >/srv/site/media/old");
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
         [[profile]]\nname = \"guest\"\ngroups = [\"sftp-guest\"]\nhome = \"none\"\n",
    );
    sb.user("mle").group("sftp").add();
    sb.user("felix").group("sftp-guest").add();
    sb.user("joe").add();
    sb.write("/tmp/letter", "a letter\n");
    sb
}

/// One grant, with further lines.
pub(crate) fn granted(folder: &str, more: &str) -> String {
    format!("[[grant]]\nfolder = \"{folder}\"\naccess = \"read-write\"\n{more}\n")
}

pub(crate) fn grant(sb: &Sandbox, user: &str, text: &str) {
    sb.write(format!("/etc/sftpjail/grants.d/{user}.toml"), text);
}

const ENDED: &str = "until = 2020-12-10T18:00:00+01:00";
const GOES_ON: &str = "until = 2099-12-10T18:00:00+01:00";

fn a_grant_adds_its_folder_to_the_jail_and_only_the_users_own_file_is_read(namespace: Namespace) {
    let sb = machine(namespace);
    sb.user("anna").group("sftp").add();
    sb.sh("install -d /srv/documents; echo read >/srv/documents/file; chmod 777 /srv/documents");
    let documents = "[[grant]]\nfolder = \"/srv/documents\"\nat = \"/docs\"\naccess = \"read-only\"\n";
    grant(&sb, "mle", &(granted("/srv/site/media", GOES_ON) + documents));
    // The file of another user, and what an editor leaves behind.
    grant(&sb, "anna", "not = TOML, of course");
    sb.write("/etc/sftpjail/grants.d/mle.toml~", "not = TOML");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "/"), ["dev", "docs", "etc", "home", "srv"]);
    assert_eq!(names(&mut live, "/srv/site"), ["media"]);
    assert!(live.send("put /tmp/letter /srv/site/media/letter").is_empty());
    assert_eq!(names(&mut live, "/docs"), ["file"]);
    assert!(!live.send("put /tmp/letter /docs/letter").is_empty());
    assert!(live.send("put /tmp/letter").is_empty(), "the home is there, too");
    assert_eq!(live.quit(), Some(0));
    sb.sh("test -e /srv/site/media/letter; test ! -e /srv/documents/letter");
    let refused = sb.sftp("anna", "pwd\n").failed();
    assert!(refused.stderr.contains("a problem on this server"), "{refused}");
    // Who is in no profile has no jail, and no grant.
    grant(&sb, "joe", "not = TOML");
    sb.ssh("joe", &["true"]).ok();
    let check = sb.try_sh("sftpjail check joe");
    assert_eq!(check.code, Some(3), "{check}");
    assert!(
        check
            .stdout
            .contains("! grant          joe is in no profile, so that /etc/sftpjail/grants.d/joe.toml"),
        "{check}"
    );
    // Without the file, the jail is as before.
    sb.sh("rm /etc/sftpjail/grants.d/mle.toml");
    let mut live = sb.sftp_live("mle");
    sees_only(&mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_guest_has_the_granted_folders_only_and_is_refused_when_all_have_ended(namespace: Namespace) {
    let sb = machine(namespace);
    let before = sb.mounts();
    let refused = |what: &str| {
        let out = sb.sftp("felix", "pwd\n").failed();
        assert!(out.stderr.contains(what), "{out}");
    };
    refused("no folder of this server is open to you now");
    sb.wait_for_log(
        "the profile guest has neither home nor volume for felix, and no grant: there is none; fix: ",
    );
    grant(&sb, "felix", &(granted("/srv/site/media", GOES_ON) + &granted("/srv/site", ENDED)));
    let mut live = sb.sftp_live("felix");
    assert_eq!(names(&mut live, "/"), ["dev", "etc", "srv"]);
    assert_eq!(names(&mut live, "/srv/site"), ["media"]);
    assert!(live.send("put /tmp/letter /srv/site/media/letter").is_empty());
    for secret in ["/srv/site/config", "/srv/site/media/../config", "/home/felix/.ssh/authorized_keys"] {
        assert!(!live.send(&format!("get {secret} /tmp/stolen")).is_empty(), "{secret}");
    }
    assert_eq!(live.quit(), Some(0));
    let earlier = "until = 2020-12-10T17:30:00Z";
    let both = granted("/srv/site", earlier) + &granted("/srv/site/media", ENDED);
    grant(&sb, "felix", &both);
    // The later of the two, in its own zone.
    refused("Your access ended on 2020-12-10 17:30. Please ask the administrator");
    let line = sb.wait_for_log("the last grant of felix ended on");
    assert!(line.contains("2020-12-10 17:30 (UTC), and the profile guest has neither home nor"), "{line}");
    // A member with a home still has that.
    grant(&sb, "mle", &both);
    let mut live = sb.sftp_live("mle");
    sees_only(&mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_grant_counts_from_its_networks_only_and_says_why_not(namespace: Namespace) {
    let sb = machine(namespace);
    let from =
        |network: &str| granted("/srv/site/media", &format!("from = [\"192.0.2.0/24\", \"{network}\"]"));
    grant(&sb, "felix", &from("127.0.0.0/8"));
    let mut live = sb.sftp_live("felix");
    assert_eq!(names(&mut live, "/srv/site/media"), ["old"]);
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    let elsewhere = from("2001:db8::/32");
    grant(&sb, "felix", &elsewhere);
    grant(&sb, "mle", &elsewhere);
    let out = sb.sftp("felix", "pwd\n").failed();
    assert!(out.stderr.contains("no folder of this server is open to you now"), "{out}");
    sb.wait_for_log(
        "no grant: /srv/site/media can be used from 192.0.2.0/24, 2001:db8::/32 only, and this login is from 127.0.0.1;",
    );
    let mut live = sb.sftp_live("mle");
    sees_only(&mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    // With UseDNS, sshd gives PAM a name.
    sb.sshd_with("UseDNS yes\n");
    grant(&sb, "felix", &from("127.0.0.1"));
    sb.sftp("felix", "pwd\n").failed();
    sb.wait_for_log("sshd gives the name localhost in place of the address of this login, as UseDNS says");
}

fn a_file_that_cannot_be_used_refuses_its_user_and_nobody_else(namespace: Namespace) {
    let sb = machine(namespace);
    sb.user("anna").group("sftp").add();
    let good = granted("/srv/site/media", "");
    grant(&sb, "anna", &good);
    let file = "/etc/sftpjail/grants.d/mle.toml";
    let before = sb.mounts();
    for (spoil, why) in [
        (format!("echo 'folders = 1' >>{file}"), "mle.toml: line 5: there is no key folders"),
        (format!(": >{file}"), "mle.toml: is empty, as a full disk leaves a file behind"),
        (format!("head -c 2000000 /dev/zero | tr '\\0' '#' >{file}"), "mle.toml: is larger than 1 MiB"),
        (format!("chown mle {file}"), "mle.toml: is not owned by root"),
        (format!("chmod g+w {file}"), "mle.toml: can be written by others than root"),
        (format!("mv {file} /root/mle.toml; ln -s /root/mle.toml {file}"), "mle.toml: is a symlink"),
        (format!("rm {file}; mkfifo {file}"), "mle.toml: is not a regular file"),
        (format!("rm {file}; mkdir {file}"), "mle.toml: is not a regular file"),
    ] {
        sb.sh(&format!("rm -rf {file}"));
        grant(&sb, "mle", &good);
        sb.sh(&spoil);
        let out = sb.sftp("mle", "pwd\n").failed();
        assert!(out.stderr.contains("a problem on this server"), "{spoil}: {out}");
        let line = sb.wait_for_log(why);
        assert!(
            line.contains("refused user mle") && line.contains("the grants of mle cannot be used: "),
            "{line}"
        );
        sb.sftp("anna", "ls /srv/site/media/old\n").ok();
        sb.ssh("joe", &["true"]).ok();
        let check = sb.try_sh("sftpjail check mle");
        assert_eq!(check.code, Some(1), "{check}");
        assert!(check.stdout.contains("✗ grant "), "{check}");
    }
    // Whoever can write the directory could put another user's file in the place of one.
    grant(&sb, "anna", &good);
    sb.sh(&format!("rm -rf {file}; chmod g+w /etc/sftpjail/grants.d"));
    for user in ["anna", "mle"] {
        sb.sftp(user, "pwd\n").failed();
    }
    sb.wait_for_log("/etc/sftpjail/grants.d: is not owned by root, or can be written by others than root");
    sb.ssh("joe", &["true"]).ok();
    left_nothing(&sb, &before);
}

fn check_shows_each_grant_and_why_it_cannot_be_used(namespace: Namespace) {
    let sb = machine(namespace);
    sb.name_in_drop_in("sftp,sftp-guest");
    sb.sh("install -d -m 777 /srv/a /srv/b /srv/c");
    let text = granted("/srv/site/media", &format!("at = \"/media\"\n{GOES_ON}\nnote = \"contract 4711\""))
        + &granted("/srv/a", ENDED)
        + &granted("/srv/b", "from = [\"192.0.2.0/24\"]")
        + &granted("/srv/gone", "from = [\"192.0.2.0/24\"]");
    grant(&sb, "felix", &text);
    let check = sb.try_sh("sftpjail check felix").stdout;
    let text = check.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "✓ grant /media from /srv/site/media, writable; until 2099-12-10 18:00 (UTC+01:00); \"contract 4711\"",
        "✓ grant /srv/a is not granted any more: that ended on 2020-12-10 18:00 (UTC+01:00)",
        "✓ grant /srv/b from /srv/b, writable; only from 192.0.2.0/24",
        "! grant the volume /srv/gone cannot be used: /srv/gone does not exist",
        "✓ rehearsal built",
        "/media ← a volume, writable",
    ] {
        assert!(text.contains(part), "{part}\n{check}");
    }
    // What has ended is why a guest cannot log in.
    grant(&sb, "felix", &granted("/srv/a", ENDED));
    let check = sb.try_sh("sftpjail check felix");
    assert_eq!(check.code, Some(1), "{check}");
    assert!(check.stdout.contains("✗ grant "), "{check}");
}

fn a_grant_that_is_taken_back_during_a_login_is_not_in_its_jail(namespace: Namespace) {
    let sb = machine(namespace);
    grant(&sb, "mle", &granted("/srv/site/media", GOES_ON));
    install_alone(&sb, "");
    // Another login of the user has the lock. This one has read the grant by then, and waits.
    let out = sb.sh("mkdir -m 700 /run/sftpjail /run/sftpjail/mle; mkfifo /tmp/end
         setsid flock /run/sftpjail/mle cat /tmp/end >/dev/null 2>&1 </dev/null &
         while flock -n /run/sftpjail/mle true; do sleep 0.02; done
         pam-driver --confdir /etc/alone mle open close & login=$!
         until readlink /proc/$login/fd/* | grep -qx /run/sftpjail/mle; do sleep 0.02; done
         rm /etc/sftpjail/grants.d/mle.toml; : >/tmp/end; wait $login");
    assert_eq!(answers(&out, "open"), ["0"], "{out}");
    let opened = sb.wait_for_log("session opened for user mle");
    assert!(opened.contains(" volumes=0 "), "{opened}");
    sb.wait_for_log("user mle waited ");
}

fn the_record_says_which_grants_a_session_holds_and_until_when(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("install -d -m 777 '/srv/with blank' /srv/b");
    let text = granted("/srv/site/media", GOES_ON)
        + &granted("/srv/with blank", "until = 2098-01-01T00:00:00Z")
        + &granted("/srv/b", "")
        + &granted("/srv/site", ENDED);
    grant(&sb, "felix", &text);
    let live = sb.sftp_live("felix");
    let record = sb.sh("cat /run/sftpjail/felix/*").stdout;
    for line in
        ["until = 4039372800\n", "grants = [\"/srv/site/media\", '\"/srv/with blank\"', \"/srv/b\"]\n"]
    {
        assert!(record.contains(line), "{record}");
    }
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    grant(&sb, "felix", &granted("/srv/b", ""));
    let _live = sb.sftp_live("felix");
    let record = sb.sh("cat /run/sftpjail/felix/*").stdout;
    assert!(!record.contains("until") && record.contains("grants = [\"/srv/b\"]"), "{record}");
}

/// A process elsewhere moves what is around the folder, so that the next session, which may share the jail, misses its
/// place.
fn a_grant_whose_place_was_moved_is_in_the_record_of_a_session_that_may_see_it(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("install -d -o mle /home/mle/a /home/mle/a/media");
    grant(&sb, "mle", &granted("/srv/site/media", &format!("at = \"/home/mle/a/media\"\n{GOES_ON}")));
    let mut first = sb.sftp_live("mle");
    assert!(!first.send("rename /home/mle/a /home/mle/b").is_empty());
    // Where the jail is mounted, no process can.
    sb.sh("unshare --mount sh -ec 'umount --lazy /jail || :; mv /home/mle/a /home/mle/b'");
    let mut second = sb.sftp_live("mle");
    let seen = match namespace {
        Namespace::Host => vec!["old"],
        Namespace::Private => vec![],
    };
    assert_eq!(names(&mut second, "/home/mle/b/media"), seen);
    sb.sh("test -z \"$(grep -L '^until = 4100605200$' /run/sftpjail/mle/*)\"
           test -z \"$(grep -L '^grants = ...srv/site/media' /run/sftpjail/mle/*)\"");
    assert_eq!((first.quit(), second.quit()), (Some(0), Some(0)));
}

fn the_grants_of_ten_thousand_others_cost_a_login_nothing(namespace: Namespace) {
    let sb = machine(namespace);
    grant(&sb, "mle", &granted("/srv/site/media", ""));
    install_alone(&sb, "");
    // How many system calls a login makes. The first of all makes the jail root.
    let calls = || {
        let out = sb.sh("pam-driver --confdir /etc/alone mle open close
                         strace -o /root/trace pam-driver --confdir /etc/alone mle account open close");
        assert_eq!(answers(&out, "open"), ["0", "0"], "{out}");
        sb.read_text("/root/trace").lines().count()
    };
    let alone = calls();
    sb.sh("cd /etc/sftpjail/grants.d; for n in $(seq 10000); do echo '[[grant]]' >user$n.toml; done");
    assert_eq!(calls(), alone);
}
