//! /etc/nologin, which lets only root log in, and the fix where PAM has no line of the module.

use super::super::{check, checked, machine};
use sandbox::Sandbox;

#[test]
fn a_file_that_lets_only_root_log_in_is_found_and_is_the_reason() {
    let sb = machine();
    for file in ["/etc/nologin", "/run/nologin"] {
        sb.sftp("mle", "ls\n").ok();
        sb.sh(&format!("echo maintenance >{file}"));
        let out = check(&sb, "mle", 1).stdout;
        let shown = if file == "/run/nologin" { "/var/run/nologin" } else { file };
        let found = format!(
            "✗ nologin        {shown} exists, so PAM lets nobody but root log in (pam_nologin at /etc/pam.d/"
        );
        assert!(out.contains(&found), "{out}");
        assert!(out.contains("→ remove that file when the maintenance is over\n"), "{out}");
        assert!(out.ends_with(&format!("\nmle is jailed but cannot log in: {shown} exists.\n")), "{out}");
        let out = checked(sb.try_sh("sftpjail check --all"), 1).stdout;
        assert!(out.ends_with("1 user: 1 is kept out on purpose. The host has problems.\n"), "{out}");
        // It is true.
        sb.sftp("mle", "ls\n").failed();
        sb.sh(&format!("rm {file}"));
    }
    // PAM does not ask.
    sb.sh("echo maintenance >/etc/nologin; sed -i '/pam_nologin/d' /etc/pam.d/sshd");
    check(&sb, "mle", 0);
    sb.sftp("mle", "ls\n").ok();
}

#[test]
fn setup_goes_on_during_a_maintenance() {
    let sb = Sandbox::stock();
    sb.sh("echo maintenance >/etc/nologin; sftpjail setup --yes");
}
