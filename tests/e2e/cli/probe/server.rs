//! The sshd of the probe and the one that runs: options of the command line, and restrictions.

use super::faults::failed;
use super::{machine, probe};

#[test]
fn the_options_of_the_running_sshd_hold_for_the_probe() {
    let sb = machine();
    sb.stop_sshd();
    sb.sshd_as("/usr/sbin/sshd -D -o UsePAM=no -o AuthorizedKeysFile=/none -o MaxSessions=1 -o AuthenticationMethods=password");
    let out = probe(&sb, "mle", 1);
    let with = "with the options of sshd (pid ";
    assert!(out.contains(&format!("✓ sshd           {with}")) && out.contains("-o UsePAM=no"), "{out}");
    let (login, fix) = failed(&out, "login").expect("a fault");
    assert!(
        login.ends_with("refused: User mle not allowed because account is locked; UsePAM is no"),
        "{login}"
    );
    // A line in a file would do nothing against it.
    assert!(fix.contains("→ restart sshd (pid "), "{fix}");
    assert!(fix.ends_with(" without its option \"-o UsePAM=no\", which wins over every file"), "{fix}");
    assert!(out.lines().last().is_some_and(|line| line.starts_with("mle cannot log in: ")), "{out}");
    sb.stop_sshd();
    sb.sshd_as("/usr/sbin/sshd -D -o PermitTTY=no -o Banner=/etc/$(x)");
    let out = probe(&sb, "mle", 0);
    assert!(out.contains(with) && out.contains("-o PermitTTY=no"), "{out}");
}

#[test]
fn what_restricts_the_running_sshd_is_said_not_to_be_shown() {
    let sb = machine();
    sb.stop_sshd();
    sb.sshd_as("/usr/bin/setpriv --bounding-set=-sys_admin /usr/sbin/sshd -D");
    let out = probe(&sb, "mle", 0);
    assert!(out.contains("✓ sshd           sshd (pid "), "{out}");
    assert!(
        out.contains(
            "may do less than the sshd of this probe, which shows nothing of that: it lacks capabilities"
        ),
        "{out}"
    );
    assert!(out.contains("; to try whether it can build the jail: sftpjail check mle\n"), "{out}");
    // check shows it.
    assert!(sb.try_sh("sftpjail check mle").stdout.contains("it lacks CAP_SYS_ADMIN"));
}
