//! Who is no member any more, while sessions from before are live.

use super::machine;

#[test]
fn the_log_names_whom_sshd_may_serve_from_a_jail_that_is_still_there() {
    let sb = machine();
    let live = sb.sftp_live("mle");
    // sshd's Match block is for members of the group; what exempts an account is the module's alone.
    sb.sh("groupadd wheel; usermod -aG wheel mle; sed -i '1i exempt_groups = [\"wheel\"]' /etc/sftpjail/config.toml");
    sb.sftp("mle", "ls\n").ok();
    let line = sb.wait_for_log("user mle is no longer jailed");
    assert!(line.contains("without a record; fix: sftpjail kick mle"), "{line}");
    assert_eq!(live.quit(), Some(0));
    sb.sh("for i in $(seq 500); do test -e /jail/mle || exit 0; sleep 0.02; done; exit 1");
    sb.sftp("mle", "ls\n").failed();
}
