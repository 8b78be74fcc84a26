//! What the sandboxes of several contests have.

use sandbox::{Sandbox, artifact};

/// `pam-driver` and, in /root/pam.d, the services of our module in both namespaces, of pam_permit and of pam_namespace,
/// each tried once by `user`: the first login makes the jail root, which the bare system calls need as well.
pub fn with_services(sb: &Sandbox, user: &str) {
    sb.install(&artifact("pam-driver"), "/usr/local/bin/pam-driver", 0o755);
    sb.sh("install -d /root/pam.d /srv/own; install -d -m 000 /srv/instances");
    service(sb, "sshd", "pam_sftpjail.so close", "pam_sftpjail.so open");
    let host = "namespace = \"host\"\njail_root = \"/jail-host\"\nservices = [\"host\"]\n";
    sb.write("/etc/sftpjail-host.toml", host);
    let [close, open] =
        ["close", "open"].map(|end| format!("pam_sftpjail.so config=/etc/sftpjail-host.toml {end}"));
    service(sb, "host", &close, &open);
    service(sb, "permit", "pam_permit.so", "pam_permit.so");
    // Without a script, which Debian's namespace.init is.
    sb.write("/etc/security/namespace.conf", "/srv/own /srv/instances/ user:noinit root\n");
    service(sb, "namespace", "pam_permit.so", "pam_namespace.so");
    // Without this file libpam logs an error.
    service(sb, "other", "pam_deny.so", "pam_deny.so");
    for service in ["sshd", "host", "namespace"] {
        sb.sh(&format!("pam-driver --confdir /root/pam.d --service {service} {user} whole"));
    }
}

/// A service with two session lines, as ours has. The account line is ours where they are.
pub fn service(sb: &Sandbox, name: &str, first: &str, last: &str) {
    let account =
        if first.starts_with("pam_sftpjail") { first.trim_end_matches(" close") } else { "pam_permit.so" };
    let lines = format!("account required {account}\nsession required {first}\nsession required {last}\n");
    sb.write(format!("/root/pam.d/{name}"), lines);
}

/// A member `mle`, for whom sshd has two chroots at /jail/mle: a jail, and one that root has made beforehand with the
/// same things in it. [`CHROOTS`] chooses.
pub fn with_two_chroots() -> Sandbox {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.install(&artifact("pam-driver"), "/usr/local/bin/pam-driver", 0o755);
    sb.sh("grep -v pam_sftpjail /etc/pam.d/sshd >/etc/pam.d/sshd-static
        mkdir -m 755 /jail /jail-static; cd /jail-static
        mkdir -p mle/home/mle mle/etc mle/dev; touch mle/dev/log mle/static
        cp /etc/localtime mle/etc; for file in passwd group; do grep -E '^(root|mle)' /etc/$file >mle/etc/$file; done
        mount --bind /home/mle mle/home/mle; mount --bind /dev/log mle/dev/log");
    sb
}

/// What changes between the two logins of a pair: the PAM lines, and the jail root, since the module refuses one in
/// which something stands already.
pub const CHROOTS: [&str; 2] = ["/etc/pam.d/sshd:/etc/pam.d/sshd-static", "/jail:/jail-static"];

/// Exchanges them, as a pair does.
pub fn exchange(sb: &Sandbox) {
    for names in CHROOTS {
        let (one, other) = names.split_once(':').expect("two names");
        sb.sh(&format!("mv {one} {one}-other; mv {other} {one}; mv {one}-other {other}"));
    }
}
