//! What setup refuses: it prints one clear sentence, and changes nothing.

use super::{assert_same, etc};
use sandbox::Sandbox;

/// Runs a command that prints one line with all `words`, and changes nothing.
#[track_caller]
pub(super) fn refused(sb: &Sandbox, command: &str, words: &[&str]) {
    let before = etc(sb);
    let out = sb.try_sh(command);
    assert_eq!(out.code, Some(1), "{out}");
    assert_eq!(out.stderr.lines().count(), 1, "{out}");
    for word in words {
        assert!(out.stderr.contains(word), "{word:?} is missing: {out}");
    }
    assert_same(&before, &etc(sb), &[]);
    sb.sh("not test -e /jail; not test -e /var/lib/sftpjail/setup/journal.json; not getent group sftp");
}

const YES: &str = "sftpjail setup --yes";

#[test]
fn without_a_terminal_it_does_not_ask() {
    let sb = Sandbox::stock();
    refused(&sb, "sftpjail setup </dev/null", &["no terminal", "--yes", "--dry-run"]);
    sb.sh("! test -e /var/lib/sftpjail");
    let out = sb.try_sh("sftpjail setup --dry-run");
    assert!(out.stdout.contains("+Match Group sftp"), "{out}");
    sb.sh("not test -e /var/lib/sftpjail; not test -e /etc/sftpjail");
}

#[test]
fn nothing_is_advised_to_be_made_on_the_disk_below_one_that_is_not_mounted() {
    let sb = Sandbox::stock();
    sb.sh("mkdir /data; echo 'LABEL=data /data ext4 nofail 0 2' >>/etc/fstab");
    refused(
        &sb,
        "sftpjail setup --yes --jail-root /data/sftp/jail",
        &["/data/sftp does not exist: nothing is mounted at /data", "mount /data"],
    );
}

#[test]
fn other_users_than_root_are_refused() {
    let sb = Sandbox::stock();
    let out = sb.try_sh("setpriv --reuid 65534 --clear-groups sftpjail setup --yes");
    assert!(
        out.code == Some(2) && out.stderr.contains("only root can set up jails; run this as root"),
        "{out}"
    );
}

#[test]
fn at_a_terminal_it_asks_and_the_answer_no_changes_nothing() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    let out = sb.try_sh("echo n | script -qec 'sftpjail setup' /dev/null");
    assert!(out.stdout.contains("Do this? [y/N]") && out.stdout.contains("Nothing was changed."), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("echo y | script -qec 'sftpjail setup' /dev/null; grep -q sftpjail /etc/pam.d/sshd");
}

#[test]
fn a_full_disk_changes_nothing_however_much_room_is_left() {
    let sb = Sandbox::stock();
    sb.sh("cp -a /etc /run/etc; size=$(($(du -sk /run/etc | cut -f1) + 1024))
        mount -t tmpfs -o mode=755,size=${size}k tmpfs /etc; cp -a /run/etc/. /etc");
    let mut done = false;
    for pages in 0..60 {
        sb.sh(&format!(
            "dd if=/dev/zero of=/etc/filler bs=4k 2>/dev/null || true
            truncate -s -$(({pages} * 4096)) /etc/filler"
        ));
        let before = etc(&sb);
        let out = sb.try_sh(YES);
        if out.code == Some(0) {
            sb.sh("rm /etc/filler; sftpjail setup --undo --yes");
            done = true;
            break;
        }
        let is_groupadds = out.stderr.contains("groupadd: failure while writing changes");
        assert!(is_groupadds || out.stderr.contains("No space left on device"), "{out}");
        assert!(out.stderr.contains("as it was before"), "{out}");
        assert_same(&before, &etc(&sb), &[]);
    }
    assert!(done, "it never had enough room");
}

#[test]
fn a_full_state_directory_changes_nothing() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -p /var/lib/sftpjail; mount -t tmpfs -o mode=755,size=16k tmpfs /var/lib/sftpjail");
    refused(&sb, YES, &["/var/lib/sftpjail/setup/", "No space left on device", "make room there"]);
    sb.sh("umount /var/lib/sftpjail; sftpjail setup --yes");
}

