//! Options of setup beside a configuration that says something else: what to write into it.

use super::{assert_same, etc};
use sandbox::Sandbox;

const CONFIG: &str = "/etc/sftpjail/config.toml";

/// A machine that is set up, and what a further setup with these options says on stderr. It changes nothing.
fn said(options: &str) -> (Sandbox, String) {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    let before = etc(&sb);
    let out = sb.try_sh(&format!("sftpjail setup --yes {options}"));
    assert_eq!((out.code, out.stdout.as_str()), (Some(1), ""), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    (sb, out.stderr)
}

#[test]
fn the_lines_of_another_profile_are_shown_and_jail_its_members_once_they_are_appended() {
    for (options, group) in
        [("--profile upload-portal", "sftp-only"), ("--profile upload-portal --group portal", "portal")]
    {
        let (sb, said) = said(options);
        let (what, lines) = said.split_once(":\n\n").expect("a sentence, and lines");
        let without = options.replace(" upload-portal", "").replace(" portal", "").replace(" --", " and --");
        assert_eq!(
            what,
            format!(
                "sftpjail: {CONFIG} exists and has no profile upload-portal; append these lines to it, and run this \
                 without {without}"
            )
        );
        sb.append(CONFIG, format!("\n{lines}"));
        sb.sh("sftpjail config check; mkdir /srv/sftp; sftpjail setup --yes");
        sb.user("jack").group(group).add();
        sb.sftp("jack", "cd /uploads\nput /etc/hostname here\n").ok();
        sb.sh("sftpjail check jack");
    }
}

#[test]
fn the_line_with_another_group_or_jail_root_is_shown_and_works() {
    let (sb, out) = said("--group customers");
    let line = "groups = [\"sftp\", \"customers\"]";
    let what = format!(
        "{CONFIG} exists and has groups = [\"sftp\"]; write {line} there, and run this without --group"
    );
    assert_eq!(out, format!("sftpjail: {what}\n"));
    sb.sh(&format!("sed -i 's/^groups .*/{line}/' {CONFIG}; sftpjail setup --yes"));
    sb.user("kim").group("customers").add();
    sb.sftp("kim", "ls /etc/ssh\n").failed();
    sb.sh("sftpjail check kim");

    let (sb, out) = said("--jail-root /srv/jail");
    let line = "jail_root = \"/srv/jail\"";
    let what = format!(
        "{CONFIG} exists and has jail_root = \"/jail\"; write {line} there, and run this without --jail-root"
    );
    assert_eq!(out, format!("sftpjail: {what}\n"));
    sb.sh(&format!("sed -i 's,^jail_root .*,{line},' {CONFIG}; sftpjail setup --yes"));
    sb.user("kim").group("sftp").add();
    sb.sftp("kim", "pwd\n").ok();
    sb.sh("sftpjail check kim");
}
