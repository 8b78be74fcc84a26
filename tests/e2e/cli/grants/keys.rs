//! `grant --key`: lets the key in that the grant is for, for as long as the grant holds.

use super::{etc, keys_in, site};
use crate::common::jailed::names;
use sandbox::Namespace;

const FILE: &str = "/etc/sftpjail/keys.d/gina";

#[test]
fn a_key_is_let_in_with_its_grant_and_goes_with_it() {
    let sb = site(Namespace::Private);
    sb.sh("ssh-keygen -q -N '' -t ed25519 -C gina@laptop -f /root/.ssh/a; ssh-keygen -q -N '' -t ed25519 -f /root/.ssh/b
           ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime; install -d -m 777 /srv/a");
    let before = etc(&sb);
    // sshd must look for keys there.
    let grant = "sftpjail grant gina /srv/www/staging/media --as web --key /root/.ssh/a.pub --create --yes";
    let out = sb.try_sh(grant);
    assert_eq!(out.code, Some(1), "{out}");
    assert!(
        out.stderr.contains("sshd does not read /etc/sftpjail/keys.d/gina, so the key would not let gina in"),
        "{out}"
    );
    assert!(out.stderr.contains("run `sftpjail setup --managed-keys` first"), "{out}");
    // Before the account is added, and also where nothing is to be written.
    assert!(!out.stderr.contains("removed again") && !out.stdout.contains("is added"), "{out}");
    assert_eq!(sb.try_sh(&grant.replace("--yes", "--dry-run")).code, Some(1));
    assert_eq!(etc(&sb), before);
    sb.sh("not getent passwd gina");
    keys_in(&sb, "/etc/sftpjail/keys.d/%u");
    let before = etc(&sb);
    let out = sb.sh(&format!("{grant} --until '2099-07-10 18:00'")).stdout;
    let public = sb.read_text("/root/.ssh/a.pub");
    let line = |expiry: &str| format!("restrict{expiry} {} sftpjail-grant\n", public.trim());
    // sshd counts in the standard time of the zone, and lets a guest in for two weeks more, to be told of the end.
    assert_eq!(sb.read_text(FILE), line(",expiry-time=\"20990724170000\""), "{out}");
    assert!(out.contains("\n+restrict,expiry-time=\"20990724170000\" ssh-ed25519 "), "{out}");
    let with = |key: &str| {
        sb.login("gina").option(&format!("IdentityFile=/root/.ssh/{key}")).option("IdentitiesOnly=yes")
    };
    let mut live = with("a").live();
    assert_eq!(names(&mut live, "/srv/www/staging/media"), ["index.html"]);
    with("b").sftp("pwd\n").failed();
    // The end of the key is that of its last grant.
    sb.sh("sftpjail grant gina /srv/a --key \"$(cat /root/.ssh/a.pub)\" --until '2099-01-10 18:00' --yes");
    assert_eq!(sb.read_text(FILE), line(",expiry-time=\"20990724170000\""));
    sb.sh("sftpjail extend gina /srv/a --until '2100-01-10 18:00' --yes");
    assert_eq!(sb.read_text(FILE), line(",expiry-time=\"21000124180000\""));
    // With a folder that goes on for every key, it would open that one then.
    sb.sh("install -d -m 777 /srv/b; sftpjail grant gina /srv/b --yes");
    assert_eq!(sb.read_text(FILE), line(",expiry-time=\"21000110180000\""));
    sb.sh("sftpjail revoke gina /srv/b --yes");
    assert_eq!(sb.read_text(FILE), line(",expiry-time=\"21000124180000\""));
    // A line of the admin's stays the admin's.
    sb.append(FILE, "# of the admin\n");
    sb.sh("sftpjail revoke gina /srv/a --yes");
    assert_eq!(sb.read_text(FILE), line(",expiry-time=\"20990724170000\"") + "# of the admin\n");
    sb.sh("sed -i '/admin/d' /etc/sftpjail/keys.d/gina; sftpjail revoke gina --yes");
    live.try_send("ls").unwrap_err();
    with("a").sftp("pwd\n").failed();
    sb.sh("not test -e /etc/sftpjail/keys.d/gina; rmdir /etc/sftpjail/keys.d");
    assert_eq!(etc(&sb), before);
}

#[test]
fn ends_are_by_the_zone_of_sshd_whatever_zone_the_admin_has() {
    let sb = site(Namespace::Private);
    sb.sh("ssh-keygen -q -N '' -t ed25519 -f /root/.ssh/a
           ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime");
    sb.restart_sshd();
    keys_in(&sb, "/etc/sftpjail/keys.d/%u");
    let media = "/srv/www/staging/media --as web --key /root/.ssh/a.pub --create --yes";
    for zone in ["Asia/Tokyo", "America/New_York", "none"] {
        sb.sh(&format!("TZ={zone} sftpjail grant gina {media} --until '2099-01-10 18:00'"));
        let text = sb.read_text("/etc/sftpjail/grants.d/gina.toml");
        assert!(text.contains("\nuntil = 2099-01-10T18:00:00+01:00\n"), "{zone}: {text}");
        assert!(sb.read_text(FILE).starts_with("restrict,expiry-time=\"20990124180000\" "), "{zone}");
        sb.sh(&format!("TZ={zone} sftpjail grants gina | grep -q '2099-01-10 18:00 '"));
        // Neither too early nor too late.
        sb.sh(&format!("TZ={zone} sftpjail extend gina --until \"$(date -d '+1 hour' +%FT%T%:z)\" --yes"));
        let login = sb.login("gina").option("IdentityFile=/root/.ssh/a").option("IdentitiesOnly=yes");
        login.sftp("pwd\n").ok();
        sb.sh(&format!("TZ={zone} sftpjail check gina | grep -q '^✓ keys  '"));
        sb.sh("sftpjail revoke gina --yes; userdel gina");
    }
}

#[test]
fn a_key_is_let_in_also_where_sshd_asks_for_the_keys() {
    let sb = site(Namespace::Private);
    sb.sh("printf '%s\\n' 'AuthorizedKeysCommand /usr/local/sbin/sftpjail keys %u %t %k' \
           'AuthorizedKeysCommandUser nobody' 'AuthorizedKeysFile none' >/root/lines
           cat /etc/ssh/sshd_config >>/root/lines; cp /root/lines /etc/ssh/sshd_config");
    sb.restart_sshd();
    sb.sh(
        "sftpjail grant gina /srv/www/staging/media --as web --key /root/.ssh/id_ed25519.pub --create --yes",
    );
    sb.sftp("gina", "ls /srv/www/staging/media\n").ok();
}
