//! `sftpjail check` says that a filesystem is full.

use sandbox::Sandbox;

#[test]
fn a_full_home_or_volume_is_a_warning() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.sh(
        "mkdir -p /etc/sftpjail /srv/full /srv/read; mount -t tmpfs -o nr_inodes=1,mode=755,uid=$(id -u mle) none /srv/full; \
           mount -t tmpfs -o nr_inodes=1,mode=755 none /srv/read",
    );
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/srv/full\"\ntarget = \"/full\"\n\
         [[profile.volume]]\nsource = \"/srv/read\"\ntarget = \"/read\"\nread_only = true\n",
    );
    let said = |what: &str, df: &str| {
        format!(
            "! room           the filesystem of {what} left: the user can log in, and store nothing\n                 → make \
             room on that filesystem: see {df}\n"
        )
    };
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains(&said("/full has no inodes", "df -i")), "{out}");
    assert_eq!(out.stdout.matches("! room").count(), 1, "{out}");
    sb.sh("mount -t tmpfs -o size=64k,mode=750,uid=$(id -u mle),gid=$(id -g mle) none /home/mle; cat /dev/zero >/home/mle/fill || true");
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains(&said("/home/mle has no space", "df -h")), "{out}");
}
