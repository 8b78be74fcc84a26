//! What must hold with kernels other than the host's, and on a disk that loses its power: in guests of QEMU.

mod apparmor;
mod guest;
mod old;
mod own_namespace;
mod power_cut;
mod selinux;
mod story;

use machines::{Guest, System};

/// Changes only that in the configuration.
#[track_caller]
fn set_namespace(guest: &Guest, namespace: &str) {
    guest.sh(&format!(
        "sed -i 's/^namespace = \"[a-z]*\"/namespace = \"{namespace}\"/' /etc/sftpjail/config.toml"
    ));
}

/// A member works in a folder that belongs to another account on the disk: the mount is idmapped, for which sshd makes
/// a user namespace.
#[track_caller]
fn a_granted_folder_is_another_accounts(guest: &Guest) {
    guest.sh("useradd web; mkdir -p /srv/sftp/site /etc/sftpjail/grants.d; chown web:web /srv/sftp/site
        not command -v restorecon >/dev/null || restorecon -RF /srv/sftp
        printf '%s\\n' '[[grant]]' 'folder = \"/srv/sftp/site\"' 'access = \"read-write\"' 'owner = \"web\"' \
            >/etc/sftpjail/grants.d/anna.toml");
    for namespace in ["private", "host"] {
        set_namespace(guest, namespace);
        let seen = guest.sftp("anna", "put /etc/hostname /srv/sftp/site/new\nls -n /srv/sftp/site\n");
        let log = "grep 'refused user anna' /var/log/auth.log | tail -n 1
            for log in /var/log/audit/audit.log /var/log/kern.log; do grep -i denied $log | tail -n 20; done";
        assert_eq!(seen.code, Some(0), "{seen}\n{}", guest.try_sh(log));
        guest.sh("test \"$(stat -c %U:%G /srv/sftp/site/new)\" = web:web; rm /srv/sftp/site/new");
        let checked = guest.sh("sftpjail check anna");
        assert!(checked.stdout.ends_with("anna is jailed and can log in.\n"), "{checked}");
    }
    guest.sh("rm -r /srv/sftp/site /etc/sftpjail/grants.d; userdel web");
}
