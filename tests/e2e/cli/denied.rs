//! What the kernel denies root though the permissions allow it: each verb names the security module that is on, and no
//! permissions.

use sandbox::Sandbox;

#[test]
fn a_file_that_selinux_denies_to_root_is_not_blamed_on_permissions() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.sh("touch /var/log/sftp.log");
    // The one file of selinuxfs that is asked: this machine's kernel may have no SELinux.
    sb.sh("mount -t tmpfs tmpfs /sys; mkdir -p /sys/fs/selinux; echo 1 >/sys/fs/selinux/enforce");
    let files = [
        ("/etc/sftpjail/config.toml", "check anna"),
        ("/etc/pam.d/sshd", "check anna"),
        ("/var/log/sftp.log", "audit"),
    ];
    let said = files.map(|(path, verb)| {
        let strace = format!("strace -qqo /dev/null -P {path} -e inject=openat,openat2:error=EACCES");
        let out = sb.try_sh(&format!("{strace} sftpjail {verb} 2>&1")).stdout;
        let is_of_it = |line: &&str| line.contains(path) && line.contains("cannot be read");
        // The fix is in the same line, or in the next one.
        out.lines().skip_while(|line| !is_of_it(line)).take(2).collect::<Vec<_>>().join("\n")
    });
    let is_named = |said: &&String| {
        said.contains("let SELinux allow it: `sftpjail setup`")
            && !["as root", "readable", "sure"].iter().any(|guess| said.contains(guess))
    };
    let others: Vec<_> = said.iter().filter(|said| !is_named(said)).collect();
    assert!(others.is_empty(), "{others:#?}");
}
