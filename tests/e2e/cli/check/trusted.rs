//! Files of sshd and PAM that others than root can change: whoever changes them ends the jail.

use super::faults::{Fault, Machine, failed};
use crate::cli::setup::NOTHING;
use sandbox::Sandbox;

const SSHD: &str = "sshd files";
const PAM: &str = "pam files";

#[test]
fn files_of_sshd_and_pam_that_others_can_change() {
    let machine = Machine::new();
    machine.sb.write("/etc/ssh/sshd_config.d/50-own.conf", "MaxAuthTries 5\n");
    machine.sb.sh("cp -a /etc/ssh/sshd_config.d /tmp/good/ssh/");
    machine.each(&[
        failed(
            "chmod 666 /etc/ssh/sshd_config",
            SSHD,
            "users other than root can change /etc/ssh/sshd_config",
        )
        .concludes("mle IS NOT JAILED: users other than root can change /etc/ssh/sshd_config"),
        failed(
            "chmod 666 /etc/ssh/sshd_config.d/50-own.conf",
            SSHD,
            "change /etc/ssh/sshd_config.d/50-own.conf",
        )
        .concludes("mle IS NOT JAILED: users other than root can change /etc/ssh/sshd_config.d/50-own.conf"),
        failed(
            "chown joe /etc/ssh/sshd_config.d/50-own.conf",
            SSHD,
            "change /etc/ssh/sshd_config.d/50-own.conf",
        )
        .concludes("mle IS NOT JAILED: users other than root can change /etc/ssh/sshd_config.d/50-own.conf"),
        failed("chmod 777 /etc/ssh/sshd_config.d", SSHD, "change /etc/ssh/sshd_config.d")
            .concludes("mle IS NOT JAILED: users other than root can change /etc/ssh/sshd_config.d"),
        // With the sticky bit, others can still add a file.
        failed(
            "rm /etc/ssh/sshd_config.d/*; chmod 1777 /etc/ssh/sshd_config.d",
            SSHD,
            "change /etc/ssh/sshd_config.d",
        )
        .concludes("mle IS NOT JAILED: users other than root can change /etc/ssh/sshd_config.d"),
        failed("chmod 666 /etc/pam.d/sshd", PAM, "users other than root can change /etc/pam.d/sshd")
            .concludes("mle IS NOT JAILED: users other than root can change /etc/pam.d/sshd"),
        failed("chgrp joe /etc/pam.d/sshd; chmod 664 /etc/pam.d/sshd", PAM, "change /etc/pam.d/sshd")
            .concludes("mle IS NOT JAILED: users other than root can change /etc/pam.d/sshd"),
        failed("chmod 666 /etc/pam.d/common-auth", PAM, "change /etc/pam.d/common-auth")
            .concludes("mle IS NOT JAILED: users other than root can change /etc/pam.d/common-auth"),
        failed("chmod 666 /etc/pam.d/common-password", PAM, "change /etc/pam.d/common-password")
            .concludes("mle IS NOT JAILED: users other than root can change /etc/pam.d/common-password"),
        failed("chmod 777 /etc/pam.d", PAM, "change /etc/pam.d")
            .concludes("mle IS NOT JAILED: users other than root can change /etc/pam.d"),
        failed("chown joe /etc/pam.d", PAM, "change /etc/pam.d (owner ")
            .concludes("mle IS NOT JAILED: users other than root can change /etc/pam.d"),
        Fault::in_words(
            failed(
                "chgrp joe /etc/ssh; chmod 775 /etc/ssh",
                SSHD,
                "change /etc/ssh, which leads to /etc/ssh/sshd_config.d",
            ),
            "let only root own and write /etc/ssh, after a look at what is in it",
        )
        .concludes("mle IS NOT JAILED: users other than root can change /etc/ssh"),
    ]);
    let sb = &machine.sb;
    sb.sh("chmod 666 /etc/pam.d/sshd");
    let out = sb.try_sh("sftpjail check mle");
    assert!(
        out.stdout.contains("mle IS NOT JAILED: users other than root can change /etc/pam.d/sshd"),
        "{out}"
    );
    let fix = "→ check its content, then: chmod go-w /etc/pam.d/sshd\n";
    assert!(out.stdout.contains(fix), "{out}");
    assert_eq!(sb.try_sh("sftpjail check --all").code, Some(1));
}

#[test]
fn setup_refuses_them_even_where_nothing_is_to_be_done() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    for (open, at, closed) in [
        (
            "chmod 666 /etc/ssh/sshd_config.d/00-sftpjail.conf",
            "/etc/ssh/sshd_config.d/00-sftpjail.conf",
            "chmod 644",
        ),
        ("chmod 666 /etc/ssh/sshd_config", "/etc/ssh/sshd_config", "chmod 644"),
        ("chmod 777 /etc/ssh/sshd_config.d", "/etc/ssh/sshd_config.d", "chmod 755"),
        ("chmod 666 /etc/pam.d/sshd", "/etc/pam.d/sshd", "chmod 644"),
        ("chmod 666 /etc/pam.d/common-account", "/etc/pam.d/common-account", "chmod 644"),
        ("chown 65534 /etc/pam.d", "/etc/pam.d", "chown root"),
    ] {
        sb.sh(open);
        for command in ["sftpjail setup --yes", "sftpjail setup --dry-run"] {
            let out = sb.try_sh(command);
            assert_eq!(out.code, Some(1), "{open}: {out}");
            assert!(out.stderr.contains(&format!("sftpjail: {at} is ")), "{open}: {out}");
        }
        sb.sh(&format!("{closed} {at}"));
        assert_eq!(sb.sh("sftpjail setup --yes").stdout, NOTHING, "{open}");
    }
}
