//! The account, its names, its keys, and what lies above its home.

use super::faults::{FIX_IT, Fault, Machine, failed, warned};
use super::{check, checked, machine};
use std::time::Duration;

const NO_SHELL: &str =
    "mle is jailed but cannot log in: pam_shells does not accept the shell /usr/sbin/nologin";

const ACCOUNT: [Fault; 13] = [
    failed("chage -E 19000 mle", "shadow", "the account expired ").concludes("mle is jailed but cannot log in: the account has expired"),
    failed("chage -d 0 mle", "shadow", "the password must be changed at the next login").concludes("mle is jailed but cannot log in: the password must be changed at the next login"),
    failed("chage -d 2020-01-01 -M 30 mle", "shadow", "the password expired ").concludes("mle is jailed but cannot log in: the password has expired"),
    failed("chage -d 2020-01-01 -M 30 -I 5 mle", "shadow", " days ago, and so the account became inactive ").concludes("mle is jailed but cannot log in: the account is inactive, since its password has expired"),
    failed(
        "sed -i '/^account.*sftpjail/i account required pam_shells.so' /etc/pam.d/sshd; usermod -s /usr/sbin/nologin mle
         sed -i '/nologin/d' /etc/shells",
        "shell",
        "/usr/sbin/nologin is not in /etc/shells, so pam_shells (/etc/pam.d/sshd:",
    ).concludes(NO_SHELL),
    failed(
        "sed -i '/^account.*sftpjail/i account required pam_shells.so' /etc/pam.d/sshd; usermod -s /usr/sbin/nologin mle
         printf /bin/sh >/etc/shells",
        "shell",
        "/usr/sbin/nologin is not in /etc/shells",
    ).concludes(NO_SHELL),
    failed(
        "sed -i '/^account.*sftpjail/i account required pam_shells.so' /etc/pam.d/sshd; usermod -s /usr/sbin/nologin mle
         : >/etc/shells",
        "shell",
        "/usr/sbin/nologin is not in /etc/shells",
    ).concludes(NO_SHELL),
    failed(
        "echo auth required pam_shells.so >>/etc/pam.d/common-auth; usermod -s /opt/nologin mle",
        "shell",
        // sshd asks that stack for passwords only.
        "/opt/nologin is not in /etc/shells, so pam_shells (/etc/pam.d/common-auth:",
    ).concludes("mle is jailed and can log in, but PAM refuses passwords, since pam_shells does not accept the shell /opt/nologin"),
    failed(
        "useradd -M -o -u $(id -u mle) -g mle -d /home/mle MLE",
        "names",
        "MLE is the same account (uid ",
    ).concludes("mle IS NOT JAILED: the other name MLE is not"),
    // As panels have them: a command would jail the main account.
    warned(
        "useradd -M -o -u $(id -u mle) -g mle -d /home/mle other",
        "names",
        " and the same home, but is not jailed: in no profile; a key that mle puts there is one for other, too",
    )
    .in_words("if that is not intended, put other into the group sftp, or give other a uid of its own"),
    // Not a main account, though its home is above.
    warned(
        "useradd -M -o -u $(id -u mle) -g mle -d /home other",
        "names",
        "but is not jailed: in no profile; who logs in as other may change all files of mle",
    )
    .in_words("if that is not intended, put other into the group sftp, or give other a uid of its own"),
    // One more group would not help.
    warned(
        "useradd -M -o -u $(id -u mle) -g mle -G sudo -d /home/mle other
         mkdir /etc/sftpjail; echo 'exempt_groups = [\"sudo\"]' >/etc/sftpjail/config.toml",
        "names",
        "other has the same uid (",
    )
    .in_words("remove other from the groups in exempt_groups, or give other a uid of its own"),
    // A member by this name as well, but sshd has other settings for it.
    failed(
        "useradd -M -o -u $(id -u mle) -g mle -G sftp -d /home/mle other
         sed -i '/^Match Group sftp/i Match User other\\n    PermitTTY yes' /etc/ssh/sshd_config",
        "sshd terminal",
        "PermitTTY is yes instead of no (/etc/ssh/sshd_config:",
    ).concludes(FIX_IT),
];

