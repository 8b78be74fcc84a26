//! The Debian package, installed, set up, upgraded and removed by dpkg in sandboxes.

use super::{EXAMPLES, examples, machine, missing_pages, package, read};
use sandbox::{Sandbox, artifact};

/// A machine on which it is installed. dpkg knows of no other package there.
fn installed() -> (Sandbox, String) {
    let (sb, deb) = machine(&package("DEB"));
    sb.sh("for file in status available; do : >/var/lib/dpkg/$file; done; rm -rf /etc.before; cp -a /etc /etc.before");
    install(&sb, &deb);
    (sb, deb)
}

fn install(sb: &Sandbox, deb: &str) {
    sb.sh(&format!("dpkg --install --force-depends {deb}"));
}

/// What differs from /etc before the installation, but for accounts and what dpkg and ldconfig keep.
fn changed(sb: &Sandbox) -> String {
    let accounts = "(passwd|shadow|group|gshadow|subuid|subgid)-?( |$)";
    let out = sb.sh(&format!(
        "diff -rq --no-dereference /etc.before /etc | grep -Ev '/{accounts}' | grep -Ev ': {accounts}' || true"
    ));
    out.stdout
}

#[test]
fn holds_these_files() {
    let list = read("dpkg-deb", &["-c"], &package("DEB"));
    let files: Vec<_> = list
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| {
            !words[0].starts_with('d') && !words[5].contains("/doc/") && !words[5].contains("/man/")
        })
        .map(|words| format!("{} {} {}", words[0], words[1], words[5]))
        .collect();
    let expected = [
        "-rw-r--r-- root/root ./etc/sftpjail/config.toml",
        "-rw-r--r-- root/root ./lib/systemd/system/sftpjail-reap.service",
        "-rw-r--r-- root/root ./lib/systemd/system/sftpjail-reap.timer",
        "-rw-r--r-- root/root ./lib/x86_64-linux-gnu/security/pam_sftpjail.so",
        "-rwxr-xr-x root/root ./usr/sbin/sftpjail",
        "-rw-r--r-- root/root ./usr/share/bash-completion/completions/sftpjail",
        "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/sftpjail.fish",
        "-rw-r--r-- root/root ./usr/share/lintian/overrides/sftpjail",
        "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_sftpjail",
    ];
    assert_eq!(files, expected);
    assert_eq!(examples(&list), EXAMPLES);
    assert_eq!(missing_pages(&list), [""; 0]);
    let depends = read("dpkg-deb", &["--show", "--showformat=${Depends}"], &package("DEB"));
    let depends: Vec<_> = depends.split(", ").map(|one| one.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(depends, ["libc6", "libgcc-s1", "libpam0g", "openssh-server"]);
}

#[test]
fn jails_nobody_until_setup_and_is_purged_without_a_trace() {
    let (sb, _) = installed();
    assert_eq!(changed(&sb), "Only in /etc: sftpjail\n");
    sb.user("joe").group("users").add();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("anna", "pwd\n").ok();
    sb.sh("userdel -r anna 2>/dev/null; dpkg --remove sftpjail");
    assert!(!sb.read_text("/etc/pam.d/sshd").contains("sftpjail"));
    sb.sh("not test -e /usr/sbin/sftpjail; dpkg --purge sftpjail; sshd -t");
    assert_eq!(changed(&sb), "");
    sb.ssh("joe", &["true"]).ok();
    let left =
        sb.sh("find / -xdev -name '*sftpjail*' ! -path '/proc/*' ! -path '/root/*' ! -path '/usr/local/*'");
    let left: Vec<_> = left.stdout.lines().filter(|path| !path.starts_with("/etc.before")).collect();
    assert_eq!(left, [""; 0]);
    sb.sh("not test -e /var/lib/sftpjail; not test -e /jail; not test -e /run/sftpjail");
}

