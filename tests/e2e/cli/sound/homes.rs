//! What homes they have: none, in a portal; one that the first login makes; jails in the host's namespace.

use super::{BY_KEY, PORTAL, SSHD, is_sound, member, members_without_home, stock, system};

#[test]
fn a_portal_without_homes() {
    let sb = stock("sftp-only");
    sb.sh("mkdir -m 0755 /srv/sftp");
    members_without_home(&sb, "jack jill", "-g sftp-only -d /upload/$user");
    is_sound(&sb, PORTAL, BY_KEY, &[("jack", "/uploads"), ("jill", "/uploads")]);
}

#[test]
fn homes_that_the_first_login_makes() {
    let sb = stock("sftp");
    sb.append("/etc/pam.d/common-session", "session required pam_mkhomedir.so umask=0077\n");
    members_without_home(&sb, "anna eve", "-G sftp");
    is_sound(&sb, "", BY_KEY, &[("anna", "/home/anna"), ("eve", "/home/eve")]);
}

#[test]
fn jails_in_the_namespace_of_the_host() {
    let sb = stock("sftp");
    member(&sb, "anna", "/home/anna");
    member(&sb, "eve", "/home/eve");
    system(&sb, SSHD, BY_KEY, &[("anna", "/home/anna"), ("eve", "/home/eve")], |system| {
        system.set_up("");
        sb.restart_syslog();
        sb.sh("sed -i 's/^namespace = \"private\"/namespace = \"host\"/' /etc/sftpjail/config.toml; grep -q '^namespace = \"host\"' /etc/sftpjail/config.toml");
        system.is_sound();
        // What was edited is not thrown away.
        let out = sb.try_sh("sftpjail setup --undo --yes").failed();
        assert!(out.stderr.contains("move /etc/sftpjail/config.toml away"), "{out}");
        sb.sh("mv /etc/sftpjail/config.toml /root");
        system.undo();
    });
}
