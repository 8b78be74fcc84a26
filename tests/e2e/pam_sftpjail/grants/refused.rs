//! Folders that no grant may give, and grants that would give more than the profile.

use super::{grant, granted, machine};
use crate::common::jailed::{left_nothing, names};
use crate::common::libpam::{answers, install_alone};
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_folder_that_no_jail_may_show_is_refused,
    a_grant_makes_nothing_writable_that_the_profile_has_read_only,
    a_grant_makes_nothing_writable_that_the_first_login_makes_read_only,
    a_grant_for_another_key_refuses_no_login,
    a_guarded_name_cannot_be_granted,
    a_folder_that_its_users_have_removed_is_left_out,
    a_folder_swapped_during_logins_never_shows_another,
);

/// The login of `user` is refused, and the log says why.
#[track_caller]
fn refuses(sb: &Sandbox, user: &str, text: &str, why: &str) {
    grant(sb, user, text);
    sb.sftp(user, "pwd\n").failed();
    let line = sb.wait_for_log(why);
    assert!(line.contains(&format!("refused user {user} ")), "{line}");
}

fn a_folder_that_no_jail_may_show_is_refused(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("install -d -m 777 /srv/real /srv/a/b /jail/x; ln -s real /srv/link; touch /srv/file; mkfifo /srv/fifo
           install -d -o joe /srv/of-joe; ln -s /srv/site /srv/of-joe/link; chmod 700 /jail");
    let before = sb.mounts();
    for (text, why) in [
        (granted("/srv/link", ""), "the volume /srv/link cannot be used: /srv/link is a symlink"),
        (granted("/srv/gone", ""), "the volume /srv/gone cannot be used: /srv/gone does not exist"),
        (granted("/srv/file", ""), "/srv/file is not a directory"),
        (granted("/srv/fifo", ""), "/srv/fifo is not a directory"),
        (granted("/etc/ssh", ""), "the volume /etc/ssh would be in /etc"),
        (
            granted("/etc/ssh", "at = \"/keys\""),
            "the volume /keys cannot come from /etc/ssh: it is in the system",
        ),
        (granted("/proc/1/root", "at = \"/x\""), "the volume /x cannot come from /proc/1/root"),
        (granted("/jail/x", ""), "the volume /jail/x cannot come from /jail/x: it overlaps the jail root"),
        (granted("/home", ""), "the volume /home would hide the home /home/mle"),
        (granted("/home/mle", ""), "the volume /home/mle would hide the home /home/mle"),
        (
            granted("/srv/a", "") + &granted("/srv/a/b", ""),
            "the volume /srv/a/b overlaps the volume /srv/a; fix: give one of the two a place",
        ),
        (
            granted("/srv/a", "at = \"/x\"") + &granted("/srv/real", "at = \"/x\""),
            "the volume /x overlaps the volume /x",
        ),
    ] {
        refuses(&sb, "mle", &text, why);
    }
    // A link that a user has made leads nowhere: the folder is left out, and there is nothing else.
    grant(&sb, "felix", &granted("/srv/of-joe/link/media", "at = \"/media\""));
    sb.sftp("felix", "ls /media\n").failed();
    // Nested folders at places of their own are no fault.
    grant(&sb, "mle", &(granted("/srv/a", "at = \"/x\"") + &granted("/srv/a/b", "at = \"/y\"")));
    let mut live = sb.sftp_live("mle");
    assert_eq!((names(&mut live, "/x"), names(&mut live, "/y")), (vec!["b".to_owned()], vec![]));
    assert_eq!(live.quit(), Some(0));
    sb.sh("rmdir /jail/x");
    left_nothing(&sb, &before);
}

fn a_grant_makes_nothing_writable_that_the_profile_has_read_only(namespace: Namespace) {
    let sb = machine(namespace);
    sb.configure(
        "[[profile]]\nname = \"docs\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n\
         [[profile.volume]]\nsource = \"/srv/site\"\ntarget = \"/site\"\nread_only = true\n",
    );
    sb.sh("install -d -o mle -g mle /home/mle/inside; install -d -m 777 /srv/other /mnt/alias /mnt/home /mnt/above
           mount --bind /srv/site/media /mnt/alias; mount --bind /home/mle /mnt/home; mount --bind /srv /mnt/above");
    let before = sb.mounts();
    let site = "would make writable what the profile has read-only at /site";
    let home = "would make writable what the profile has read-only at /home/mle";
    for (folder, why) in [
        ("/srv/site", site),
        ("/srv/site/media", site),
        ("/srv", site),
        ("/mnt/alias", site),
        ("/mnt/above", site),
        ("/mnt", home),
        ("/home/mle", home),
        ("/home/mle/inside", home),
        ("/home", home),
        ("/mnt/home", home),
        ("/mnt/home/inside", home),
    ] {
        let at = format!("at = \"/work{}\"", folder.replace('/', "-"));
        refuses(
            &sb,
            "mle",
            &granted(folder, &at),
            &format!("the volume /work{} {why}", folder.replace('/', "-")),
        );
        // To read it is allowed.
        grant(&sb, "mle", &granted(folder, &at).replace("read-write", "read-only"));
        let mut live = sb.sftp_live("mle");
        assert!(!live.send(&format!("put /tmp/letter /work{}/letter", folder.replace('/', "-"))).is_empty());
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
    }
    grant(&sb, "mle", &granted("/srv/other", ""));
    let mut live = sb.sftp_live("mle");
    assert!(live.send("put /tmp/letter /srv/other/letter").is_empty());
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

/// A source that is closed counts as one that is half-made.
fn a_grant_makes_nothing_writable_that_the_first_login_makes_read_only(namespace: Namespace) {
    let sb = machine(namespace);
    sb.configure(
        "[[profile]]\nname = \"docs\"\ngroups = [\"sftp\"]\nhome = \"none\"\n\
         [[profile.volume]]\nsource = \"/srv/above/made\"\ntarget = \"/made\"\nread_only = true\n\
         create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }\n",
    );
    let closed = "install -d -o mle -m 0 /srv/above/made; touch /srv/above/made/file";
    for (make, folder) in
        [("", "/srv/above"), ("", "/srv"), (closed, "/srv/above"), (closed, "/srv/above/made")]
    {
        sb.sh(&format!("rm -rf /srv/above; install -d /srv/above; {make}"));
        refuses(
            &sb,
            "mle",
            &granted(folder, "at = \"/work\""),
            "the volume /work would make writable what the profile has read-only at /made",
        );
    }
    // Beside it, everything may be written.
    sb.sh("install -d -m 777 /srv/above/made-not");
    grant(&sb, "mle", &granted("/srv/above/made-not", "at = \"/work\""));
    let mut live = sb.sftp_live("mle");
    assert!(live.send("put /tmp/letter /work/letter").is_empty());
    assert_eq!(live.quit(), Some(0));
}

/// sshd says the key only after the account phase, where every grant for a key is looked at.
fn a_grant_for_another_key_refuses_no_login(namespace: Namespace) {
    let sb = machine(namespace);
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nguard = [\".ssh\"]\n");
    sb.sh("useradd -r web; mkdir /srv/lower /srv/over; mount -t tmpfs tmpfs /srv/lower
           mkdir /srv/lower/a /srv/lower/b /srv/lower/c
           mount -t overlay -o lowerdir=/srv/lower/a,upperdir=/srv/lower/b,workdir=/srv/lower/c overlay /srv/over");
    let key = "key = \"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"";
    for other in [
        granted("/home/mle/.ssh", &format!("at = \"/keys\"\n{key}")),
        granted("/srv/over", &format!("at = \"/over\"\nowner = \"web\"\n{key}")),
    ] {
        grant(&sb, "mle", &other);
        let mut live = sb.sftp_live("mle");
        assert_eq!(names(&mut live, "/"), ["dev", "etc", "home"]);
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
    }
}

fn a_guarded_name_cannot_be_granted(namespace: Namespace) {
    let sb = machine(namespace);
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nguard = [\".ssh\"]\n");
    refuses(
        &sb,
        "mle",
        &granted("/home/mle/.ssh", "at = \"/keys\""),
        "the volume /keys shows it a second time, writable",
    );
    refuses(
        &sb,
        "mle",
        &granted("/home/mle", "at = \"/mine\""),
        "the volume /mine shows it a second time, writable",
    );
    refuses(
        &sb,
        "mle",
        &granted("/home", "at = \"/all\""),
        "the volume /all shows it a second time, writable",
    );
}

fn a_folder_that_its_users_have_removed_is_left_out(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("install -d -o joe /srv/of-joe");
    grant(&sb, "mle", &granted("/srv/of-joe/folder", "at = \"/folder\""));
    grant(&sb, "felix", &granted("/srv/of-joe/folder", "at = \"/folder\""));
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "/"), ["dev", "etc", "home"]);
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log("the volume /folder is left out: /srv/of-joe/folder does not exist");
    let out = sb.sftp("felix", "pwd\n").failed();
    assert!(out.stderr.contains("the folder of this account is missing"), "{out}");
}

/// The user who owns the folder above exchanges the granted one for a symlink to a secret, again and again.
fn a_folder_swapped_during_logins_never_shows_another(namespace: Namespace) {
    let sb = machine(namespace);
    sb.configure("[[profile]]\nname = \"guest\"\ngroups = [\"sftp-guest\"]\nhome = \"none\"\n");
    sb.sh("install -d -o joe /srv/of-joe /srv/of-joe/folder; install -d /srv/secret; touch /srv/secret/secret /srv/of-joe/folder/mine
           ln -s /srv/secret /srv/of-joe/link; chown -h joe /srv/of-joe/link");
    grant(&sb, "felix", &granted("/srv/of-joe/folder", "at = \"/folder\""));
    install_alone(&sb, "");
    let out = sb.sh(
        "pam-driver --confdir /etc/alone joe swap=/srv/of-joe/folder:/srv/of-joe/link & swapper=$!
         for n in $(seq 60); do pam-driver --confdir /etc/alone felix open ls=/jail/felix/folder close 2>/dev/null || :; done
         kill $swapper",
    );
    let shown = answers(&out, "ls");
    assert!(shown.iter().any(|line| line.contains("[\"mine\"]")), "no login met the folder: {out}");
    assert!(!out.stdout.contains("\"secret\"]"), "{out}");
}