#[test]
fn a_read_only_etc_changes_nothing() {
    let sb = Sandbox::stock();
    sb.sh("mount --bind /etc /etc; mount -o remount,bind,ro /etc");
    refused(&sb, YES, &["/etc/", "Read-only file system", "remount,rw"]);
}

#[test]
fn an_immutable_file_changes_nothing() {
    let sb = Sandbox::stock();
    sb.sh("touch /etc/pam.d/sshd");
    if sb.try_sh("chattr +i /etc/pam.d/sshd").code == Some(0) {
        refused(&sb, YES, &["/etc/pam.d/sshd", "Operation not permitted", "lsattr"]);
        sb.sh("chattr -i /etc/pam.d/sshd");
    } else {
        // This kernel's overlay knows no such flag: the same answer from rename(2).
        let strace = "strace -qqo /dev/null -P /etc/pam.d/sshd -e inject=rename:error=EPERM";
        refused(&sb, &format!("{strace} {YES}"), &["/etc/pam.d/sshd", "Operation not permitted", "lsattr"]);
    }
    sb.sh(YES);
}

#[test]
fn a_broken_sshd_configuration_changes_nothing() {
    let sb = Sandbox::stock();
    sb.append("/etc/ssh/sshd_config", "NoSuchKeyword yes\n");
    refused(&sb, YES, &["sshd -t says", "NoSuchKeyword", "fix"]);
}

#[test]
fn settings_that_conflict_are_reported_with_file_and_line() {
    for (lines, words) in [
        ("Match Group sftp\n  ChrootDirectory /srv/%u\n", &["00-a.conf:2", "/srv/%u", "ChrootDirectory"][..]),
        ("Match Group *\n  ForceCommand /bin/false\n", &["00-a.conf:2", "/bin/false", "ForceCommand"]),
        ("UsePAM no\n", &["/etc/ssh/sshd_config:1", "UsePAM is no"]),
    ] {
        let sb = Sandbox::stock();
        let old = sb.read_text("/etc/ssh/sshd_config");
        match lines.starts_with("Match") {
            // sshd reads it before setup's file.
            true => sb.write("/etc/ssh/sshd_config.d/00-a.conf", lines),
            false => sb.write("/etc/ssh/sshd_config", format!("{lines}{old}")),
        }
        refused(&sb, YES, words);
    }
    // A file that sshd reads before ours, for everybody from an address.
    let sb = Sandbox::stock();
    sb.write("/etc/ssh/sshd_config.d/00-a.conf", "Match Address 10.0.0.0/8\nForceCommand /bin/false\n");
    refused(&sb, YES, &["/etc/ssh/sshd_config.d/00-a.conf:2", "ForceCommand", "line 1"]);
    sb.write("/etc/ssh/sshd_config.d/00-a.conf", "Match User *\nForceCommand /bin/false\n");
    // Only sshd itself knows that this block matches members.
    refused(&sb, YES, &["ForceCommand would be /bin/false for a member of sftp", "00-a.conf:2"]);
}

#[test]
fn pam_lines_that_would_skip_the_module_are_reported_with_file_and_line() {
    for (line, words) in [
        ("session sufficient pam_permit.so", &["/etc/pam.d/sshd:1:", "session", "required"][..]),
        ("account [success=done default=ignore] pam_permit.so", &["/etc/pam.d/sshd:1:", "account"]),
    ] {
        let sb = Sandbox::stock();
        let old = sb.read_text("/etc/pam.d/sshd");
        sb.write("/etc/pam.d/sshd", format!("{line}\n{old}"));
        refused(&sb, YES, words);
    }
    let sb = Sandbox::stock();
    sb.append("/etc/pam.d/sshd", "session required pam_sftpjail.so\nsession optional pam_mkhomedir.so\n");
    let line = sb.read_text("/etc/pam.d/sshd").lines().count();
    refused(&sb, YES, &[&format!("/etc/pam.d/sshd:{line}: it makes homes, but stands after")]);
}

