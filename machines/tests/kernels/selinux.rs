//! SELinux, enforcing, with Debian's policy: setup loads what sshd needs for jails, members log in, and undo removes
//! it.

use super::story::{a_guest_comes_and_goes, clean_up};
use super::{a_granted_folder_is_another_accounts, set_namespace};
use machines::{Guest, Image, OPTIONS, System};

const BATCH: &str = "put /etc/hostname /home/anna/sent\nmkdir /home/anna/made\nrename /home/anna/sent /home/anna/made/sent\n\
     get /home/anna/made/sent /dev/null\nls -l /\nrm /home/anna/made/sent\nrmdir /home/anna/made\npwd\n";

/// What was denied to sshd, and to this program, in whichever domain.
const DENIALS: &str =
    "grep -h 'avc: *denied' /var/log/audit/audit.log | grep 'comm=\"\\(sshd\\|sftpjail\\)\"' || true";

/// sshd is confined, as the kernel has it.
#[track_caller]
fn sshd_is_confined(guest: &Guest) {
    let context = guest.sh("tr -d '\\0' </proc/$(pgrep -o -x sshd)/attr/current").stdout;
    assert!(context.starts_with("system_u:system_r:sshd_t:"), "{context}");
    assert_eq!(
        guest.sh("getenforce; getsebool allow_polyinstantiation").stdout,
        "Enforcing\nallow_polyinstantiation --> off\n"
    );
}

/// anna's session does everything that the client asks for, and nothing is denied to sshd meanwhile.
#[track_caller]
fn anna_logs_in(guest: &Guest) {
    let before = guest.sh(DENIALS).stdout;
    let seen = guest.sftp("anna", BATCH).ok();
    assert!(seen.stdout.contains("Remote working directory: /home/anna"), "{seen}");
    let after = guest.sh(DENIALS).stdout;
    assert_eq!(after.strip_prefix(&before), Some(""), "denials");
}

#[test]
fn members_log_in_where_selinux_enforces_its_policy_and_sshd_is_confined_by_it() {
    let mut guest = Guest::boot(&Image::selinux());
    sshd_is_confined(&guest);
    let said = guest.sh("sftpjail setup --yes");
    assert!(said.stdout.contains("SELinux has loaded the policy module for jails"), "{said}");
    guest.user("anna", "sftp");
    assert!(guest.sh("ls -dZ /jail").stdout.contains(":sftpjail_root_t:"));
    for namespace in ["private", "host"] {
        set_namespace(&guest, namespace);
        anna_logs_in(&guest);
        let checked = guest.sh("sftpjail check anna");
        assert!(checked.stdout.contains("✓ SELinux        enforcing, and lets sshd"), "{checked}");
        assert!(checked.stdout.ends_with("anna is jailed and can log in.\n"), "{checked}");
    }
    a_reboot_in_mid_session_leaves_nothing(&mut guest);
    a_granted_folder_is_another_accounts(&guest);
    what_is_mounted_in_a_home_is_there(&guest);
    set_namespace(&guest, "private");
    a_wrong_label_is_named(&guest);
    a_policy_that_somebody_has_unloaded_is_loaded(&guest);
    guest.sh("gpasswd --delete anna sftp");
    a_guest_comes_and_goes(&guest, DENIALS);
    what_has_been_moved_here_is_named(&guest);
    clean_up(&guest);
    undo_leaves_no_label(&guest, || {
        let said = guest.sh("sftpjail setup --undo --yes");
        assert!(said.stdout.contains("SELinux has unloaded the policy module for jails"), "{said}");
    });
}

/// The timer of systemd undoes it in another domain than that of an admin's shell.
#[test]
fn a_setup_that_is_not_confirmed_is_undone_under_selinux() {
    let guest = Guest::boot(&Image::selinux());
    guest.sh("groupadd --system sftp");
    guest.user("anna", "sftp");
    undo_leaves_no_label(&guest, || {
        guest.sh("sftpjail setup --yes --confirm-within 2m");
        anna_logs_in(&guest);
        guest.wait_for("! test -e /var/lib/sftpjail/setup/journal.json");
    });
    assert_eq!(guest.ssh("anna", "id -un").ok().stdout, "anna\n");
}

/// What a process outside of the policy has made is gone after a boot, and sshd makes it again.
#[track_caller]
fn a_reboot_in_mid_session_leaves_nothing(guest: &mut Guest) {
    guest.sh(&format!(
        "mkfifo /run/batch
         sleep 1000 >/run/batch 2>/dev/null </dev/null &
         setsid sftp {OPTIONS} -b /run/batch anna@127.0.0.1 >/dev/null 2>&1 </dev/null &
         echo 'put /etc/hostname before-the-reboot' >/run/batch"
    ));
    guest.wait_for("test -s /home/anna/before-the-reboot && sftpjail list | grep -q '^anna '");
    guest.reboot();
    sshd_is_confined(guest);
    assert!(guest.sh("sftpjail list; ls -A /jail").stdout.starts_with("Nobody"));
    anna_logs_in(guest);
    let labels = guest.sh("ls -dZ /run/sftpjail /run/sftpjail-dev /jail").stdout;
    assert!(
        labels.matches(":sftpjail_run_t:").count() == 2 && labels.contains(":sftpjail_root_t:"),
        "{labels}"
    );
}

