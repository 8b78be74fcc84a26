//! A fix that is a command fixes the finding beside it.

use sandbox::Sandbox;

use super::{check, findings, json, machine};

/// `broken` breaks something for mle. The fixes, pasted one after the other, must fix it.
#[track_caller]
fn fixed(sb: &Sandbox, broken: &str, first_fix: &str) {
    check(sb, "mle", 0);
    sb.sh(broken);
    let mut fixes = Vec::new();
    // Each fixes one problem, behind which there may be another.
    while fixes.len() < 3 {
        let document = json(sb, "mle", "problems");
        let [_, _, evidence, fix] =
            *findings(&document).iter().find(|f| f[1] == "failed").expect("a reason for the status");
        assert_ne!(fix, "", "{evidence}");
        // A fix may say in words what its command does.
        let command = fix.rsplit_once(": ").map_or(fix, |(_, command)| command);
        sb.sh(command);
        fixes.push(fix.to_owned());
        if sb.try_sh("sftpjail check mle").code == Some(0) {
            break;
        }
    }
    check(sb, "mle", 0);
    assert_eq!(fixes[0], first_fix);
    // The user can log in as before.
    sb.login("mle").password("pw").sftp("mkdir made\nrmdir made\n").ok();
}

#[track_caller]
fn fixed_machine(broken: &str, first_fix: &str) {
    let sb = machine();
    sb.sh("echo mle:pw | chpasswd");
    fixed(&sb, broken, first_fix);
}

#[test]
fn a_home_that_somebody_else_owns() {
    fixed_machine("chown joe /home/mle", "if it is not meant to be joe's, then: chown -h mle /home/mle");
}

#[test]
fn a_fix_for_a_path_that_others_can_change_is_no_command() {
    let sb = machine();
    sb.user("web").add();
    sb.sh("usermod -d /home/web/site/mle mle");
    let shown = |sb: &Sandbox| sb.try_sh("sftpjail check mle").stdout;
    // web could plant a symlink for root to follow.
    assert!(
        shown(&sb).contains(
            "→ restore it from a backup, or let the owner of /home/web make /home/web/site/mle; then see"
        ),
        "{}",
        shown(&sb)
    );
    sb.sh("install -d -o web /home/web/site /home/web/site/mle");
    assert!(shown(&sb).contains("→ leave it to web; give mle a home of its own"), "{}", shown(&sb));
    sb.sh("chown mle /home/web/site/mle; chmod 0 /home/web/site/mle");
    assert!(shown(&sb).contains("→ let mle enter it\n"), "{}", shown(&sb));
}

#[test]
fn a_missing_home() {
    let sb = machine();
    sb.sh("echo mle:pw | chpasswd");
    // As useradd makes homes here.
    sb.sh("sed -Ei '/^(HOME_MODE|UMASK)/d' /etc/login.defs; echo 'UMASK 027' >>/etc/login.defs");
    let fix = "restore it from a backup, or make an empty one: install -d -m 0750 -o mle -g mle /home/mle";
    fixed(&sb, "rm -r /home/mle", fix);
}

#[test]
fn a_pasted_fix_runs_no_command_in_a_path_or_name() {
    let sb = machine();
    sb.sh("touch /home/bait");
    let (name, home) = ("m l$(rm bait)e", "/home/it's `rm bait` \"$(rm bait)\"/m l$(rm bait)e");
    sb.user(name).home(home).password("pw").key(false).group("sftp").raw().add();
    for broken in ["chown joe \"$1\"", "rmdir \"$1\"", "chmod 0 \"$1\"; chown \"$2\" \"$1\""] {
        sb.script(&format!("rm -rf \"$1\"; mkdir \"$1\"; {broken}"), &[home, name], b"").ok();
        let document = json(&sb, name, "problems");
        let [.., fix] = *findings(&document).iter().find(|f| f[1] == "failed").unwrap();
        let command = fix.split_once(": ").map_or(fix, |(_, command)| command);
        sb.sh(&format!("cd /home; {command}"));
        json(&sb, name, "ok");
    }
    sb.sh("test -e /home/bait");
}

#[test]
fn a_home_in_the_system() {
    let sb = machine();
    sb.sh("usermod -d /etc mle");
    let out = check(&sb, "mle", 1);
    assert!(out.stdout.contains("→ give the account another home, such as /home/mle\n"), "{out}");
}

