//! Sources that others than root can take away: nobody locks himself out, or another, by that.

use super::{machine, volume, with_volumes};
use crate::common::jailed::names;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_member_who_deletes_the_source_of_a_volume_gets_in_and_makes_it_again,
    what_is_put_in_its_place_is_not_mounted,
    what_root_alone_can_have_removed_is_still_a_reason_to_refuse,
    a_jail_that_would_be_empty_is_refused_with_what_is_missing,
);

#[track_caller]
fn says_what_is_left_out(sb: &Sandbox, why: &str) {
    let why = format!("the volume /uploads is left out: {why}");
    assert!(sb.wait_for_log(&why).contains("; fix: "));
    let check = sb.sh("sftpjail check mle").stdout;
    assert!(check.contains(&format!("! volume         {why}")), "{check}");
}

fn a_member_who_deletes_the_source_of_a_volume_gets_in_and_makes_it_again(namespace: Namespace) {
    for create in ["", "create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }"] {
        let sb = with_volumes(namespace, &volume("%h/up", "/uploads", create));
        sb.sh("install -d -o mle /home/mle/up");
        let mut live = sb.sftp_live("mle");
        assert_eq!(live.send("rmdir up"), [""; 0]);
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();

        let mut live = sb.sftp_live("mle");
        assert_eq!(names(&mut live, "/"), ["dev", "etc", "home"]);
        says_what_is_left_out(&sb, "/home/mle/up does not exist");
        assert_eq!(live.send("mkdir up"), [""; 0]);
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();

        let mut live = sb.sftp_live("mle");
        assert_eq!(live.send("mkdir /uploads/made"), [""; 0]);
        assert_eq!(names(&mut live, "/home/mle/up"), ["made"]);
    }
}

fn what_is_put_in_its_place_is_not_mounted(namespace: Namespace) {
    for (put, why) in [
        ("touch /home/mle/up", "/home/mle/up is not a directory"),
        ("ln -s /etc /home/mle/up", "/home/mle/up is a symlink"),
        ("mkfifo /home/mle/up", "/home/mle/up is not a directory"),
    ] {
        let sb = with_volumes(namespace, &volume("%h/up", "/uploads", ""));
        sb.sh(&format!("{put}; chown -h mle /home/mle/up"));
        let mut live = sb.sftp_live("mle");
        assert_eq!(names(&mut live, "/"), ["dev", "etc", "home"], "{put}");
        says_what_is_left_out(&sb, why);
    }
}

fn what_root_alone_can_have_removed_is_still_a_reason_to_refuse(namespace: Namespace) {
    let sb = with_volumes(namespace, &volume("/srv/up", "/uploads", ""));
    super::refused::refused(&sb, "the volume /uploads cannot be used: /srv/up does not exist");
}

fn a_jail_that_would_be_empty_is_refused_with_what_is_missing(namespace: Namespace) {
    let config = format!(
        "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\nhome = \"none\"\n{}",
        volume("/srv/drop/%u", "/uploads", "")
    );
    let sb = machine(namespace, &config, "sftp", "/jail");
    sb.user("mle").group("sftp").password("pw").add();
    sb.sh("install -d -m 1777 /srv/drop");
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(out.stderr.starts_with("SFTP is not possible: the folder of this account is missing."), "{out}");
    let line = sb.wait_for_log("refused user mle");
    assert!(
        line.contains("the jail would be empty: the volume /uploads is left out: /srv/drop/mle does"),
        "{line}"
    );
    assert_eq!(sb.sh("ls -A /jail").stdout, "");
}
