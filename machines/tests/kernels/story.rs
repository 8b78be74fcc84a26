//! A guest of a host that confines sshd: one command gives a folder, the key is one that root keeps, and the end comes by
//! systemd's timer or by cron.

use super::set_namespace;
use machines::{Guest, OPTIONS, System};

const FOLDER: &str = "/srv/sftp/media";
/// What ends sessions where systemd does not run, as setup has it there.
const CRON: &str = "systemctl stop sftpjail-expire.timer
    echo '* * * * * root /usr/local/sbin/sftpjail expire' >/etc/cron.d/sftpjail";

const BATCH: &str = "put /etc/hostname /srv/sftp/media/new\nls -n /srv/sftp/media\n";

/// `denials`: a command for what was denied to sshd, and to this program.
#[track_caller]
pub(super) fn a_guest_comes_and_goes(guest: &Guest, denials: &str) {
    guest.sh("printf '\\n[[profile]]\\nname = \"guest\"\\ngroups = [\"sftp-guest\"]\\nhome = \"none\"\\n' \
            >>/etc/sftpjail/config.toml
        sftpjail setup --yes --managed-keys
        useradd web; mkdir -p /srv/sftp/media; chown web:web /srv/sftp/media
        not command -v restorecon >/dev/null || restorecon -RF /srv/sftp");
    let before = guest.sh(denials).stdout;
    grant(guest, "--create --key /root/.ssh/id_ed25519.pub --until 1h");
    felix_uploads(guest);
    let checked = guest.sh("sftpjail check felix");
    assert!(checked.stdout.contains("sshd takes the keys in /etc/sftpjail/keys.d/felix"), "{checked}");
    assert!(checked.stdout.ends_with("felix is jailed and can log in.\n"), "{checked}");
    for (namespace, runner) in [("host", "systemctl is-active sftpjail-expire.timer"), ("private", CRON)] {
        set_namespace(guest, namespace);
        guest.sh(runner);
        begin_session(guest);
        guest.sh("sftpjail revoke felix --all --yes; not test -e /etc/sftpjail/keys.d/felix");
        has_ended(guest);
        guest.sftp("felix", "pwd\n").failed();

        grant(
            guest,
            "--key /root/.ssh/id_ed25519.pub --until \"$(date -u -d '+2 minutes' +%Y-%m-%dT%H:%M:%SZ)\"",
        );
        begin_session(guest);
        guest.wait_for("not test -e /run/sftpjail/felix");
        has_ended(guest);
        guest.sh("tail -n 20 /var/log/auth.log | grep 'expire: the session of user felix.* has ended: /srv/sftp/media '");
        guest.sftp("felix", "pwd\n").failed();
        grant_again(guest);
    }
    guest.sh("rm /etc/cron.d/sftpjail; systemctl start sftpjail-expire.timer");
    sshd_asks_for_the_keys(guest);
    a_filesystem_that_cannot_map_is_named(guest);
    let after = guest.sh(denials).stdout;
    assert_eq!(after.strip_prefix(&before), Some(""), "denials");
}

/// Removes what the story has made, but for what setup has.
#[track_caller]
pub(super) fn clean_up(guest: &Guest) {
    guest
        .sh("sftpjail revoke felix --all --yes; rm /etc/sftpjail/keys.d/felix; rm -rf /etc/sftpjail/grants.d
        rm -r /srv/sftp/media; userdel felix; userdel web");
}

#[track_caller]
fn grant(guest: &Guest, terms: &str) {
    guest.sh(&format!("sftpjail grant felix {FOLDER} --as web --yes {terms}"));
}

/// In place of one that has ended, without an end.
#[track_caller]
fn grant_again(guest: &Guest) {
    guest.sh("sftpjail revoke felix --all --yes");
    grant(guest, "--key /root/.ssh/id_ed25519.pub");
}

/// What felix sends is web's on the disk.
#[track_caller]
fn felix_uploads(guest: &Guest) {
    let seen = guest.sftp("felix", BATCH);
    let log = "tail -n 5 /var/log/auth.log";
    assert_eq!(seen.code, Some(0), "{seen}\n{}", guest.try_sh(log));
    guest.sh("test \"$(stat -c %U:%G /srv/sftp/media/new)\" = web:web; rm /srv/sftp/media/new");
}

/// Begins a session of felix that stays.
#[track_caller]
fn begin_session(guest: &Guest) {
    guest.sh(&format!(
        "rm -f /run/batch; mkfifo /run/batch
         sleep 1000 >/run/batch 2>/dev/null </dev/null & echo $! >/run/holder
         setsid sftp {OPTIONS} -b /run/batch felix@127.0.0.1 >/dev/null 2>&1 </dev/null &
         echo 'put /etc/hostname {FOLDER}/live' >/run/batch"
    ));
    guest.wait_for("test -s /srv/sftp/media/live && sftpjail list | grep -q '^felix '");
}

/// There is no session any more, and no jail.
#[track_caller]
fn has_ended(guest: &Guest) {
    let left =
        guest.sh("kill $(cat /run/holder); rm /srv/sftp/media/live; sftpjail list; ls -A /jail").stdout;
    assert_eq!(left, "Nobody is in a jail.\n");
}

/// sshd runs the program as an unprivileged user, which reads the file and logs its bad line.
#[track_caller]
fn sshd_asks_for_the_keys(guest: &Guest) {
    guest.sh(
        "cd /etc/ssh/sshd_config.d; cp 00-sftpjail.conf /root; sed -i '/AuthorizedKeysFile/d' 00-sftpjail.conf
         printf '    %s\\n' 'AuthorizedKeysFile none' 'AuthorizedKeysCommandUser nobody' \
             'AuthorizedKeysCommand /usr/local/sbin/sftpjail keys %u %t %k' >>00-sftpjail.conf
         sshd -t; systemctl reload ssh; echo garbage >>/etc/sftpjail/keys.d/felix",
    );
    felix_uploads(guest);
    guest.sh("grep 'keys: line 2 of the keys of user felix is left out' /var/log/auth.log
        cp -p /root/00-sftpjail.conf /etc/ssh/sshd_config.d; systemctl reload ssh");
}

/// The tmpfs of Linux 6.1 cannot be mounted with other owners.
#[track_caller]
fn a_filesystem_that_cannot_map_is_named(guest: &Guest) {
    let says_why = |text: &str| {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = "cannot show the files of one account as another's";
        assert!(words.contains(why) && words.contains("tmpfs since Linux 6.3"), "{text}");
    };
    guest
        .sh("mkdir /srv/sftp/ram; mount -t tmpfs -o mode=755 ram /srv/sftp/ram; chown web:web /srv/sftp/ram");
    says_why(&guest.try_sh("sftpjail grant felix /srv/sftp/ram --as web --yes").failed().stderr);
    guest.sh("not grep ram /etc/sftpjail/grants.d/felix.toml; sed -i s,media,ram, /etc/sftpjail/grants.d/felix.toml");
    guest.sftp("felix", "pwd\n").failed();
    says_why(&guest.sh("grep 'refused user felix' /var/log/auth.log | tail -n 1").stdout);
    says_why(&guest.try_sh("sftpjail check felix").failed().stdout);
    guest.sh(
        "sed -i s,ram,media, /etc/sftpjail/grants.d/felix.toml; umount /srv/sftp/ram; rmdir /srv/sftp/ram",
    );
}