#[test]
fn a_jail_root_above_all_homes_is_to_be_moved_and_no_home() {
    let sb = machine();
    sb.sh("mkdir -p /etc/sftpjail
        printf 'jail_root = \"/home\"\n[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n' >/etc/sftpjail/config.toml");
    let out = check(&sb, "mle", 1);
    let fix = "→ set another jail_root in the configuration, outside of all homes";
    assert_eq!(out.stdout.matches(fix).count(), 2, "{out}");
    for wrong in ["/home/mle away", "another home", "ChrootDirectory /home"] {
        assert!(!out.stdout.contains(wrong), "{wrong}: {out}");
    }
}

#[test]
fn root_is_removed_from_the_group_of_a_profile() {
    let sb = machine();
    sb.sh("usermod -aG sftp root");
    let out = check(&sb, "root", 1);
    assert!(out.stdout.contains("→ root is never jailed: gpasswd -d root sftp\n"), "{out}");
    sb.sh("gpasswd -d root sftp");
    check(&sb, "root", 3);
}

#[test]
fn whose_profile_lost_its_group_is_put_into_no_other_profile_by_a_command() {
    let sb = machine();
    sb.sh("groupadd sftp-only; mkdir -p /etc/sftpjail
        printf '[[profile]]\nname = \"home\"\ngroups = [\"sfpt\"]\n[[profile]]\nname = \"portal\"\ngroups = [\"sftp-only\"]\n' \
            >/etc/sftpjail/config.toml");
    let out = check(&sb, "mle", 1);
    assert!(!out.stdout.contains("usermod"), "{out}");
    assert!(out.stdout.contains("did you mean sftp? Then correct `groups` in the configuration"), "{out}");
}

#[test]
fn a_jail_root_that_somebody_else_owns() {
    fixed_machine("mkdir -m 700 /jail; chown joe /jail", "if it is only for jails, then: chown root /jail");
}

#[test]
fn a_jail_root_that_others_can_write() {
    fixed_machine("mkdir -m 777 /jail", "if it is only for jails, then: chmod go-w /jail");
}

#[test]
fn a_jail_root_that_others_own_and_can_write() {
    fixed_machine("mkdir -m 777 /jail; chown joe /jail", "if it is only for jails, then: chown root /jail");
}

#[test]
fn a_jail_root_whose_parent_is_missing() {
    let broken = "mkdir /etc/sftpjail; echo 'jail_root = \"/srv/a/jail\"' >/etc/sftpjail/config.toml
        sed -i 's|/jail/%u|/srv/a/jail/%u|' /etc/ssh/sshd_config";
    fixed_machine(broken, "install -d -o root -g root -m 0755 /srv/a");
}

#[test]
fn a_home_that_its_owner_cannot_enter() {
    fixed_machine("chmod 000 /home/mle", "chmod u+rwx /home/mle");
}

#[test]
fn a_home_that_root_owns_and_the_user_cannot_enter_is_given_to_the_user() {
    let sb = machine();
    sb.sh("chown root:root /home/mle; chmod 700 /home/mle");
    let document = json(&sb, "mle", "problems");
    let [check, outcome, evidence, fix] = *findings(&document).last().unwrap();
    assert_eq!([check, outcome], ["rehearsal", "failed"]);
    assert_eq!(evidence, "the user cannot enter the home /home/mle: Permission denied");
    sb.sh(fix);
    let document = json(&sb, "mle", "ok");
    let tree = document["rehearsal"]["tree"].as_array().unwrap();
    let home = tree.iter().find(|entry| entry["kind"] == "home").expect("the home");
    assert_eq!(home["writable"], true, "{document:#}");
    sb.sftp("mle", "mkdir made\n").ok();
}

/// The last line has no newline, and must not be joined with what is appended.
#[test]
fn a_missing_line_where_the_file_has_no_final_newline() {
    let line = "session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_sftpjail.so open";
    fixed_machine(
        "sed -i '/pam_sftpjail.so open/d' /etc/pam.d/sshd; truncate -s -1 /etc/pam.d/sshd
         test -n \"$(tail -c 1 /etc/pam.d/sshd)\"",
        &format!(
            "! grep -qsxe '{}' /etc/pam.d/sshd && printf '%s\\n' '' '{line}' >>/etc/pam.d/sshd",
            line.replace('[', "\\[").replace(".so", "\\.so")
        ),
    );
}

/// One line for PAM, over several lines of the file: it goes on after a backslash before blanks, too, and across an
/// empty line and a comment.
#[test]
fn a_line_that_goes_on_over_several() {
    let sb = machine();
    sb.sh("echo mle:pw | chpasswd");
    let line = "account [success=ok ignore=ignore module_unknown=ignore default=bad] pam_sftpjail.so";
    fixed(
        &sb,
        "sed -i 's/^account.*pam_sftpjail.*/account \\\\\\n  optional \\\\ \\t\\n\\n  # why\\n  pam_sftpjail.so/' /etc/pam.d/sshd",
        &format!("sed -i '/^account \\\\$/,+4c {line}' /etc/pam.d/sshd"),
    );
    sb.sh("not grep -q optional.*sftpjail /etc/pam.d/sshd; not grep -q '# why' /etc/pam.d/sshd");
}

#[test]
fn a_line_of_an_unknown_kind_for_which_libpam_refuses_everybody() {
    let sb = machine();
    sb.sh("echo mle:pw | chpasswd; echo joe:pw | chpasswd");
    sb.login("joe").password("pw").ssh(&["true"]).ok();
    sb.sh("cp /etc/pam.d/sshd /tmp/good; echo 'optional pam_permit.so' >>/etc/pam.d/sshd");
    sb.login("joe").password("pw").ssh(&["true"]).failed();
    sb.sh("cp /tmp/good /etc/pam.d/sshd");
    fixed(
        &sb,
        "echo 'optional pam_permit.so' >>/etc/pam.d/sshd",
        "correct that line, or remove it: sed -i '/^optional pam_permit\\.so$/d' /etc/pam.d/sshd",
    );
}

/// The directory above the home is the customer's, and so is what the customer makes there.
#[test]
fn a_missing_home_below_that_of_a_main_account() {
    let sb = machine();
    sb.user("mle-sub").group("sftp").home("/home/mle/sub").add();
    sb.sh("chown mle:mle /home/mle; chmod 711 /home/mle; rm -r /home/mle/sub");
    let shown = sb.try_sh("sftpjail check mle-sub").stdout;
    let fix = "→ restore it from a backup, or let the owner of /home/mle make /home/mle/sub; then see that it is a \
               directory and no symlink, and make mle-sub its owner\n";
    assert!(shown.contains(fix), "{shown}");
    sb.sh(
        "setpriv --reuid mle --regid mle --clear-groups mkdir /home/mle/sub; chown -h mle-sub /home/mle/sub",
    );
    sb.sh("echo mle-sub:pw | chpasswd; sftpjail check mle-sub");
    sb.login("mle-sub").password("pw").sftp("mkdir made\n").ok();
}