#[test]
fn is_not_removed_while_a_member_is_logged_in_or_a_line_names_the_module() {
    let (sb, _) = installed();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    let mut live = sb.sftp_live("anna");
    let out = sb.try_sh("dpkg --remove sftpjail").failed();
    assert!(out.stderr.contains("sftpjail stays installed, because its setup could not be undone"), "{out}");
    assert!(out.stderr.contains("a member is logged in: anna"), "{out}");
    live.send("mkdir more");
    drop(live);
    sb.sh("cp -a /etc/pam.d/sshd /root/pam; rm -r /var/lib/sftpjail");
    let out = sb.try_sh("dpkg --remove sftpjail").failed();
    assert!(out.stderr.contains("then remove the module's lines in: /etc/pam.d/sshd"), "{out}");
    sb.sftp("anna", "pwd\n").ok();
    sb.sh("sed -i /pam_sftpjail/d /etc/pam.d/sshd");
    let out = sb.try_sh("dpkg --remove sftpjail").failed();
    assert!(out.stderr.contains("systemd calls its program. Remove this file first"), "{out}");
    sb.sh("rm /etc/systemd/system/user@.service.d/50-sftpjail.conf");
    let out = sb.try_sh("dpkg --remove sftpjail").failed();
    assert!(
        out.stderr.contains("cron calls its program. Remove this file first: /etc/cron.d/sftpjail"),
        "{out}"
    );
    sb.sh("rm /etc/cron.d/sftpjail; dpkg --remove sftpjail");
}

#[test]
fn is_not_removed_nor_undone_while_another_service_of_pam_names_the_module() {
    let (sb, _) = installed();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.write("/etc/pam.d/ftp", "account required pam_sftpjail.so\n");
    let out = sb.try_sh("dpkg --remove sftpjail").failed();
    assert!(out.stderr.contains("First remove its lines in: /etc/pam.d/ftp\n"), "{out}");
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("anna", "pwd\n").ok();
    sb.sh("rm /etc/pam.d/ftp; sftpjail setup --dry-run | grep 'Nothing to do'");
}

#[test]
fn a_purge_keeps_the_setup_of_another_copy_and_the_log_of_other_rules() {
    let (sb, _) = installed();
    let copy = "/usr/lib/x86_64-linux-gnu/security/pam_sftpjail.so";
    sb.sh("dpkg --remove sftpjail");
    sb.install(&artifact("sftpjail"), "/usr/local/sbin/sftpjail", 0o755);
    sb.install(&artifact("libpam_sftpjail.so"), copy, 0o644);
    sb.sh("sftpjail setup --yes; echo entry >/var/log/sftp.log; dpkg --purge sftpjail");
    sb.sh("grep -q entry /var/log/sftp.log; sftpjail setup --undo --yes | grep 'Everything is as it was before'");

    let (sb, _) = installed();
    sb.write("/etc/rsyslog.d/50-own.conf", ":programname, isequal, \"internal-sftp\" /var/log/sftp.log\n");
    sb.sh("echo entry >/var/log/sftp.log; dpkg --remove sftpjail; dpkg --purge sftpjail; grep -q entry /var/log/sftp.log");
    let (sb, _) = installed();
    sb.sh("echo entry >/var/log/sftp.log; dpkg --purge sftpjail; not test -e /var/log/sftp.log");
}

#[test]
fn an_upgrade_leaves_sessions_and_settings_as_they_are_and_asks_nothing() {
    let (sb, deb) = installed();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    let mut live = sb.sftp_live("anna");
    sb.sh(&format!(
        "mkdir /root/newer; dpkg-deb --raw-extract {deb} /root/newer
        sed -i 's/^Version: .*/Version: 99/' /root/newer/DEBIAN/control
        echo '# A later default.' >>/root/newer/etc/sftpjail/config.toml
        dpkg-deb -Znone --build /root/newer /root/newer.deb; cp -a /etc/pam.d /root/pam.d"
    ));
    install(&sb, "/root/newer.deb </dev/null");
    sb.sh("tail -n 1 /etc/sftpjail/config.toml | grep -q later; diff -r /root/pam.d /etc/pam.d");
    live.send("mkdir during");
    drop(live);
    sb.sh("for i in $(seq 200); do sftpjail list | grep -q anna || break; sleep 0.05; done");
    sb.sftp("anna", "ls during\n").ok();
}
