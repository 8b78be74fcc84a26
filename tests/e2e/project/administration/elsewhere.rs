//! Recipes for accounts and homes that come from elsewhere: directories, autofs, encrypted homes.

use super::moving::with_autofs;
use crate::common::page::Page;
use crate::pam_sftpjail::nss::ldap::{Directory, nsswitch};
use crate::pam_sftpjail::nss::sssd;
use crate::pam_sftpjail::pam::stack::mounts::with_encrypted_home;

#[test]
fn users_of_a_directory() {
    let sb = Page::stock_machine(&[]);
    sb.user("joe").add();
    sb.user("boss").group("sudo").add();
    Directory::default()
        .group("staff", 7000, &[])
        .group("customers", 7001, &["lena"])
        .user_with_shell("lena", 7100, 7000, "/usr/sbin/nologin")
        .serve(&sb);
    sssd::serve(&sb, "customers");
    nsswitch(&sb, "files systemd sss");
    sb.sh("install -d -o lena -g staff -m 750 /home/lena; install -d -o lena -m 700 /home/lena/.ssh
        install -o lena -m 600 /root/.ssh/id_ed25519.pub /home/lena/.ssh/authorized_keys");
    Page::read("docs/recipes/directories.md").run(&sb);
}

#[test]
fn homes_that_are_mounted() {
    let sb = Page::machine(&[]);
    sb.user("anna").group("sftp").home("/srv/homes/anna").shell("/usr/sbin/nologin").add();
    sb.sh("sed -i 's|:/srv/homes/anna:|:/home/net/anna:|' /etc/passwd");
    sb.write("/etc/auto.homes", "*  -fstype=bind  :/srv/homes/&\n");
    with_autofs(&sb, "homes", "/home/net  /etc/auto.homes  --timeout=60\n", "/home/net");
    sb.user("ben").group("sftp").password(Page::PASSWORD).key(false).shell("/usr/sbin/nologin").add();
    with_encrypted_home(&sb, "ben", Page::PASSWORD);
    Page::read("docs/recipes/homes-elsewhere.md").run(&sb);
}
