//! Setup looks at the members who exist: whom their next login would refuse, who loses a shell, and who is jailed
//! already.

use super::refused::refused;
use super::{assert_same, etc};
use crate::common::unanswered::take_and_never_answer;
use sandbox::Sandbox;
use std::time::{Duration, Instant};

/// A stock machine on which the group has a member with a good home, one whose home is a symlink, and one whose
/// home is somebody else's.
fn customers() -> Sandbox {
    let sb = Sandbox::stock();
    sb.user("joe").add();
    for name in ["k1", "k2", "k3"] {
        sb.user(name).group("customers").add();
    }
    sb.sh("mv /home/k2 /srv/k2; ln -s /srv/k2 /home/k2; chown joe /home/k3");
    sb
}

const YES: &str = "sftpjail setup --yes --group customers";

#[test]
fn members_whom_their_next_login_would_refuse_are_listed_and_stop_setup() {
    let sb = customers();
    let before = etc(&sb);
    let what = "sftpjail: 2 members would be refused from their next login on: k2, k3; ";
    for command in [
        "sftpjail setup --dry-run --group customers",
        YES,
        "echo y | script -qec 'sftpjail setup --group customers' /dev/null",
    ] {
        let out = sb.try_sh(command);
        assert_eq!(out.code, Some(1), "{out}");
        let text = format!("{}{}", out.stdout, out.stderr);
        for part in [
            what,
            "--accept-refused",
            "\n✗ k2             the home directory /home/k2 cannot be used: it is a symlink",
            "\n✗ k3             the home directory /home/k3 belongs to uid",
        ] {
            assert!(text.contains(part), "{part:?} is missing: {out}");
        }
        assert!(!text.contains("Do this?"), "{out}");
        assert_same(&before, &etc(&sb), &[]);
    }
    let out = sb.sh(&format!("{YES} --accept-refused"));
    assert!(out.stdout.contains("✗ k2"), "{out}");
    sb.sftp("k1", "pwd\n").ok();
    let refused = sb.sftp("k2", "pwd\n").failed();
    assert!(refused.stderr.contains("your home directory is missing or not safe"), "{refused}");

    // They were refused before, so a later setup is not stopped for them.
    sb.sh("rm /etc/rsyslog.d/10-sftpjail.conf");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("! k2             is refused already: the home directory /home/k2"), "{out}");
}

#[test]
fn a_jail_root_above_or_below_homes_is_refused() {
    let sb = Sandbox::stock();
    sb.user("anna").group("customers").add();
    sb.user("bob").home("/srv/bob").group("customers").add();
    sb.sh("mkdir /srv/bob/in; chown root /srv/bob/in");
    for (root, who) in [("/home", "anna"), ("/srv", "bob")] {
        let what = format!("1 member would be refused from their next login on: {who}");
        refused(&sb, &format!("{YES} --jail-root {root}"), &[&what]);
        // Another home below /home would be refused, too.
        let out = sb.try_sh(&format!("{YES} --jail-root {root}")).stdout;
        let fix = "→ choose another --jail-root, outside of all homes\n";
        assert!(out.contains(fix) && !out.contains("another home"), "{out}");
    }
    sb.sh("usermod -d /data bob; mkdir /data; chown bob /data");
    let out = sb.try_sh("sftpjail setup --dry-run --group customers --jail-root /data/jail");
    assert!(out.code == Some(1) && out.stderr.contains("/data is not owned by root"), "{out}");
    sb.sh("chown root /data");
    refused(&sb, &format!("{YES} --jail-root /data/jail"), &["1 member would be refused", "bob"]);
}

/// All members would be refused, so none has to be there.
#[test]
fn a_jail_root_that_holds_the_folders_of_the_upload_portal_is_refused() {
    let sb = Sandbox::stock();
    for root in ["/srv", "/srv/sftp"] {
        let what = format!(
            "the profile upload-portal refuses all of its members: the volume /uploads cannot come from \
             \"/srv/sftp/%u\": it overlaps the jail root {root}; choose another --jail-root"
        );
        refused(&sb, &format!("sftpjail setup --yes --profile upload-portal --jail-root {root}"), &[&what]);
    }
}

#[test]
fn who_loses_a_shell_is_listed_and_who_has_none_is_not() {
    let sb = Sandbox::stock();
    sb.user("anna").group("customers").shell("/bin/bash").add();
    sb.user("kim").group("customers").shell("/usr/sbin/nologin").add();
    sb.user("primary").primary("customers").add();
    let out = sb.sh(YES);
    let list = "Members who will be jailed from their next login on: anna, kim, primary.\n\
                Members who lose a shell with that: anna, primary.\n";
    assert!(out.stdout.contains(list), "{out}");
}

#[test]
fn members_who_are_jailed_already_are_not_said_to_be_jailed_from_their_next_login_on() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sh("sed -i 's/\\[\"sftp\"\\]/[\"sftp\", \"partners\"]/' /etc/sftpjail/config.toml");
    sb.user("bob").group("partners").add();
    let out = sb.sh("sftpjail setup --yes").stdout;
    assert!(out.contains("Members who are jailed already: 1.\n"), "{out}");
    assert!(out.contains("Members who will be jailed from their next login on: bob.\n"), "{out}");
}

