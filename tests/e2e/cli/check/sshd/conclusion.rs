//! What the last sentence says where sshd does not do what it should, and that it is true.

use super::super::{checked, machine};
use sandbox::Sandbox;

/// The last line about mle, and about the host.
fn last(sb: &Sandbox) -> (String, String) {
    let last = |command| sb.try_sh(command).stdout.lines().last().unwrap_or_default().to_owned();
    (last("sftpjail check mle"), last("sftpjail check --all"))
}

#[test]
fn where_sshd_cannot_chroot_it_refuses_the_member() {
    for (breaks, chroot, sentence) in [
        (
            "mkdir -p /etc/sftpjail; echo 'jail_root = \"/jails\"' >/etc/sftpjail/config.toml",
            "/jail/%u",
            "mle is jailed but cannot log in: sshd cannot chroot to its ChrootDirectory: /jail: No such file or directory.",
        ),
        (
            "true",
            "%h",
            "mle is jailed but cannot log in: sshd cannot chroot to its ChrootDirectory: /home/mle is not owned by root and \
             writable by nobody else.",
        ),
        (
            "true",
            "/srv/%u",
            "mle is jailed but cannot log in: sshd cannot chroot to its ChrootDirectory: /srv/mle: No such file or directory.",
        ),
        // It can, and what is there is no jail.
        (
            "install -d -m 755 /srv/mle",
            "/srv/%u",
            "mle IS NOT JAILED: ChrootDirectory of sshd is \"/srv/%u\".",
        ),
        (
            "chown root /home/mle; chmod 755 /home/mle",
            "%h",
            "mle IS NOT JAILED: ChrootDirectory of sshd is \"%h\".",
        ),
    ] {
        let sb = machine();
        sb.sh(&format!(
            "{breaks}; sed -i 's|ChrootDirectory .*|ChrootDirectory {chroot}|' /etc/ssh/sshd_config"
        ));
        let (of_mle, of_all) = last(&sb);
        assert_eq!(of_mle, sentence, "{breaks}");
        assert!(of_all.ends_with("The host has problems."), "{of_all}");
        let login = sb.sftp("mle", "ls /\n");
        assert_eq!(login.code == Some(0), sentence.contains("IS NOT"), "{breaks} {chroot}: {login}");
    }
}

/// As after a setup that nobody has confirmed: nothing of it is left, and the user is still in the group.
#[test]
fn a_missing_block_is_the_reason_also_where_the_rest_is_missing_too() {
    for shell in ["/bin/sh", "/usr/sbin/nologin"] {
        let sb = Sandbox::stock();
        sb.sh("groupadd --system sftp");
        sb.user("mle").group("sftp").shell(shell).add();
        let out = checked(sb.try_sh("sftpjail check mle"), 1);
        let expected = match shell {
            "/bin/sh" => "mle IS NOT JAILED and gets a shell: ChrootDirectory of sshd is none.",
            _ => "mle IS NOT JAILED: ChrootDirectory of sshd is none.",
        };
        assert_eq!(last(&sb).0, expected, "{out}");
        // Whatever is missing, setup adds it, and undo removes it.
        let fixes: Vec<_> = out.stdout.lines().filter(|line| line.trim_start().starts_with("→ ")).collect();
        let of_setup = fixes.iter().filter(|fix| fix.trim() == "→ sftpjail setup").count();
        assert!(of_setup == 4 && !out.stdout.contains("/etc/pam.d/sshd:"), "{out}");
    }
}

