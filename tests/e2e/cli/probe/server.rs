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
fn what_restricts_the_running_sshd_is_rehearsed() {
    let sb = machine();
    let restricted = |drop: &str| {
        sb.stop_sshd();
        sb.sshd_as(&format!("/usr/bin/setpriv --bounding-set={drop} /usr/sbin/sshd -D"));
    };
    restricted("-sys_admin");
    let out = probe(&sb, "mle", 1);
    let (found, fix) = failed(&out, "sshd").expect("a fault");
    assert!(
        found.contains(" cannot let the user into a jail: ") && found.ends_with("; it lacks CAP_SYS_ADMIN"),
        "{out}"
    );
    assert_eq!(fix.trim(), "→ start sshd without that restriction");
    assert!(out.contains("✓ login "), "{out}");
    let last = "mle is jailed but cannot log in: the running sshd cannot build the jail.\n";
    assert!(out.ends_with(last), "{out}");
    sb.sftp("mle", "pwd\n").failed();
    // What jails do not need.
    restricted("-sys_time");
    let out = probe(&sb, "mle", 0);
    assert!(
        out.contains("may do less than the sshd of this probe (it lacks capabilities), and builds the jail in a rehearsal"),
        "{out}"
    );
    assert!(out.ends_with("mle is jailed and can log in.\n"), "{out}");
    // Where the login fails anyway, that is the reason.
    restricted("-sys_admin");
    sb.sh("chown joe /home/mle || chown daemon /home/mle");
    let out = probe(&sb, "mle", 1);
    assert!(out.contains("; to try whether it can build the jail: sftpjail check mle\n"), "{out}");
    assert!(failed(&out, "login").is_some() && failed(&out, "sshd").is_none(), "{out}");
}

/// Starts sshd in a mount namespace of its own, in which this has been done.
fn with_own_mounts(sb: &sandbox::Sandbox, done: &str) -> i32 {
    sb.stop_sshd();
    let script = format!(
        "#!/bin/sh\nexec unshare --mount --propagation slave sh -c '{done}\nexec \"$@\"' sh \"$@\"\n"
    );
    sb.write_mode("/usr/local/sbin/start", script, 0o755);
    sb.sshd_as("/usr/local/sbin/start /usr/sbin/sshd -D")
}

#[test]
fn the_probe_logs_in_with_the_mounts_of_the_running_sshd() {
    let sb = machine();
    let pid = with_own_mounts(&sb, "mount --bind /home /home && mount -o remount,ro,bind /home");
    let out = probe(&sb, "mle", 1);
    let with = format!(
        "✓ sshd           with the mounts of sshd (pid {pid}, port 22), which are not this program's\n"
    );
    assert!(out.contains(&with) && !out.contains("may do less"), "{out}");
    let (write, _) = failed(&out, "write").expect("a fault");
    assert!(write.contains("/home/mle"), "{write}");
    // A refusal that this program's mounts do not show is explained by the module's entry.
    with_own_mounts(&sb, "mount -t tmpfs -o mode=755 none /home");
    let out = probe(&sb, "mle", 1);
    let (login, _) = failed(&out, "login").expect("a fault");
    assert!(login.contains("/home/mle cannot be used: it does not exist"), "{login}");
}

#[test]
fn a_jail_of_the_probe_is_in_the_namespace_of_the_running_sshd() {
    let sb = machine();
    sb.sh("mkdir -p /etc/sftpjail; echo 'namespace = \"host\"' >/etc/sftpjail/config.toml; chmod 700 /jail || true");
    let pid = with_own_mounts(&sb, ":");
    // Beside a session there, the probe's is the second in the same jail.
    let live = sb.sftp_live("mle");
    let before = sb.mounts_of(pid);
    let out = probe(&sb, "mle", 0);
    assert!(out.contains("✓ module         built the jail: profile home, namespace host\n"), "{out}");
    assert_eq!(sb.mounts_of(pid), before);
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    let out = probe(&sb, "mle", 0);
    assert!(out.ends_with("mle is jailed and can log in.\n"), "{out}");
    assert_eq!(sb.sh("ls -A /jail; ls /run/sftpjail").stdout, "");
}