#[test]
fn every_member_is_checked_not_only_the_first_fifty() {
    let sb = Sandbox::stock();
    sb.sh("groupadd customers; for i in $(seq 80); do useradd -m -G customers k$i; done
        chown root:root /home/k80; usermod -d /etc/k79 k79");
    refused(&sb, YES, &["1 member would be refused from their next login on: k79"]);
    sb.sh("usermod -d /home/k79 k79");
    // A block that comes before setup's, for the last of them.
    sb.write("/etc/ssh/sshd_config.d/00-a.conf", "Match User k8*,!k8\n  PermitTTY yes\n");
    refused(&sb, YES, &["/etc/ssh/sshd_config.d/00-a.conf:2: PermitTTY is yes for members"]);
}

#[test]
fn what_setup_or_the_first_login_makes_is_not_missing() {
    let sb = Sandbox::stock();
    // The folders of the upload portal are made by setup, and below them by logins.
    sb.user("jack").primary("sftp-only").add();
    let out = sb.sh("sftpjail setup --yes --profile upload-portal");
    assert!(out.stdout.contains("jailed from their next login on: jack."), "{out}");
    sb.sftp("jack", "put /etc/hostname here\n").ok();

    let sb = Sandbox::stock();
    sb.append("/etc/pam.d/common-session", "session optional pam_mkhomedir.so\n");
    sb.user("new").group("sftp").make_home(false).add();
    sb.sh("sftpjail setup --yes");
}

#[test]
fn members_whose_home_does_not_answer_cost_ten_seconds_together_and_are_named() {
    let sb = Sandbox::stock();
    sb.user("anna").group("customers").add();
    let stuck = ["k1", "k2", "k3", "k4"];
    for user in stuck {
        sb.user(user).group("customers").add();
        take_and_never_answer(&sb, user, &format!("/home/{user}"));
    }
    let begun = Instant::now();
    let out = sb.try_sh(&format!("out=$({YES} 2>&1) || code=$?; echo \"$out\"; exit $code"));
    assert!(begun.elapsed() < Duration::from_secs(35), "{:?}", begun.elapsed());
    assert_eq!(out.code, Some(1), "{out}");
    for user in stuck {
        let line = format!(
            "✗ {user}             the check of {user} took more than 10 s: a filesystem does not answer"
        );
        assert!(out.stdout.contains(&line), "{out}");
    }
    assert!(out.stdout.contains("jailed from their next login on: anna.\n"), "{out}");
}

#[test]
fn a_group_that_setup_adds_is_known_to_it_beside_members_who_were_looked_up_before() {
    let sb = Sandbox::stock();
    sb.user("anna").group("sftp").add();
    sb.sh("mkdir -p /etc/sftpjail");
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\", \"sftp-new\"]\nhome = \"read-write\"\n",
    );
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("groupadd --system sftp-new\n"), "{out}");
    let looked_up = "\nMembers who will be jailed from their next login on: anna.\n";
    assert!(out.stdout.contains(looked_up), "{out}");
    sb.sh("getent group sftp-new");
}

#[test]
fn members_whom_a_service_does_not_list_are_not_taken_for_none() {
    let sb = customers();
    sb.sh("chown k3 /home/k3; rm /home/k2; mv /srv/k2 /home/k2");
    // One of the service's users may have the group as the primary one.
    sb.sh("sed -i 's/^passwd:.*/passwd: files extrausers/' /etc/nsswitch.conf");
    let why = "not all members are known, because a service of NSS does not answer: looking up user";
    for command in ["sftpjail setup --dry-run --group customers", YES] {
        let out = sb.try_sh(command);
        assert_eq!(out.code, Some(1), "{out}");
        assert!(out.stderr.contains(why) && out.stderr.contains("--accept-refused"), "{out}");
        sb.sh("! test -e /jail");
    }
    let out = sb.sh(&format!("{YES} --accept-refused"));
    assert!(out.stdout.contains(&format!("\nNote: {why}")), "{out}");
    sb.sh("test -e /jail; mkdir -p /var/lib/extrausers; touch /var/lib/extrausers/passwd");
    assert!(!sb.try_sh("sftpjail setup --dry-run").stdout.contains(why));
}

/// sshd sends them into the jail, where no shell is. What they lose is only what sshd lets them do beside SFTP.
#[test]
fn members_who_are_in_the_jail_without_a_forced_command_are_not_said_to_have_a_shell() {
    let sb = Sandbox::stock();
    sb.user("anna").group("sftp").shell("/bin/bash").add();
    sb.sh("sftpjail setup --yes; sed -i '/ForceCommand/d' /etc/ssh/sshd_config.d/00-sftpjail.conf");
    let out = sb.try_sh("sftpjail setup --dry-run");
    assert_eq!(out.code, Some(3), "{out}");
    let what =
        "Members who are jailed already, and can do nothing but SFTP from their next login on: anna.\n";
    assert!(out.stdout.contains(what), "{out}");
    for untrue in ["lose a shell", "will be jailed"] {
        assert!(!out.stdout.contains(untrue), "{out}");
    }
    // Where PAM builds no jail, sshd refuses them.
    sb.sh("sed -i '/sftpjail.so open/s/^/#/' /etc/pam.d/sshd");
    sb.ssh("anna", &["id"]).failed();
    let out = sb.try_sh("sftpjail setup --dry-run").stdout;
    assert!(out.contains("Members who will be jailed from their next login on: anna.\n"), "{out}");
    assert!(!out.contains("lose a shell"), "{out}");
}