/// setup would add the misspelt group.
#[test]
fn setup_is_no_fix_for_a_misspelt_group() {
    let sb = machine();
    sb.sh("mkdir -p /etc/sftpjail; groupadd customers; gpasswd -a mle customers
        printf '[[profile]]\\nname = \"a\"\\ngroups = [\"sftp\", \"custmers\"]\\n' >/etc/sftpjail/config.toml
        rm /etc/systemd/system/user@.service.d/50-sftpjail.conf");
    let out = checked(sb.try_sh("sftpjail check mle"), 1);
    let at = out.stdout.find("✗ user manager").unwrap_or_else(|| panic!("{out}"));
    let fix = out.stdout[at..].lines().find(|line| line.contains("→")).unwrap_or_default();
    assert_eq!(fix.trim(), "→ did you mean customers? Then correct `groups` in the configuration", "{out}");
}

#[test]
fn a_host_is_not_ok_beside_faults_of_its_sshd_or_its_jail_root() {
    for (breaks, host) in [
        ("sed -i 's/PermitTTY no/PermitTTY yes/' /etc/ssh/sshd_config", "has problems"),
        ("install -d -m 777 /jail", "has problems"),
        ("echo DenyUsers mle >/etc/ssh/sshd_config.d/deny.conf", "is ok"),
        ("chage -E 0 mle", "is ok"),
    ] {
        let sb = machine();
        sb.sh(breaks);
        assert!(last(&sb).1.ends_with(&format!("The host {host}.")), "{breaks}: {:?}", last(&sb));
    }
}

/// A user with a shell is put into the group: the session goes on.
#[test]
fn a_session_from_before_the_membership_is_warned_of() {
    let sb = machine();
    sb.user("kim").shell("/bin/sh").add();
    sb.sshd();
    let live = sb.sftp_live("kim");
    sb.sh("usermod -aG sftp -s /usr/sbin/nologin kim");
    let pid = |out: &str| {
        out.split("in no jail (pid ").nth(1).and_then(|rest| rest.split(')').next().map(str::to_owned))
    };
    let out = checked(sb.try_sh("sftpjail check kim"), 0);
    let warning = "! sessions       kim has a session of sshd's in no jail (pid ";
    assert!(out.stdout.contains(warning), "{out}");
    let why = "), which goes on: when it began, kim was no member or sshd did not jail kim\n";
    assert!(out.stdout.contains(why), "{out}");
    let pid = pid(&out.stdout).unwrap_or_else(|| panic!("{out}"));
    assert!(
        out.stdout.contains(&format!("→ see what runs there, because that ends, then: kill {pid}\n")),
        "{out}"
    );
    // A jailed session is none, and neither is one of somebody else.
    let _jailed = sb.sftp_live("mle");
    let out = checked(sb.try_sh("sftpjail check --all"), 0);
    assert_eq!(out.stdout.matches("in no jail (pid ").count(), 1, "{out}");
    sb.sh(&format!(
        "kill {pid}; for i in $(seq 200); do [ -e /proc/{pid} ] || exit 0; sleep 0.02; done; exit 1"
    ));
    let out = checked(sb.try_sh("sftpjail check kim"), 0);
    assert!(!out.stdout.contains("in no jail"), "{out}");
    drop(live);
}

/// In namespaces of the user's, root's perl has the path of an sshd, or sshd is on a filesystem that keeps root out.
#[test]
fn a_process_of_the_user_is_no_session_of_sshds_whatever_its_path_is() {
    let sb = machine();
    sb.sh("test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229; install -d -o mle /srv/cipher
        setpriv --reuid mle --regid mle --clear-groups sh -c '
            gocryptfs -q -init -scryptn 10 -extpass \"echo pw\" /srv/cipher </dev/null'");
    for begin in [
        "mount -t tmpfs none /run; : >/run/sshd; mount --bind /usr/bin/perl /run/sshd; exec /run/sshd",
        "mount --bind /usr/bin/perl /usr/sbin/sshd; exec /usr/sbin/sshd",
        "gocryptfs -q -extpass \"echo pw\" /srv/cipher /mnt </dev/null; cp /usr/bin/perl /mnt/sshd; exec /mnt/sshd",
    ] {
        sb.sh(&format!(
            "setsid setpriv --reuid mle --regid mle --clear-groups unshare -Urm sh -ec '{begin} -e \"sleep 300\"' \
                >/dev/null 2>&1 </dev/null &
            until pgrep -u mle -x sshd; do sleep 0.05; done"
        ));
        let out = checked(sb.try_sh("sftpjail check mle"), 0);
        assert!(!out.stdout.contains("in no jail") && !out.stdout.contains("is in a jail"), "{begin}: {out}");
        sb.sh("pkill -KILL -u mle; while pgrep -u mle -x sshd; do sleep 0.05; done");
    }
}

/// A panel's sub-account has the uid of its customer, who logs in to a shell.
#[test]
fn a_session_of_a_main_account_is_none_of_its_sub_account() {
    let sb = machine();
    sb.user("kim").shell("/bin/sh").add();
    sb.sshd();
    let _live = sb.sftp_live("kim");
    sb.sh("useradd -o -u $(id -u kim) -g kim -G sftp -s /usr/sbin/nologin -d /home/kim/kim-web kim-web
           install -d -o kim -g kim -m 750 /home/kim/kim-web");
    let out = sb.try_sh("sftpjail check kim-web");
    assert!(out.stdout.contains("kim, whose home /home/kim holds this one"), "{out}");
    assert!(!out.stdout.contains("in no jail"), "{out}");
}
