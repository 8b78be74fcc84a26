//! A real sssd in a sandbox, before the slapd of its neighbour. Installed, it would put itself into the
//! machine's own PAM configuration, so it is unpacked.

use std::time::Duration;

use sandbox::{Sandbox, wait_until};

/// Nothing is answered from the client's own cache, which outlives the daemon.
const CONFIG: &str = "\
[sssd]
services = nss
domains = example
[nss]
memcache_timeout = 0
[domain/example]
id_provider = ldap
auth_provider = none
access_provider = permit
ldap_uri = ldap://127.0.0.1/
ldap_search_base = dc=example,dc=org
ldap_schema = rfc2307
";

/// Starts it, and waits until it answers for `group`.
#[track_caller]
pub(crate) fn serve(sb: &Sandbox, group: &str) {
    for package in ["sssd-common", "sssd-krb5-common", "sssd-ldap", "libnss-sss"] {
        sb.unpack(package);
    }
    sb.sh("install -d -m 700 /etc/sssd");
    sb.write_mode("/etc/sssd/sssd.conf", CONFIG, 0o600);
    start(sb, group);
}

/// Starts it again, and waits until it answers for `group`.
#[track_caller]
pub(super) fn start(sb: &Sandbox, group: &str) {
    sb.sh("rm -f /run/sssd.pid; /usr/sbin/sssd -D");
    let answers = || (sb.try_sh(&format!("getent -s sss group {group}")).code == Some(0)).then_some(());
    let log = || sb.try_sh("tail -n 20 /var/log/sssd/*.log").stdout;
    assert!(wait_until(Duration::from_secs(30), answers).is_some(), "sssd does not answer: {}", log());
}

/// Ends all of it, as a crash does.
#[track_caller]
pub(super) fn kill(sb: &Sandbox) {
    // Whoever starts the others anew comes first.
    for name in ["/usr/sbin/sssd", "/usr/libexec/sssd/sssd_be", "/usr/libexec/sssd/sssd_nss"] {
        for pid in sb.pids(name) {
            let _gone = sb.try_sh(&format!("kill -KILL {pid}"));
        }
    }
    for pid in sb.pids("sssd") {
        sb.wait_gone(pid);
    }
}