/// The names of a guard have types of their own, and so has what leads to a folder in the home.
#[track_caller]
fn what_is_mounted_in_a_home_is_there(guest: &Guest) {
    guest.sh("cp -p /etc/sftpjail/config.toml /root
        su anna -c 'cd; mkdir -p in/up .config/systemd; touch .forward .profile'; restorecon -R /home/anna
        mkdir /srv/sftp/in; chmod 777 /srv/sftp/in; restorecon -RF /srv/sftp
        sed -i '/^name *= \"home\"/a guard = [\".ssh\", \".forward\", \".config/systemd\", \".profile\", \".bashrc\"]' \
            /etc/sftpjail/config.toml
        sftpjail grant anna /srv/sftp/in --at /home/anna/in/up --yes");
    let before = guest.sh(DENIALS).stdout;
    for namespace in ["private", "host"] {
        set_namespace(guest, namespace);
        let batch =
            "put /etc/hostname in/up/sent\n-put /etc/hostname .ssh/sent\n-rm .forward\n-rename in other\n";
        let seen = guest.sftp("anna", batch);
        let log = "grep 'refused user anna' /var/log/auth.log | tail -n 1";
        assert_eq!(seen.code, Some(0), "{seen}\n{}", guest.try_sh(log));
        guest.sh("rm /srv/sftp/in/sent; cd /home/anna; test -e .forward -a -e .bashrc -a -d in; not test -e .ssh/sent");
    }
    let after = guest.sh(DENIALS).stdout;
    assert_eq!(after.strip_prefix(&before), Some(""), "denials");
    guest.sh("sftpjail revoke anna --all --yes; rm -rf /etc/sftpjail/grants.d /srv/sftp/in
        cp /root/config.toml /etc/sftpjail/config.toml");
}

/// The jail root has the label of a directory that no service may use.
#[track_caller]
fn a_wrong_label_is_named(guest: &Guest) {
    guest.sh("chcon -t default_t /jail");
    let checked = guest.try_sh("sftpjail check anna");
    assert!(checked.stdout.contains("✗ SELinux"), "{checked}");
    assert!(checked.stdout.contains("→ restorecon -v /jail"), "{checked}");
    guest.sftp("anna", "pwd\n").failed();
    let log = guest.sh("grep 'refused user anna' /var/log/auth.log").stdout;
    assert!(log.contains("let SELinux allow it") && !log.contains("NFS"), "{log}");
    guest.sh("restorecon -v /jail");
    anna_logs_in(guest);
}

/// A file that was moved keeps the label of where it was, and sshd may not read what lay in /tmp.
#[track_caller]
fn what_has_been_moved_here_is_named(guest: &Guest) {
    for (file, conclusion) in [
        (
            "/etc/sftpjail/keys.d/felix",
            "felix is jailed but cannot log in: sshd takes no key from /etc/sftpjail/keys.d/felix, and",
        ),
        (
            "/etc/sftpjail/grants.d/felix.toml",
            "felix is jailed but cannot log in: SELinux keeps the user's grants from sshd.",
        ),
        (
            "/etc/sftpjail/config.toml",
            "felix is jailed but cannot log in: SELinux keeps the configuration from sshd.",
        ),
    ] {
        guest.sh(&format!("cp -p {file} /tmp/moved; mv /tmp/moved {file}"));
        guest.sftp("felix", "pwd\n").failed();
        let checked = guest.try_sh("sftpjail check felix");
        let words = checked.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let evidence = format!("{file} has the label user_tmp_t, of which SELinux denies file");
        assert!(words.contains(&evidence) && words.contains(conclusion), "{checked}");
        assert!(words.contains(&format!("→ restorecon -v {file}")), "{checked}");
        guest.sh(&format!("restorecon -v {file}"));
        guest.sftp("felix", "pwd\n").ok();
    }
}

/// One that is disabled stays so when it is installed again.
#[track_caller]
fn a_policy_that_somebody_has_unloaded_is_loaded(guest: &Guest) {
    guest.sh("semodule -d sftpjail");
    guest.sftp("anna", "pwd\n").failed();
    let checked = guest.try_sh("sftpjail check anna");
    assert!(checked.stdout.contains("→ semodule -i /etc/sftpjail/sftpjail.cil -e sftpjail"), "{checked}");
    let planned = guest.try_sh("sftpjail setup --dry-run");
    assert!(
        planned.code == Some(3)
            && planned.stdout.contains("SELinux does not have the policy module for jails")
            && !planned.stdout.contains("Nothing to do"),
        "{planned}"
    );
    let said = guest.sh("sftpjail setup --yes");
    assert!(said.stdout.contains("SELinux has loaded the policy module for jails"), "{said}");
    anna_logs_in(guest);
    let planned = guest.sh("sftpjail setup --dry-run");
    assert!(planned.stdout.contains("Nothing to do: everything is set up."), "{planned}");
}

/// The policy no longer knows the types that it had, and nothing has a label of them.
#[track_caller]
fn undo_leaves_no_label(guest: &Guest, undo: impl FnOnce()) {
    undo();
    guest.sh("semodule --list | not grep sftpjail; not test -e /jail; not test -e /etc/sftpjail; sshd -t");
    let labels = guest.sh("ls -dZ /run/sftpjail /run/sftpjail-dev").stdout;
    assert!(!labels.contains("sftpjail_run_t") && !labels.contains("unlabeled_t"), "{labels}");
}