#[test]
fn names_that_would_need_quotes_are_refused() {
    let sb = Sandbox::stock();
    for option in
        ["--group 'a b'", "--group=-x", "--jail-root /a%u", "--jail-root a%u", "--jail-root /a/../b"]
    {
        refused(&sb, &format!("sftpjail setup --yes {option}"), &["choose"]);
    }
    refused(&sb, "sftpjail setup --yes --jail-root jail", &["write the absolute path, such as /jail"]);
    refused(&sb, "sftpjail setup --yes --module /etc/passwd", &["/etc/passwd is not a shared object"]);
    refused(
        &sb,
        "sftpjail setup --yes --jail-root /no/such/jail",
        &["/no does not exist", "install -d -o root -g root -m 0755 /no/such"],
    );
}

#[test]
fn options_that_conflict_with_the_configuration_are_refused() {
    let sb = Sandbox::stock();
    sb.sh("mkdir /etc/sftpjail");
    let config = include_str!("../../../../config/home.toml");
    sb.write("/etc/sftpjail/config.toml", config.replace("\"/jail\"", "\"/srv/jails\""));
    refused(&sb, "sftpjail setup --yes --jail-root /jail", &["/etc/sftpjail/config.toml", "/srv/jails"]);
    refused(&sb, "sftpjail setup --yes --group other", &["/etc/sftpjail/config.toml", "sftp"]);
    sb.sh("sftpjail setup --yes; grep -q 'ChrootDirectory /srv/jails/%u' /etc/ssh/sshd_config.d/00-sftpjail.conf");
}

#[test]
fn admins_cannot_jail_themselves() {
    let sb = Sandbox::stock();
    sb.sh("groupadd staff-sftp");
    sb.user("admin").group("staff-sftp").add();
    sb.user("anna").primary("staff-sftp").add();
    let command = "sftpjail setup --yes --group staff-sftp";
    refused(&sb, &format!("SUDO_USER=admin {command}"), &["you, admin, are a member yourself"]);
    refused(&sb, &format!("DOAS_USER=anna {command}"), &["you, anna, are a member yourself"]);
    sb.sh("usermod -aG staff-sftp root");
    refused(&sb, command, &["root is a member of staff-sftp", "remove root"]);
    sb.sh("gpasswd -d root staff-sftp");
    let out = sb.sh(&format!("SUDO_USER=joe {command}"));
    assert!(
        out.stdout.contains("Members who will be jailed from their next login on: admin, anna."),
        "{out}"
    );
}

#[test]
fn a_block_for_one_of_the_members_is_reported_with_file_and_line() {
    let sb = Sandbox::stock();
    sb.user("bob").group("partners").add();
    sb.write("/etc/ssh/sshd_config.d/00-a.conf", "Match User b*\n  X11Forwarding yes\n");
    let words =
        ["/etc/ssh/sshd_config.d/00-a.conf:2: X11Forwarding is yes for members", "exclude the members"];
    refused(&sb, "sftpjail setup --yes --group partners", &words);
}

#[test]
fn a_journal_directory_that_others_own_or_can_write_is_refused() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -p /var/lib/sftpjail; chmod 777 /var/lib/sftpjail");
    refused(&sb, YES, &["/var/lib/sftpjail is not a directory owned by root and writable by nobody else"]);
    sb.sh("rmdir /var/lib/sftpjail; ln -s /tmp /var/lib/sftpjail");
    refused(&sb, YES, &["/var/lib/sftpjail is not a directory owned by root and writable by nobody else"]);
}

#[test]
fn another_path_of_the_configuration_is_refused() {
    refused(
        &Sandbox::stock(),
        "sftpjail --config /etc/other.toml setup --yes",
        &["/etc/sftpjail/config.toml", "--config"],
    );
}

