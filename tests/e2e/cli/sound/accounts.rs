//! Whose accounts they are: a panel's with sub-accounts, twins with one uid, a directory's.

use super::{BY_KEY, BY_PASSWORD, is_sound, member, stock};
use crate::pam_sftpjail::nss::ldap::Directory;

#[test]
fn a_panel_with_sub_accounts_below_its_customers_homes() {
    let sb = stock("sftp");
    for customer in ["mle", "abc"] {
        sb.user(customer).password("a customer's").add();
        member(&sb, &format!("{customer}-web"), &format!("/home/{customer}/web"));
    }
    member(&sb, "mle-shop", "/home/mle/shops/one");
    sb.sh("chown mle:mle /home/mle/shops");
    is_sound(
        &sb,
        "",
        BY_PASSWORD,
        &[("mle-web", "/home/mle/web"), ("mle-shop", "/home/mle/shops/one"), ("abc-web", "/home/abc/web")],
    );
}

#[test]
fn a_panel_whose_sub_accounts_have_the_uid_of_their_customer() {
    let sb = stock("sftp");
    sb.user("mle").password("a customer's").add();
    sb.sh("for twin in mle-web mle-shop; do
            useradd -o -u $(id -u mle) -g mle -G sftp -s /usr/sbin/nologin -d /home/mle/$twin $twin
            echo $twin:secret | chpasswd; install -d -o mle -g mle -m 750 /home/mle/$twin
            install -d -o mle -g mle -m 700 /home/mle/$twin/.ssh
            install -o mle -m 600 /root/.ssh/id_ed25519.pub /home/mle/$twin/.ssh/authorized_keys
        done");
    is_sound(&sb, "", BY_PASSWORD, &[("mle-web", "/home/mle/mle-web"), ("mle-shop", "/home/mle/mle-shop")]);
}

#[test]
fn accounts_and_their_group_in_ldap() {
    let sb = stock("");
    Directory::default()
        .group("staff", 9000, &[])
        .group("sftp", 9001, &["anna", "eve"])
        .user_with_shell("anna", 9100, 9000, "/usr/sbin/nologin")
        .user_with_shell("eve", 9101, 9000, "/usr/sbin/nologin")
        .serve(&sb);
    sb.sh("for user in anna eve; do
            install -d -o $user -g staff -m 750 /home/$user; install -d -o $user -m 700 /home/$user/.ssh
            install -o $user -m 600 /root/.ssh/id_ed25519.pub /home/$user/.ssh/authorized_keys
        done");
    // So that sshd refuses members while the directory does not answer it.
    sb.sh("printf 'AllowGroups root sftp\\n' >/etc/ssh/sshd_config.d/groups.conf");
    is_sound(&sb, "", BY_KEY, &[("anna", "/home/anna"), ("eve", "/home/eve")]);
}