#[test]
fn each_account_that_cannot_log_in_or_is_not_jailed_by_every_name() {
    Machine::new().each(&ACCOUNT);
}

const NO_KEY: &str = "mle is jailed but cannot log in: sshd takes no key from /home/mle/.ssh/authorized_keys, and there is \
                      no password";

const KEYS: [Fault; 9] = [
    failed("chgrp joe /home/mle/.ssh/authorized_keys; chmod g+w /home/mle/.ssh/authorized_keys", "keys", "the file /home/mle/.ssh/authorized_keys (mle:joe, mode 0620) must be")
        .in_words("let nobody but mle write /home/mle/.ssh/authorized_keys").concludes(NO_KEY),
    failed("chown joe /home/mle/.ssh/authorized_keys; chmod 644 /home/mle/.ssh/authorized_keys", "keys", "(joe:mle, mode 0644) must be owned by mle or root and writable by nobody else")
        .in_words("let mle own /home/mle/.ssh/authorized_keys, and let nobody else write it").concludes(NO_KEY),
    failed("chmod o+w /home/mle/.ssh", "keys", "the directory /home/mle/.ssh (mle:mle, mode 0702) must be")
        .in_words("let nobody but mle write /home/mle/.ssh").concludes(NO_KEY),
    failed("usermod -aG mle joe; chmod g+w /home/mle", "keys", "the directory /home/mle (mle:mle, mode 0770) must be").concludes(NO_KEY),
    failed("chown root /home/mle/.ssh/authorized_keys", "keys", "(root:mle, mode 0600) cannot be read by mle")
        .in_words("let mle read it").concludes(NO_KEY),
    failed(
        "chmod 600 /home/mle/.ssh/authorized_keys; mv /home/mle/.ssh/authorized_keys /home/mle/.ssh/authorized_keys2
         chmod 666 /home/mle/.ssh/authorized_keys2",
        "keys",
        "/home/mle/.ssh/authorized_keys2 (mle:mle, mode 0666)",
    )
    .in_words("let nobody but mle write /home/mle/.ssh/authorized_keys2").concludes("mle is jailed but cannot log in: sshd takes no key from /home/mle/.ssh/authorized_keys2, and there is no password"),
    failed(
        "sed -i '1i AuthorizedKeysFile /home/keys/%u' /etc/ssh/sshd_config; mkdir -m 777 /home/keys
         cp /home/mle/.ssh/authorized_keys /home/keys/mle; chmod 644 /home/keys/mle",
        "keys",
        "sshd takes no key from /home/keys/mle: the directory /home/keys (root:root, mode 0777)",
    ).concludes("mle is jailed but cannot log in: sshd takes no key from /home/keys/mle, and there is no password"),
    failed(
        "mkdir /home/keys; chown joe /home/keys; cp /home/mle/.ssh/authorized_keys /home/keys/mle; chmod 644 /home/keys/mle
         ln -sf /home/keys/mle /home/mle/.ssh/authorized_keys",
        "keys",
        "the directory /home/keys (joe:root, mode 0755)",
    )
    .in_words("find out who made the symlink, and replace it with a file or directory that mle owns").concludes(NO_KEY),
    failed(
        "sed -i '/^Match Group sftp/a AuthorizedKeysFile %h/.ssh/%u' /etc/ssh/sshd_config
         cp -p /home/mle/.ssh/authorized_keys /home/mle/.ssh/mle; chmod 662 /home/mle/.ssh/mle",
        "keys",
        "sshd takes no key from /home/mle/.ssh/mle",
    )
    .in_words("let nobody but mle write /home/mle/.ssh/mle").concludes("mle is jailed but cannot log in: sshd takes no key from /home/mle/.ssh/mle, and there is no password"),
];

