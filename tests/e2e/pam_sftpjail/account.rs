//! Who is a member, and under which names.

mod exempt;

use sandbox::{Namespace, Sandbox};

use crate::common::jailed::{has_only_its_home, left_nothing, works_in};
use crate::common::libpam::install_alone;

in_both_namespaces!(
    a_member_is_whoever_has_the_group_as_primary_as_supplementary_or_as_both,
    a_member_may_be_in_500_groups_of_which_sftp_is_the_last,
    a_name_may_hold_what_directories_allow,
    a_name_typed_in_another_spelling_leads_to_the_same_jail,
    a_user_deleted_during_a_session_can_still_leave,
);

/// What the jail root holds for the one session that there is. Its process is not looked up by the
/// user's name, which sshd may spell otherwise in its title.
#[track_caller]
fn jails_of_the_session(sb: &Sandbox) -> String {
    let [monitor] = sb.pids("[priv]")[..] else { panic!("not one session: {:#?}", sb.processes()) };
    sb.sh(&format!("ls -A /proc/{monitor}/root/jail")).stdout
}

fn a_member_is_whoever_has_the_group_as_primary_as_supplementary_or_as_both(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("primary").primary("sftp").add();
    sb.user("supplementary").group("sftp").add();
    sb.user("both").primary("sftp").group("sftp").add();
    sb.user("stranger").group("sftp-only").add();
    assert!(sb.sh("getent group sftp").stdout.ends_with(":supplementary,both\n"));
    let before = sb.mounts();
    for name in ["primary", "supplementary", "both"] {
        let mut live = sb.sftp_live(name);
        has_only_its_home(&sb, &mut live, format!("/home/{name}"));
        assert_eq!(live.quit(), Some(0));
        sb.ssh(name, &["id"]).failed();
    }
    assert!(
        sb.sftp("stranger", "ls /etc\n").ok().stdout.contains("/etc/ssh"),
        "who is in none sees the host"
    );
    left_nothing(&sb, &before);
}

#[test]
fn a_member_of_many_groups_costs_no_look_up_for_each() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.sh("for n in $(seq 20); do echo g$n:x:$((40000 + n)):mle; done >>/etc/group");
    install_alone(&sb, "");
    let openings = |user: &str| {
        let opened = sb.sh(&format!(
            "strace -qqo /tmp/calls -e trace=openat pam-driver --confdir /etc/alone {user} open close
            grep -c '\"/etc/group\"' /tmp/calls"
        ));
        opened.stdout.lines().last().map(str::to_owned)
    };
    // Whether it can be read, the group, all of the user's groups, what sshd calls the group, and the names in the jail.
    assert_eq!(openings("mle").as_deref(), Some("5"));
    // A "no" is asked for twice, with a look at the file before and after.
    sb.user("joe").add();
    assert_eq!(openings("joe").as_deref(), Some("5"));
}

fn a_member_may_be_in_500_groups_of_which_sftp_is_the_last(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("many").add();
    sb.sh("sed -i '/^sftp:/d' /etc/group");
    sb.sh("for n in $(seq 500); do echo g$n:x:$((40000 + n)):many; done >>/etc/group");
    sb.sh("echo sftp:x:41000:many >>/etc/group");
    let groups = sb.sh("id -Gn many").stdout;
    assert_eq!(groups.split(' ').count(), 502);
    assert!(groups.ends_with(" g500 sftp\n"), "{groups}");
    let before = sb.mounts();
    let mut live = sb.sftp_live("many");
    has_only_its_home(&sb, &mut live, "/home/many");
    // The session has them all, and the jail knows their names.
    live.send("chgrp 40500 letter");
    assert_eq!(sb.sh("stat -c %G /home/many/letter").stdout, "g500\n");
    assert!(live.send("ls -l letter").concat().contains(" g500 "));
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_name_may_hold_what_directories_allow(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let before = sb.mounts();
    for name in [
        "anna@corp.example",
        "CORP\\anna",
        "anna.b",
        ".anna",
        "host$",
        "a b",
        "Gro\u{df}",
        "100%u",
        "x".repeat(32).as_str(),
    ] {
        sb.user(name).home(format!("/home/{name}")).group("sftp").raw().add();
        let mut live = sb.sftp_live(name);
        has_only_its_home(&sb, &mut live, format!("/home/{name}"));
        assert_eq!(jails_of_the_session(&sb), format!("{name}\n"));
        assert_eq!(live.quit(), Some(0), "{name}");
        sb.wait_for_logouts();
    }
    left_nothing(&sb, &before);
}

fn a_name_typed_in_another_spelling_leads_to_the_same_jail(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle-sub").home("/home/mle/sub").group("sftp").password("pw").add();
    sb.ignore_case_of_names();
    let before = sb.mounts();
    for typed in ["MLE-SUB", "Mle-Sub", "mle-sub"] {
        for login in [sb.login(typed), sb.login(typed).password("pw")] {
            let mut live = login.live();
            has_only_its_home(&sb, &mut live, "/home/mle/sub");
            assert_eq!(jails_of_the_session(&sb), "mle-sub\n");
            assert_eq!(live.quit(), Some(0));
            left_nothing(&sb, &before);
        }
        sb.ssh(typed, &["id"]).failed();
    }
    left_nothing(&sb, &before);
    // Never as typed, neither jailed nor logged.
    assert_eq!(sb.log_lines("pam_sftpjail(sshd:session): session opened for user mle-sub(uid=").len(), 9);
    assert_eq!(sb.log_lines("pam_sftpjail(sshd:session): session opened for user M").len(), 0);
}

fn a_user_deleted_during_a_session_can_still_leave(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let before = sb.mounts();
    for (name, delete) in [("kept", "userdel --force kept"), ("removed", "userdel --force --remove removed")]
    {
        let home = format!("/home/{name}");
        let account = sb.user(name).group("sftp").add();
        let mut live = sb.sftp_live(name);
        has_only_its_home(&sb, &mut live, &home);
        // userdel wants --force for a user who is logged in.
        sb.sh(delete);
        sb.sh(&format!("! getent passwd {name}"));
        if name == "kept" {
            works_in(&sb, &mut live, &home);
        } else {
            sb.sh(&format!("test ! -e {home}"));
        }
        assert_eq!(live.quit(), Some(0));
        let uid = account.uid;
        sb.wait_for_log(&format!("pam_sftpjail(sshd:session): session closed for user {name}(uid={uid})"));
        left_nothing(&sb, &before);
        sb.sftp(name, "pwd\n").failed();
    }
    left_nothing(&sb, &before);
}
