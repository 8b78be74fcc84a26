//! Recipes for accounts and homes that come from elsewhere: directories, autofs, encrypted homes.

use super::moving::with_autofs;
use crate::common::page::Page;
use crate::common::unanswered::take_and_never_answer;
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

/// What the page says of a server that does not answer.
#[test]
fn logins_that_wait_for_a_home_count_as_not_logged_in_so_that_sshd_drops_others() {
    let sb = Page::machine(&[]);
    sb.user("anna").group("sftp").key(false).shell("/usr/sbin/nologin").add();
    sb.user("joe").add();
    sb.sh("install -d /etc/sftpjail/keys.d; cp /root/.ssh/id_ed25519.pub /etc/sftpjail/keys.d/anna
        sftpjail setup --managed-keys --yes");
    sb.sftp("anna", "pwd\n").ok();
    // Others from the third on, and not at random.
    sb.write("/etc/ssh/sshd_config.d/10-few.conf", "MaxStartups 3:100:3\nLoginGraceTime 2\n");
    sb.restart_sshd();
    sb.ssh("joe", &["true"]).ok();
    take_and_never_answer(&sb, "anna", "/home/anna");
    sb.sh("for i in 1 2 3; do setsid -f sftp -b /dev/null anna@127.0.0.1 >/dev/null 2>&1 </dev/null; done
        for i in $(seq 200); do test $(pgrep -c -f '^sshd: anna .priv') = 3 && break; sleep 0.05; done; sleep 3
        pkill -x sftp; pgrep -c -f '^sshd: anna .priv' | grep -x 3");
    sb.ssh("joe", &["true"]).failed();
    sb.wait_for_log("past MaxStartups");
}