#[test]
fn a_second_setup_at_the_same_time_is_refused() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -p /var/lib/sftpjail/setup");
    refused(
        &sb,
        "flock /var/lib/sftpjail/setup sftpjail setup --yes",
        &["another `sftpjail setup` is running"],
    );
}

#[test]
fn pam_that_refuses_everybody_is_not_called_set_up() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes; cp -a /etc/pam.d /tmp/good");
    for (script, expected) in [
        (
            "sed -i '/^account .*sftpjail/i account required pam_sftpjial.so' /etc/pam.d/sshd",
            "pam_sftpjial.so, which does not exist: libpam refuses every login, root's too; correct the module's name",
        ),
        (
            "sed -i s/pam_unix.so/pam_unxi.so/ /etc/pam.d/common-auth",
            "libpam refuses every password, root's too; ",
        ),
        ("echo @include missing >>/etc/pam.d/sshd", "libpam cannot read /etc/pam.d/missing"),
        (
            "echo sesion required pam_permit.so >>/etc/pam.d/sshd",
            "libpam does not know lines of the kind sesion",
        ),
        (
            "sed -i '/^@include common-account/i account [sucess=ok default=ignore] pam_unix.so' /etc/pam.d/sshd",
            "libpam refuses everybody, root too, also where pam_unix.so succeeds; correct the control field",
        ),
        (
            r"printf 'session optional \\\n' >>/etc/pam.d/sshd",
            "a backslash continues the last line, so libpam cannot read the file, and refuses logins",
        ),
        (
            "printf '#%01022dsession requisite pam_deny.so\n' 0 >>/etc/pam.d/sshd",
            "the line has more than 1023 bytes, and libpam 1.5 takes the rest for a line of its own",
        ),
    ] {
        sb.sh(script);
        let before = etc(&sb);
        for option in ["--yes", "--dry-run"] {
            let out = sb.try_sh(&format!("sftpjail setup {option}"));
            assert_eq!(out.code, Some(1), "{script}: {out}");
            assert!(
                out.stderr.contains(expected) && !out.stdout.contains("Nothing to do"),
                "{script}: {out}"
            );
        }
        assert_same(&before, &etc(&sb), &[]);
        sb.sh("cp -a /tmp/good/. /etc/pam.d; sftpjail setup --yes | grep -q '^Nothing to do'");
    }
    // setup's own lines are written again, with a control field that lets everybody in.
    for control in ["required", "[sucess=ok default=ignore]", "optional"] {
        sb.sh(&format!(
            "sed -i 's/^account .*pam_sftpjail.so/account {control} pam_sftpjail.so/' /etc/pam.d/sshd"
        ));
        sb.sh("sftpjail setup --yes; cmp /etc/pam.d/sshd /tmp/good/sshd");
    }
    // Keys do not need PAM's auth lines.
    sb.sh(
        "sed -i '/^@include common-auth/i auth requisite pam_deny.so' /etc/pam.d/sshd; sftpjail setup --yes",
    );
}

/// The trial member is checked once the changes are made, which are undone then.
#[test]
fn what_check_says_of_a_member_comes_with_its_fix() {
    let sb = Sandbox::stock();
    sb.sh("mkdir /etc/sftpjail; groupadd -r sftp-only; cat >/etc/sftpjail/config.toml <<'X'
[[profile]]
name = \"portal\"
groups = [\"sftp-only\"]
home = \"none\"
[[profile.volume]]
source = \"/srv/sftp/uploads\"
target = \"/uploads\"
X");
    let out = sb.try_sh("sftpjail setup --yes");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(
        out.stderr.contains("check` says of a member of sftp-only: volume: the volume /uploads"),
        "{out}"
    );
    assert!(!out.stderr.contains("   ") && !out.stderr.contains("fix that first"), "{out}");
}
