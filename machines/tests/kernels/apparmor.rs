//! AppArmor, with Debian's profile for sshd and Ubuntu's for rsyslogd, both enforced: setup adds what jails need.

use super::story::{a_guest_comes_and_goes, clean_up};
use super::{a_granted_folder_is_another_accounts, set_namespace};
use machines::{Guest, Image, System};

/// All files of profiles, as they are.
fn profiles(guest: &Guest) -> String {
    guest.sh("cd /etc/apparmor.d; find . -type f -exec sha256sum {} + | sort").stdout
}

#[test]
fn members_log_in_where_profiles_of_apparmor_confine_sshd_and_rsyslogd() {
    let guest = Guest::boot(&Image::apparmor());
    guest.load_profiles();
    let profile = |name: &str| guest.sh(&format!("cat /proc/$(pgrep -o -x {name})/attr/current")).stdout;
    assert_eq!(profile("sshd"), "/usr/sbin/sshd (enforce)\n");
    assert_eq!(profile("rsyslogd"), "rsyslogd (enforce)\n");
    let before = profiles(&guest);

    let said = guest.sh("sftpjail setup --yes");
    let loaded =
        said.stdout.lines().filter(|line| line.starts_with("AppArmor has loaded")).collect::<Vec<_>>();
    assert_eq!(
        loaded,
        ["rsyslogd", "sshd"].map(|name| format!(
            "AppArmor has loaded /etc/apparmor.d/usr.sbin.{name} again (apparmor_parser -r)."
        ))
    );
    guest.user("anna", "sftp");
    for namespace in ["private", "host"] {
        set_namespace(&guest, namespace);
        let seen = guest.sftp("anna", "put /etc/hostname /home/anna/sent\nrm /home/anna/sent\npwd\n").ok();
        assert!(seen.stdout.contains("Remote working directory: /home/anna"), "{seen}");
        let checked = guest.sh("sftpjail check anna");
        assert!(checked.stdout.contains("✓ rehearsal      built with all that restricts sshd"), "{checked}");
        assert!(checked.stdout.ends_with("anna is jailed and can log in.\n"), "{checked}");
    }
    // rsyslogd's second socket is there, and what comes in by it is written.
    guest.sh("test -S /run/sftpjail-dev/log; grep -q 'internal-sftp.*remove name' /var/log/sftp.log");
    a_granted_folder_is_another_accounts(&guest);
    set_namespace(&guest, "private");

    what_apparmor_denies_is_named(&guest);
    rules_that_somebody_has_unloaded_are_loaded(&guest);

    guest.sh("gpasswd --delete anna sftp");
    a_guest_comes_and_goes(&guest, "dmesg | grep 'DENIED.*/usr/sbin/sshd' || true");
    clean_up(&guest);
    guest.sh("sftpjail setup --undo --yes");
    assert_eq!(profiles(&guest), before);
}

/// Only the profile itself can have the flag.
#[track_caller]
fn what_apparmor_denies_is_named(guest: &Guest) {
    guest.sh("cd /etc/apparmor.d; sed -i 's/ flags=(attach_disconnected)//' usr.sbin.sshd
        apparmor_parser -r usr.sbin.sshd");
    guest.sftp("anna", "pwd\n").failed();
    let checked = guest.try_sh("sftpjail check anna");
    assert!(
        checked.stdout.contains("its profile /usr/sbin/sshd (enforce) of AppArmor denies it that"),
        "{checked}"
    );
    let log = guest.sh("grep 'refused user anna' /var/log/auth.log").stdout;
    assert!(log.contains("let AppArmor allow it") && !log.contains("NFS"), "{log}");
    guest.sh("sftpjail setup --yes");
    guest.sftp("anna", "pwd\n").ok();
}

/// The files have the rules, and the kernel does not.
#[track_caller]
fn rules_that_somebody_has_unloaded_are_loaded(guest: &Guest) {
    guest.sh("cd /etc/apparmor.d/local; cp usr.sbin.sshd /root; : >usr.sbin.sshd; apparmor_parser -r ../usr.sbin.sshd
        cp /root/usr.sbin.sshd .");
    guest.sftp("anna", "pwd\n").failed();
    let planned = guest.try_sh("sftpjail setup --dry-run");
    assert!(
        planned.code == Some(3)
            && planned.stdout.contains("AppArmor has /etc/apparmor.d/usr.sbin.sshd without the rules"),
        "{planned}"
    );
    let said = guest.sh("sftpjail setup --yes");
    assert!(said.stdout.contains("AppArmor has loaded /etc/apparmor.d/usr.sbin.sshd again"), "{said}");
    guest.sftp("anna", "pwd\n").ok();
    let planned = guest.sh("sftpjail setup --dry-run");
    assert!(planned.stdout.contains("Nothing to do: everything is set up."), "{planned}");
}
