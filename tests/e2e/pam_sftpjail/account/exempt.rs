//! `exempt_groups`: never jailed, never refused, and by /etc/group alone.

use sandbox::{Namespace, Sandbox};

use crate::common::libpam::{IGNORED, alone, code, install_alone};

in_both_namespaces!(
    who_is_exempt_is_so_by_the_member_list_and_by_the_primary_group,
    a_group_that_only_a_directory_has_exempts_nobody,
    a_file_of_groups_that_cannot_be_read_exempts_nobody,
    who_is_exempt_and_a_member_is_told_by_check_and_refused_by_sshd,
);

fn with_exempt(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.configure("exempt_groups = [\"sudo\", \"wheel\"]\n");
    sb
}

#[track_caller]
fn answer(sb: &Sandbox, name: &str) -> String {
    code(&alone(sb, name, &["account"]), "account")
}

fn who_is_exempt_is_so_by_the_member_list_and_by_the_primary_group(namespace: Namespace) {
    let sb = with_exempt(namespace);
    sb.user("listed").group("sudo").group("sftp").add();
    sb.user("primary").primary("wheel").group("sftp").add();
    sb.user("member").group("sftp").add();
    for name in ["listed", "primary"] {
        assert_eq!(answer(&sb, name), IGNORED, "{name}");
    }
    assert_eq!(answer(&sb, "member"), "0");
}

fn a_group_that_only_a_directory_has_exempts_nobody(namespace: Namespace) {
    let sb = with_exempt(namespace);
    sb.user("anna").group("sftp").add();
    sb.sh("mkdir -p /var/lib/extrausers; echo wheel:x:7000:anna >/var/lib/extrausers/group");
    sb.sh("sed -i 's/^group:.*/group: files extrausers/' /etc/nsswitch.conf");
    assert!(sb.sh("id anna").stdout.contains("(wheel)"));
    assert_eq!(answer(&sb, "anna"), "0");
    let check = sb.sh("sftpjail check anna");
    let warning =
        "! groups         exempt_groups has wheel, which is not in /etc/group and so exempts nobody";
    assert!(check.stdout.contains(warning), "{check}");
}

/// Nor may it make a member of anybody, or a stranger: the look-up is refused.
fn a_file_of_groups_that_cannot_be_read_exempts_nobody(namespace: Namespace) {
    let sb = with_exempt(namespace);
    sb.user("boss").group("sudo").group("sftp").add();
    install_alone(&sb, "");
    for errno in ["EACCES", "EIO", "ENOENT", "EMFILE"] {
        let strace = format!("strace -qqo /dev/null -P /etc/group -e inject=openat:error={errno}");
        let out = sb.sh(&format!("{strace} pam-driver --confdir /etc/alone boss account"));
        assert_eq!(code(&out, "account"), "4", "{errno}");
    }
    assert_eq!(answer(&sb, "boss"), IGNORED);
}

fn who_is_exempt_and_a_member_is_told_by_check_and_refused_by_sshd(namespace: Namespace) {
    let sb = with_exempt(namespace);
    sb.user("boss").group("sudo").add();
    assert!(sb.ssh("boss", &["id"]).ok().stdout.contains("(boss)"));
    let check = sb.try_sh("sftpjail check boss");
    assert!(check.code == Some(3) && check.stdout.contains("in a group of exempt_groups"), "{check}");

    sb.sh("usermod -aG sftp boss");
    for out in [sb.sftp("boss", "ls /\n").failed(), sb.ssh("boss", &["id"]).failed()] {
        assert!(!out.stdout.contains("usr") && !out.stdout.contains("uid="), "{out}");
    }
    for check in ["sftpjail check boss", "sftpjail check --all"] {
        let check = sb.try_sh(check);
        assert_eq!(check.code, Some(1), "{check}");
        for part in [
            "boss is in sudo, one of exempt_groups, and in sftp, of a profile: no jail is built for boss",
            "but boss is in sudo, one of exempt_groups, so no jail is built and sshd refuses boss",
        ] {
            assert!(check.stdout.contains(part), "{part}: {check}");
        }
        assert_eq!(check.stdout.matches("remove boss from sudo or from sftp").count(), 2, "{check}");
        assert!(!check.stdout.contains("usermod -aG") && !check.stdout.contains("exclude boss"), "{check}");
    }
    // A probe says so, too.
    let probe = sb.try_sh("sftpjail probe boss");
    assert_eq!(probe.code, Some(1), "{probe}");
    let part = "but boss is in sudo, one of exempt_groups, so no jail is built and sshd refuses boss";
    assert!(probe.stdout.contains(part) && !probe.stdout.contains("not jailed by this policy"), "{probe}");
    sb.sh("gpasswd -d boss sftp");
    let probe = sb.try_sh("sftpjail probe boss");
    assert!(probe.code == Some(3) && probe.stdout.contains("in a group of exempt_groups"), "{probe}");
}
