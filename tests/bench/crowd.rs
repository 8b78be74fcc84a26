//! `make bench`: what a session costs beside 10,000 others with jails in the host's namespace, compared with none.
//! `pam-driver crowd=N` measures it in a sandbox.

use sandbox::{Sandbox, artifact};

const OTHERS: u32 = 10_000;

fn main() {
    let sb = Sandbox::new();
    sb.sh("mkdir -p /etc/sftpjail; echo 'namespace = \"host\"' > /etc/sftpjail/config.toml");
    // First in /etc/passwd, so that NSS finds it at once, and its time does not hide ours.
    sb.user("mle").group("sftp").add();
    sb.sh(&format!(
        "groupadd crowd; gid=$(getent group crowd | cut -d: -f3); sftp=$(getent group sftp | cut -d: -f3); \
         mkdir -p /home/crowd; seq 0 {last} | sed 's|^|/home/crowd/user|' | xargs mkdir; \
         chown 0:$gid /home/crowd/*; \
         seq 0 {last} | awk -v g=$sftp '{{ print \"user\" $1 \":x:\" 100000 + $1 \":\" g \"::/home/crowd/user\" $1 \":/bin/sh\" }}' >> /etc/passwd",
        last = OTHERS - 1
    ));
    sb.install(&artifact("pam-driver"), "/usr/local/bin/pam-driver", 0o755);
    sb.sh("mkdir -p /root/pam.d");
    sb.write(
        "/root/pam.d/sshd",
        "session required pam_sftpjail.so close\nsession required pam_sftpjail.so open\n",
    );
    // Without this file libpam logs an error.
    sb.write("/root/pam.d/other", "session required pam_deny.so\n");
    print!("{}", sb.sh(&format!("pam-driver --confdir /root/pam.d mle crowd={OTHERS}")).stdout);
}
