//! Setup and sshd's files: what an admin has changed in setup's own block stays, blocks of others count where they
//! come first, names of groups are quoted, and `Subsystem sftp` must be there.

use super::refused::refused;
use super::{assert_same, etc};
use sandbox::Sandbox;

const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-sftpjail.conf";
const CONFIG: &str = "/etc/sftpjail/config.toml";

#[test]
fn what_an_admin_has_changed_in_the_block_stays() {
    for in_drop_in in [true, false] {
        let sb = Sandbox::stock();
        if !in_drop_in {
            sb.sh("sed -i '/^Include/d' /etc/ssh/sshd_config");
        }
        let file = if in_drop_in { DROP_IN } else { "/etc/ssh/sshd_config" };
        let before = etc(&sb);
        sb.sh("sftpjail setup --yes");
        sb.sh(&format!(
            "sed -i 's/internal-sftp -l INFO/internal-sftp -l VERBOSE -f LOCAL5/
             s/^    PermitUserRC no/    # ticket 4711\\n&\\n    Banner \\/etc\\/issue/' {file}"
        ));
        let changed = sb.read_text(file);
        let out = sb.sh("sftpjail setup --yes");
        assert!(out.stdout.starts_with("Nothing to do"), "{out}");

        // A group of the configuration changes the first line of the block only.
        sb.sh(&format!("sed -i 's/\\[\"sftp\"\\]/[\"sftp\", \"partners\"]/' {CONFIG}"));
        sb.sh("sftpjail setup --yes");
        assert_eq!(sb.read_text(file), changed.replace("Group sftp\n", "Group sftp,partners\n"));
        sb.user("bob").group("partners").add();
        let settings = sb.sh("sshd -T -C user=bob,host=h,addr=192.0.2.1,laddr=192.0.2.2,lport=22").stdout;
        assert!(settings.contains("forcecommand internal-sftp -l VERBOSE -f LOCAL5\n"), "{settings}");
        sb.sh("userdel -r bob 2>/dev/null; sftpjail setup --yes --undo --force");
        let _ = before;
    }
}

#[test]
fn a_setting_that_members_need_is_set_back_and_setup_says_so() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    let before = sb.read_text(DROP_IN);
    sb.sh(&format!("sed -i 's/PermitTTY no/PermitTTY yes/; /PermitTunnel/d' {DROP_IN}"));
    let out = sb.sh("sftpjail setup --yes");
    let note = format!("Note: {DROP_IN}:10: PermitTTY yes becomes PermitTTY no, which members need.");
    assert!(out.stdout.contains(&note), "{out}");
    let mut lines: Vec<_> = before.lines().filter(|line| !line.contains("PermitTunnel")).collect();
    lines.push("    PermitTunnel no");
    assert_eq!(sb.read_text(DROP_IN).lines().collect::<Vec<_>>(), lines);
}

#[test]
fn what_an_admin_has_changed_in_the_drop_in_of_systemd_stays() {
    let path = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";
    let sb = Sandbox::stock();
    sb.sh(&format!(
        "sftpjail setup --yes; sed -i '1,3d' {path}; printf 'Slice=members.slice\\n# ours\\n' >>{path}"
    ));
    let changed = sb.read_text(path);
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.starts_with("Nothing to do"), "{out}");
    sb.sh(&format!("sed -i 's/\\[\"sftp\"\\]/[\"sftp\", \"partners\"]/' {CONFIG}; sftpjail setup --yes"));
    assert_eq!(sb.read_text(path), changed.replace("config.toml sftp\n", "config.toml sftp partners\n"));
}

const PANEL: &str = "Match Group sftp\n  ChrootDirectory /srv/%u\n  ForceCommand /usr/lib/panel\n";

#[test]
fn a_block_of_another_panel_that_comes_after_is_no_conflict() {
    // At the end of the main file, which includes setup's file at its top.
    let sb = Sandbox::stock();
    sb.append("/etc/ssh/sshd_config", PANEL);
    let line = sb.read_text("/etc/ssh/sshd_config").lines().count() - 1;
    let out = sb.sh("sftpjail setup --yes");
    let note = format!(
        "Note: /etc/ssh/sshd_config:{line}: ChrootDirectory /srv/%u has no effect for members of sftp, because another Match block comes first."
    );
    assert!(out.stdout.contains(&note), "{out}");
    sb.user("anna").group("sftp").add();
    let seen = sb.sftp("anna", "pwd\n").ok();
    assert!(seen.stdout.contains("/home/anna"), "{seen}");
    sb.sh("sftpjail check anna");

    // In a file that sshd reads later.
    let sb = Sandbox::stock();
    sb.write("/etc/ssh/sshd_config.d/50-panel.conf", PANEL);
    sb.sh("sftpjail setup --yes");

    // Below the block in the main file, when only a value in that is missing.
    let sb = Sandbox::stock();
    sb.sh("sed -i '/^Include/d' /etc/ssh/sshd_config; sftpjail setup --yes");
    sb.append("/etc/ssh/sshd_config", PANEL);
    sb.sh("sed -i '/^    PermitTTY no/d' /etc/ssh/sshd_config; sftpjail setup --yes");
}

