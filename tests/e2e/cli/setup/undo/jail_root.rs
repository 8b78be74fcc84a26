//! Logins with jails in the host's namespace make the jail root a mount of itself. Undo takes that away, and no other
//! mount.

use super::UNDO;
use sandbox::{Output, Sandbox};

/// A machine that is set up for jails in the host's namespace.
fn set_up() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("mkdir /etc/sftpjail");
    sb.write(
        "/etc/sftpjail/config.toml",
        "namespace = \"host\"\n[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n",
    );
    sb.sh("sftpjail setup --yes");
    sb
}

fn undo(sb: &Sandbox) -> Output {
    sb.sh("for i in $(seq 200); do sftpjail list | grep -q Nobody && break; sleep 0.05; done");
    sb.sh(UNDO)
}

#[test]
fn undo_removes_a_jail_root_that_logins_have_mounted() {
    let sb = set_up();
    sb.user("anna").group("sftp").add();
    sb.sshd();
    sb.sftp("anna", "pwd\n").ok();
    sb.wait_for_logouts();
    sb.sh("findmnt --mountpoint /jail");
    let out = undo(&sb);
    assert!(!out.stdout.contains("/jail stays"), "{out}");
    sb.sh("not test -e /jail; not grep -q /jail /proc/mounts");
}

#[test]
fn undo_leaves_the_mount_of_an_admin_at_the_jail_root() {
    for mount in [
        "mount -t tmpfs -o mode=755 admins /jail",
        "mkdir -m 700 /srv/admins; mount --bind /srv/admins /jail",
    ] {
        let sb = set_up();
        sb.sh(mount);
        let out = undo(&sb);
        assert!(out.stdout.contains("/jail stays, because it is not empty, or is in use"), "{mount}: {out}");
        sb.sh("findmnt --mountpoint /jail | grep admins");
    }
}

#[test]
fn undo_leaves_a_mount_of_itself_that_is_no_jail_root() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes --profile upload-portal; mount --bind /srv/sftp /srv/sftp");
    let out = undo(&sb);
    assert!(out.stdout.contains("/srv/sftp stays, because it is not empty, or is in use"), "{out}");
    sb.sh("findmnt --mountpoint /srv/sftp");
}