#[test]
fn each_key_file_that_sshd_does_not_take() {
    let machine = Machine::new();
    machine.each(&KEYS);
    // Debian's sshd accepts a group that can write if nobody else is in it.
    machine.sb.sh("chmod g+w /home/mle");
    assert_eq!(machine.found(), (vec![], 0));
    machine.sb.sftp("mle", "pwd\n").ok();
    // The finding is true: StrictModes refuses the key.
    machine.sb.sh("usermod -aG mle joe");
    machine.sb.sftp("mle", "pwd\n").failed();
    machine.sb.sh("echo mle:pw | chpasswd");
    for setting in ["StrictModes no", "PubkeyAuthentication no"] {
        // check asks for what the running sshd has read.
        machine
            .sb
            .sh(&format!("echo {setting} >/etc/ssh/sshd_config.d/no.conf; kill -HUP $(cat /run/sshd.pid)"));
        let is_ok = || (machine.found() == (vec![], 0)).then_some(());
        sandbox::wait_until(Duration::from_secs(60), is_ok).expect(setting);
    }
}

const ABOVE: [Fault; 6] = [
    warned(
        "mkdir -m 775 /home/team; chgrp sftp /home/team; mv /home/mle /home/team/mle; usermod -d /home/team/mle mle",
        "home parents",
        "/home/team (root:sftp, mode 0775): the group sftp can replace the home",
    ),
    warned(
        "mkdir -m 755 /home/team; chown joe /home/team; mv /home/mle /home/team/mle; usermod -d /home/team/mle mle",
        "home parents",
        "/home/team (joe:root, mode 0755): its owner joe can replace the home",
    )
    .in_words("if that is not intended, let only root own and write /home/team"),
    warned(
        "mkdir -m 777 /home/team; chown joe /home/team; mv /home/mle /home/team/mle; usermod -d /home/team/mle mle
         echo PubkeyAuthentication no >/etc/ssh/sshd_config.d/no.conf; echo mle:pw | chpasswd",
        "home parents",
        "its owner joe and the group root and everybody can replace the home",
    )
    .in_words("let only root own and write /home/team"),
    warned(
        "mkdir -m 700 /home/closed; mv /home/mle /home/closed/mle; usermod -d /home/closed/mle mle
         echo mle:pw | chpasswd",
        "home access",
        "mle may not enter /home/closed (root:root, mode 0700), but the jail shows /home/closed/mle below it; sshd cannot read keys",
    )
    .in_words("if that is not intended, let mle enter it"),
    warned(
        "mkdir -m 750 /home/closed /home/closed/in; mv /home/mle /home/closed/in/mle; usermod -d /home/closed/in/mle mle
         echo mle:pw | chpasswd",
        "home access",
        "mle may not enter /home/closed (root:root, mode 0750)",
    )
    .in_words("if that is not intended, let mle enter it"),
    warned(
        "chmod 707 /home/mle; echo PubkeyAuthentication no >/etc/ssh/sshd_config.d/no.conf; echo mle:pw | chpasswd",
        "home access",
        "everybody on this host can write in /home/mle (mle:mle, mode 0707)",
    ),
];

#[test]
fn each_directory_above_a_home_that_others_own_or_that_is_closed() {
    let machine = Machine::new();
    machine.each(&ABOVE);
    // Sticky, as /tmp is; and closed, but open to the user's group.
    for script in [
        "mkdir -m 1777 /home/team; mv /home/mle /home/team/mle; usermod -d /home/team/mle mle
         echo PubkeyAuthentication no >/etc/ssh/sshd_config.d/no.conf; echo mle:pw | chpasswd",
        "mkdir -m 750 /home/closed; chgrp mle /home/closed; mv /home/mle /home/closed/mle; usermod -d /home/closed/mle mle",
    ] {
        machine.sb.sh(script);
        assert_eq!(machine.found(), (vec![], 0), "{script}");
        machine.restore();
    }
}

/// `setup` makes it so: only root can read it.
#[test]
fn a_jail_root_that_only_root_may_enter_is_unknown_to_others_and_no_problem() {
    let machine = Machine::new();
    machine.sb.sh("chmod 700 /jail");
    let script = "exec setpriv --reuid joe --regid joe --clear-groups sftpjail check mle";
    let out = checked(machine.sb.try_sh(script), 2).stdout;
    assert!(out.contains("! jail root      /jail/mle cannot be accessed: permission denied\n"), "{out}");
    let below = out.split("! jail root").nth(1).unwrap_or_default().lines().nth(1);
    assert_eq!(below.map(str::trim), Some("→ run this as root"), "{out}");
}