#[test]
fn a_block_of_another_panel_that_comes_before_is_a_conflict() {
    let sb = Sandbox::stock();
    sb.write("/etc/ssh/sshd_config.d/00-panel.conf", PANEL);
    refused(
        &sb,
        "sftpjail setup --yes",
        &["/etc/ssh/sshd_config.d/00-panel.conf:2: ChrootDirectory is /srv/%u for members"],
    );
    // sshd reads it before the line that includes setup's file.
    let sb = Sandbox::stock();
    sb.write("/etc/ssh/panel", PANEL);
    sb.sh("sed -i '1i Include /etc/ssh/panel' /etc/ssh/sshd_config");
    refused(&sb, "sftpjail setup --yes", &["/etc/ssh/panel:2: ChrootDirectory is /srv/%u for members"]);
    // Setup's block would come at the end of the main file.
    let sb = Sandbox::stock();
    sb.sh("sed -i '/^Include/d' /etc/ssh/sshd_config");
    sb.append("/etc/ssh/sshd_config", PANEL);
    refused(&sb, "sftpjail setup --yes", &["ChrootDirectory is /srv/%u for members"]);
}

#[test]
fn groups_with_blanks_and_backslashes_are_quoted_everywhere() {
    let sb = Sandbox::stock();
    sb.sh(r"printf 'EXAMPLE\\sftp users:x:5000:\n' >>/etc/group; mkdir -p /run/systemd/generator");
    let before = etc(&sb);
    let name = r"EXAMPLE\sftp users";
    let out = sb.script("sftpjail setup --yes --group \"$1\"", &[name], b"").ok();
    assert!(out.stdout.contains(r#"+Match Group "EXAMPLE\sftp users""#), "{out}");
    assert!(sb.read_text(CONFIG).contains(r#"groups    = ["EXAMPLE\\sftp users"]"#));
    let unit = sb.read_text("/etc/systemd/system/user@.service.d/50-sftpjail.conf");
    assert!(unit.ends_with("%i /etc/sftpjail/config.toml \"EXAMPLE\\\\sftp users\"\n"), "{unit}");

    sb.user("anna").raw().add();
    sb.sh(r"sed -i 's/^\(EXAMPLE.*\)$/\1anna/' /etc/group");
    let seen = sb.sftp("anna", "pwd\n").ok();
    assert!(seen.stdout.contains("/home/anna"), "{seen}");
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sh("sftpjail check anna; test $(sftpjail user-manager 1 x >/dev/null 2>&1; echo $?) = 0");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.starts_with("Nothing to do"), "{out}");
    sb.sh("sed -i '/^EXAMPLE/s/anna//' /etc/group; userdel anna 2>/dev/null || true; sftpjail setup --yes --undo --force");
    let _ = before;
}

#[test]
fn a_group_whose_name_cannot_be_written_or_made_is_refused() {
    let sb = Sandbox::stock();
    for (name, why) in [
        ("no such group", "setup can add only a group"),
        ("a,b", "sshd"),
        ("a\"b", "sshd"),
        ("a*", "sshd"),
        ("a\\", "sshd"),
        ("-x", "cannot be the name of the group"),
    ] {
        let before = etc(&sb);
        let out = sb.script("sftpjail setup --yes --group=\"$1\"", &[name], b"");
        assert!(out.code == Some(1) && out.stderr.contains(why), "{name}: {out}");
        assert_same(&before, &etc(&sb), &[]);
    }
}

#[test]
fn a_missing_subsystem_is_reported() {
    let sb = Sandbox::stock();
    sb.sh("sed -i 's/^Subsystem/#&/' /etc/ssh/sshd_config");
    refused(&sb, "sftpjail setup --yes", &["no `Subsystem sftp`", "Subsystem sftp internal-sftp"]);
    // Which program it names does not matter to members: ForceCommand wins.
    sb.append("/etc/ssh/sshd_config", "Subsystem sftp /no/such/sftp-server\n");
    sb.user("anna").group("sftp").add();
    sb.sh("sftpjail setup --yes");
    sb.sftp("anna", "pwd\n").ok();
}

/// sshd reads an included file in its place: `Match all` goes on below it.
#[test]
fn what_stands_below_the_line_that_includes_the_block_is_no_conflict() {
    let stock = "Match User joe\\nPasswordAuthentication no\\nMatch all";
    for is_set_up in [true, false] {
        let sb = Sandbox::stock();
        sb.user("anna").group("sftp").add();
        if is_set_up {
            sb.sh("sftpjail setup --yes");
        }
        sb.sh(&format!("sed -i '1i {stock}' /etc/ssh/sshd_config"));
        let out = sb.sh("sftpjail setup --yes");
        assert_eq!(out.stdout.starts_with("Nothing to do"), is_set_up, "{out}");
        sb.sh(&format!("test -e {DROP_IN}; sftpjail check anna"));
        let seen = sb.sftp("anna", "pwd\n").ok();
        assert!(seen.stdout.contains("/home/anna"), "{seen}");
    }
    // Above that line, it is one.
    let sb = Sandbox::stock();
    sb.sh(&format!("sed -i '1i {stock}\\nX11Forwarding yes' /etc/ssh/sshd_config"));
    let what = "/etc/ssh/sshd_config:4: X11Forwarding is yes for members, in the Match block of line 3";
    refused(&sb, "sftpjail setup --yes", &[what]);
}

/// sshd reads the included file for joe only, whatever its own `Match` lines say.
#[test]
fn a_block_that_another_users_block_includes_is_no_conflict() {
    let sb = Sandbox::stock();
    sb.write("/etc/ssh/joe", "Match all\nX11Forwarding yes\n");
    sb.sh("sed -i '1i Match User joe\\nInclude /etc/ssh/joe\\nMatch all' /etc/ssh/sshd_config");
    sb.user("anna").group("sftp").add();
    sb.sh("sftpjail setup --yes; sftpjail check anna");
}

/// Only sshd knows which of several criteria match.
#[test]
fn where_nothing_is_written_sshd_says_whether_a_block_that_comes_before_wins() {
    let sb = Sandbox::stock();
    sb.user("anna").group("sftp").add();
    sb.sh("sftpjail setup --yes");
    let others = "/etc/ssh/sshd_config.d/00-others.conf";
    sb.write(others, "Match Group sftp User joe\n  X11Forwarding yes\n");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.starts_with("Nothing to do"), "{out}");
    sb.write(others, "Match Group sftp User joe,anna\n  X11Forwarding yes\n");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("00-others.conf:2: X11Forwarding is yes for members"), "{out}");
}

#[test]
fn a_block_for_a_user_of_the_group_is_a_conflict_only_if_that_user_is_a_member() {
    let sb = Sandbox::stock();
    sb.user("anna").group("sftp").add();
    sb.user("joe").add();
    let others = "/etc/ssh/sshd_config.d/00-others.conf";
    sb.write(others, "Match Group sftp User joe,anna\n  X11Forwarding yes\n");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("00-others.conf:2: X11Forwarding is yes for members"), "{out}");
    sb.sh("! test -e /jail");
    sb.write(others, "Match Group sftp User joe\n  X11Forwarding yes\n");
    sb.sh("sftpjail setup --yes; sftpjail check anna");
}

