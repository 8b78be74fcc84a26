//! `make bench`: what a login costs in the module, compared with the bare system calls that the same jail needs; and
//! what a grant adds to it, and another owner. `pam-driver measure=N` and `compare=N` measure it in a sandbox.

use sandbox::{Sandbox, artifact};

fn main() {
    let sb = Sandbox::new();
    sb.user("mle").add();
    sb.user("mle-sub").home("/home/mle/sub").primary("mle").group("sftp").add();
    sb.install(&artifact("pam-driver"), "/usr/local/bin/pam-driver", 0o755);
    sb.sh("mkdir -p /root/pam.d");
    sb.write(
        "/root/pam.d/sshd",
        "session required pam_sftpjail.so close\nsession required pam_sftpjail.so open\n",
    );
    sb.write("/root/pam.d/permit", "session required pam_permit.so\nsession required pam_permit.so\n");
    // The first login makes the jail root, which the bare system calls need as well.
    sb.sh("pam-driver --confdir /root/pam.d mle-sub open close");
    print!("{}", sb.sh("pam-driver --confdir /root/pam.d mle-sub measure=2000").stdout);

    sb.sh("useradd -r web; install -d -o web /srv/media; install -d /etc/sftpjail/grants.d");
    for (user, owner) in [("anna", None), ("anna-plain", Some("")), ("anna-owner", Some("owner = \"web\"\n"))]
    {
        sb.user(user).group("sftp").add();
        if let Some(owner) = owner {
            let grant = format!("[[grant]]\nfolder = \"/srv/media\"\naccess = \"read-write\"\n{owner}");
            sb.write(format!("/etc/sftpjail/grants.d/{user}.toml"), grant);
        }
    }
    print!("{}", sb.sh("pam-driver --confdir /root/pam.d anna compare=2000").stdout);
}