#[test]
fn without_root_what_could_not_be_checked_is_unknown() {
    let machine = Machine::new();
    let script = "exec setpriv --reuid joe --regid joe --clear-groups sftpjail check mle";
    let out = checked(machine.sb.try_sh(script), 2).stdout;
    for unknown in [
        "! sshd           sshd -T says: sshd: no hostkeys available -- exiting.\n",
        "! sessions       /run cannot be accessed: permission denied\n",
        "! shadow         only root can see when an account expires\n",
        "! host programs  only root can see crontabs and at jobs\n",
        "! home access    only root can try what the user can reach\n",
        "! rehearsal      only root can build a jail\n",
    ] {
        assert!(out.contains(unknown), "no {unknown}: {out}");
    }
    assert!(out.contains("✓ pam module ") && !out.contains('✗'), "{out}");
    assert_eq!(out.matches("→ run this as root\n").count(), 6, "{out}");
}

#[test]
fn a_locked_password_keeps_out_without_pam_only() {
    let machine = Machine::new();
    assert!(
        check(&machine.sb, "mle", 0)
            .stdout
            .contains("✓ shadow         not expired; no password, so only a key can log in\n")
    );
    machine.sb.sh("echo mle:pw | chpasswd");
    assert!(check(&machine.sb, "mle", 0).stdout.contains("✓ shadow         not expired\n"));
    machine.sb.sh("usermod -L mle");
    assert!(
        check(&machine.sb, "mle", 0)
            .stdout
            .contains("✓ shadow         not expired; the password is locked, so only a key can log in\n")
    );
    machine.sb.sftp("mle", "pwd\n").ok();

    machine
        .sb
        .sh("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config; echo mle:pw | chpasswd; usermod -L mle");
    machine.sb.restart_sshd();
    for unlocked in ["usermod -U mle", "usermod -p '*' mle"] {
        let (found, _) = machine.found();
        let [pam, shadow] = &found[..] else { panic!("{found:#?}") };
        assert_eq!([pam, shadow].map(|finding| finding[0].as_str()), ["sshd pam", "shadow"]);
        machine.sb.sh(&format!("{unlocked}; sftpjail check mle | grep '✓ shadow'; usermod -p '!' mle"));
    }
    machine.sb.sftp("mle", "pwd\n").failed();
}

#[test]
fn a_profile_whose_group_has_another_name_now_is_found_once() {
    let sb = machine();
    sb.sh("groupmod -n sftpx sftp");
    let out = checked(sb.try_sh("sftpjail check --all"), 1);
    assert!(out.stdout.ends_with("0 users. The host has problems.\n"), "{out}");
    let found = "✗ profile        a profile names the group sftp, which does not exist, and no group that \
                 exists, so the profile home jails nobody\n                 \
                 → did you mean sftpx? Then correct `groups` in the configuration\n";
    assert!(out.stdout.contains(found), "{out}");
    let out = check(&sb, "mle", 1);
    assert!(out.stdout.contains(found), "{out}");
    assert_eq!(out.stdout.matches("which does not exist").count(), 1, "{out}");
    assert!(out.stdout.ends_with("mle is in no profile, so mle is not jailed.\n"), "{out}");
}

/// Who is never jailed is no member of a group that does not exist.
#[test]
fn a_missing_group_is_no_failure_for_root_and_for_exempt_users() {
    let sb = machine();
    sb.configure("exempt_groups = [\"staff\"]\n[[profile]]\nname = \"p\"\ngroups = [\"nosuch\"]\n");
    sb.user("kim").group("staff").add();
    let missing = "profile        a profile names the group nosuch, which does not exist";
    for user in ["root", "kim"] {
        let out = check(&sb, user, 3).stdout;
        assert!(out.contains(&format!("! {missing}\n")), "{out}");
    }
    // joe may have been one.
    let out = check(&sb, "joe", 1).stdout;
    assert!(
        out.contains(&format!("✗ {missing}, and no group that exists, so the profile p jails nobody")),
        "{out}"
    );
}
