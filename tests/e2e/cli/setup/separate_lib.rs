//! A system whose /lib is no symlink into /usr, as Debian 11 may be: PAM's modules are there, and not in /usr/lib.

use super::undo;
use sandbox::{Sandbox, artifact};

/// The dynamic linker looks for libraries in both, and programs name it by its path in /lib.
const SEPARATE: &str = "own=/lib.own/x86_64-linux-gnu; mkdir -p $own
    mv /usr/lib/x86_64-linux-gnu/security $own
    for file in /usr/lib/* /usr/lib/x86_64-linux-gnu/*; do
        at=/lib.own${file#/usr/lib}; [ -e $at ] || ln -s $file $at
    done
    linker=$(readlink -f /lib64/ld-linux-x86-64.so.2); rm /lib; $linker /usr/bin/mv /lib.own /lib
    test -d /lib -a ! -L /lib -a ! -e /usr/lib/x86_64-linux-gnu/security";

#[test]
fn the_module_is_installed_where_libpam_looks_and_members_are_jailed() {
    let sb = Sandbox::stock();
    let module = "/lib/x86_64-linux-gnu/security/pam_sftpjail.so";
    sb.sh(&format!(
        "{SEPARATE}; rm {module}; mkdir /root/release; cp /usr/local/sbin/sftpjail /root/release"
    ));
    sb.install(&artifact("libpam_sftpjail.so"), "/root/release/libpam_sftpjail.so", 0o755);
    let out = sb.sh("/root/release/sftpjail setup --yes");
    assert!(out.stdout.contains(&format!("{module}: new, binary")), "{out}");
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("anna", "pwd\n").ok();
    let out = sb.sh("sftpjail check anna");
    assert!(out.stdout.contains(&format!("✓ pam module     {module}, version ")), "{out}");
    assert!(out.stdout.ends_with("anna is jailed and can log in.\n"), "{out}");
    sb.sh("sftpjail probe anna");
    undo(&sb);
    sb.sh(&format!("! test -e {module}"));
}