/// The member list of a group is not all: users of every service of NSS may have it as the primary one.
#[test]
fn a_block_for_a_member_by_primary_group_of_another_service_is_a_conflict() {
    let sb = Sandbox::stock();
    sb.sh("groupadd sftp; mkdir -p /var/lib/extrausers /home/ext; chown 3000 /home/ext
        sed -i 's/^passwd:.*/passwd: files extrausers/' /etc/nsswitch.conf
        echo \"ext:x:3000:$(getent group sftp | cut -d: -f3)::/home/ext:/bin/sh\" >/var/lib/extrausers/passwd");
    sb.write("/etc/ssh/sshd_config.d/00-others.conf", "Match User ext\n  PermitTTY yes\n");
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --dry-run");
    assert_eq!(out.code, Some(1), "{out}");
    let what = "00-others.conf:2: PermitTTY is yes for members, in the Match block of line 1, which comes before setup's";
    assert!(out.stderr.contains(what), "{out}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn an_option_of_the_running_sshd_that_switches_pam_off_is_named_and_no_file() {
    let sb = Sandbox::stock();
    sb.sshd_as("/usr/sbin/sshd -D -o UsePAM=no");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    let what = "sftpjail: UsePAM is no, so sshd calls no PAM module; restart sshd (pid ";
    assert!(out.stderr.starts_with(what), "{out}");
    let fix = " without its option \"-o UsePAM=no\", which wins over every file\n";
    assert!(out.stderr.ends_with(fix), "{out}");
}
