//! The README, and setting up by hand, done as they say on a stock machine.

use sandbox::Sandbox;

use crate::common::page::Page;

const README: &str = include_str!("../../../README.md");

/// What both see then.
const LOGINS: &str = "\
```console
$ echo photo >photo.jpg
$ sftp anna@files.example.com
anna@files.example.com's password:
Connected to files.example.com.
sftp> pwd
Remote working directory: /home/anna
sftp> ls /home
/home/anna
$ sftp felix@files.example.com
felix@files.example.com's password:
Connected to files.example.com.
sftp> put photo.jpg /srv/www/shop/media
Uploading photo.jpg to /srv/www/shop/media/photo.jpg
sftp> ls /srv/www
/srv/www/shop
# stat -c %U /srv/www/shop/media/photo.jpg
www-data
```
";

#[test]
fn what_the_readme_says_jails_a_customer_and_a_freelancer() {
    let sb = Page::stock_machine(&[]);
    Page::read("README.md").run(&sb);
    Page::new("their-logins.md", LOGINS).run(&sb);
}

#[test]
fn the_readme_is_short_enough_to_be_read() {
    assert!(README.lines().count() <= 150, "{} lines", README.lines().count());
}

#[test]
fn what_is_set_up_by_hand_jails_its_members_and_has_a_log_of_theirs() {
    let sb = Sandbox::stock();
    sb.user("anna").add();
    // Before: an ordinary user.
    assert!(sb.sftp("anna", "ls /etc/ssh\n").ok().stdout.contains("sshd_config"));

    sb.sh(
        "groupdel sftp 2>/dev/null || true; mkdir -p /root/config /root/systemd /root/rsyslog.d /root/pam.d",
    );
    for (name, text) in [
        ("config/home.toml", include_str!("../../../config/home.toml")),
        ("systemd/50-sftpjail.conf", include_str!("../../../systemd/50-sftpjail.conf")),
        ("rsyslog.d/sftpjail.conf", include_str!("../../../rsyslog.d/sftpjail.conf")),
        ("pam.d/sshd", include_str!("../../../pam.d/sshd")),
    ] {
        sb.write(format!("/root/{name}"), text);
    }
    Page::read("docs/by-hand.md").run(&sb);
    sb.restart_sshd();
    sb.restart_syslog();
    sb.sh("usermod -aG sftp anna");
    let check = sb.sh("sftpjail check anna");
    assert!(check.stdout.contains("anna is jailed and can log in."), "{check}");
    assert!(sb.sftp("anna", "pwd\nmkdir first\n").ok().stdout.contains("directory: /home/anna"));
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    assert!(!sb.ssh("anna", &["id"]).failed().stdout.contains("uid="));
    sb.wait_for_log("]: session closed for local user anna from [127.0.0.1]");
    let log = sb.read_text("/var/log/sftp.log");
    assert!(log.contains("]: mkdir name \"/home/anna/first\" mode 0777\n"), "{log}");
    let rotated = sb.read_text("/etc/logrotate.d/rsyslog");
    assert!(rotated.starts_with("/var/log/sftp.log\n/var/log/"), "{rotated}");
}
