//! `make bench`: what a login costs beside the grants and keys of 10,000 others, compared with none.
//! `pam-driver among=N` measures it in a sandbox.

use sandbox::{Sandbox, artifact, run_within};
use std::time::Duration;

const OTHERS: u32 = 10_000;

fn main() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.install(&artifact("pam-driver"), "/usr/local/bin/pam-driver", 0o755);
    sb.sh(&format!(
        "install -d -m 777 /srv/media; mkdir -p /etc/sftpjail; cd /etc/sftpjail
         install -d grants.d keys.d grants.of-all keys.of-all /root/pam.d
         printf '[[grant]]\\nfolder = \"/srv/media\"\\naccess = \"read-write\"\\n' >grants.d/mle.toml
         mv /home/mle/.ssh/authorized_keys keys.d/mle; chown root: keys.d/mle; chmod 644 keys.d/mle
         cp grants.d/mle.toml grants.of-all; cp keys.d/mle keys.of-all
         grant=$(cat grants.d/mle.toml); key=$(cat keys.d/mle)
         for n in $(seq {OTHERS}); do
             printf '%s\\n' \"$grant\" >grants.of-all/user$n.toml; printf '%s\\n' \"$key\" >keys.of-all/user$n
         done"
    ));
    sb.write(
        "/root/pam.d/sshd",
        "session required pam_sftpjail.so close\nsession required pam_sftpjail.so open\n",
    );
    // Without this file libpam logs an error.
    sb.write("/root/pam.d/other", "session required pam_deny.so\n");
    sb.sshd_with("AuthorizedKeysFile /etc/sftpjail/keys.d/%u\n");
    println!("beside the grants and keys of {OTHERS} others");
    let mut driver = sb.command("pam-driver");
    driver.args(["--confdir", "/root/pam.d", "mle", "among=2000"]);
    print!("{}", run_within(Duration::from_secs(600), driver, "the benchmark", b"").ok().stdout);
}
