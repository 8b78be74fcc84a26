//! The RPM package, installed and removed by rpm in sandboxes. Their libpam is Debian's, so that the directory of Red
//! Hat's modules leads to that of Debian's.

use super::{EXAMPLES, examples, machine, missing_pages, package, read};
use sandbox::Sandbox;

const RPM: &str = "rpm --dbpath /var/lib/rpm";

fn installed() -> Sandbox {
    let (sb, rpm) = machine(&package("RPM"));
    sb.sh(&format!(
        "mkdir -p /usr/lib64; ln -sfn /usr/lib/x86_64-linux-gnu/security /usr/lib64/security
        {RPM} --install --nodeps {rpm}"
    ));
    sb
}

#[test]
fn holds_these_files_and_needs_no_more_than_it_should() {
    let list = read("rpm", &["--query", "--list", "--verbose", "--package"], &package("RPM"));
    let files: Vec<_> = list
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words[0].starts_with('d') && !words[8].contains("/share/"))
        .map(|words| format!("{} {}/{} {}", words[0], words[2], words[3], words[8]))
        .collect();
    let expected = [
        "-rw-r--r-- root/root /etc/sftpjail/config.toml",
        "-rw-r--r-- root/root /usr/lib/systemd/system/sftpjail-reap.service",
        "-rw-r--r-- root/root /usr/lib/systemd/system/sftpjail-reap.timer",
        "-rw-r--r-- root/root /usr/lib64/security/pam_sftpjail.so",
        "-rwxr-xr-x root/root /usr/sbin/sftpjail",
    ];
    assert_eq!(files, expected);
    let files: String =
        list.lines().filter(|line| !line.starts_with('d')).map(|line| format!("{line}\n")).collect();
    assert_eq!(examples(&files), EXAMPLES);
    assert_eq!(missing_pages(&files), [""; 0]);
    let requires = read("rpm", &["--query", "--requires", "--package"], &package("RPM"));
    let names = requires.lines().map(|line| line.split(['(', ' ']).next().unwrap_or_default());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    let libraries =
        ["ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpam.so.0"];
    let other: Vec<_> =
        names.iter().filter(|name| !libraries.contains(name) && !["rpmlib", "rtld"].contains(name)).collect();
    assert_eq!(other, [&"/bin/sh", &"config", &"libpthread.so.0", &"openssh-server", &"pam"], "{requires}");
    let provides = read("rpm", &["--query", "--provides", "--package"], &package("RPM"));
    assert!(!provides.contains(".so"), "{provides}");
}

#[test]
fn jails_nobody_until_setup_and_erasing_it_undoes_that() {
    let sb = installed();
    assert!(!sb.read_text("/etc/pam.d/sshd").contains("sftpjail"));
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    let live = sb.sftp_live("anna");
    let out = sb.try_sh(&format!("{RPM} --erase sftpjail")).failed();
    assert!(out.to_string().contains("a member is logged in: anna"), "{out}");
    drop(live);
    sb.sh("for i in $(seq 200); do sftpjail list | grep -q anna || break; sleep 0.05; done; userdel -r anna 2>/dev/null");
    sb.sh(&format!(
        "{RPM} --erase sftpjail; not test -e /usr/sbin/sftpjail; not test -e /etc/sftpjail; sshd -t"
    ));
    assert!(!sb.read_text("/etc/pam.d/sshd").contains("sftpjail"));
}

#[test]
fn is_not_erased_while_a_line_names_the_module() {
    let sb = installed();
    sb.append("/etc/pam.d/sshd", "session optional pam_sftpjail.so\n");
    let out = sb.try_sh(&format!("{RPM} --erase sftpjail")).failed();
    assert!(out.to_string().contains("then remove the module's lines in: /etc/pam.d/sshd"), "{out}");
    sb.sh("test -e /usr/lib64/security/pam_sftpjail.so");
}
