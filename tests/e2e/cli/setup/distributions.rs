//! The PAM and sshd files of five families of distributions, written after their packages: the module's lines
//! get into the right places, and real sshd and libpam read them.

use super::{NOTHING, assert_same, etc, undo};
use sandbox::Sandbox;
use std::path::Path;

const ACCOUNT: &str = "account [success=ok ignore=ignore module_unknown=ignore default=bad] pam_sftpjail.so";
const CLOSE: &str =
    "session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_sftpjail.so close";
const OPEN: &str =
    "session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_sftpjail.so open";

/// What that distribution has, and Debian's libpam-modules has not, such as pam_sss.so.
const MODULES: &str = "cd \"$(dirname \"$(find /usr/lib /usr/lib64 -name pam_permit.so -print -quit)\")\"
    for module in $(grep -rhoE 'pam_[a-z0-9_]+[.]so' /etc/pam.d); do
        [ -e $module ] || [ $module = pam_sftpjail.so ] || cp pam_permit.so $module
    done";

/// Debian's programs with another distribution's files.
fn machine(distribution: &str) -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("rm -rf /etc/pam.d/* /etc/ssh/sshd_config /etc/ssh/sshd_config.d");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(distribution);
    copy(&sb, &fixtures, "/etc");
    sb.sh(MODULES);
    sb.user("joe").add();
    sb.user("anna").group("sftp").add();
    sb
}

fn copy(sb: &Sandbox, from: &Path, to: &str) {
    for entry in from.read_dir().expect("a fixture").map(|entry| entry.expect("an entry")) {
        let to = format!("{to}/{}", entry.file_name().to_str().expect("plain names"));
        if let Ok(target) = entry.path().read_link() {
            sb.sh(&format!("ln -s {} {to}", target.display()));
        } else if entry.path().is_dir() {
            sb.sh(&format!("mkdir -p {to}"));
            copy(sb, &entry.path(), &to);
        } else {
            sb.write(&to, std::fs::read(entry.path()).expect("a file"));
        }
    }
}

/// The lines of PAM's file for sshd that are neither empty nor comments.
fn lines(sb: &Sandbox) -> Vec<String> {
    let text = sb.read_text("/etc/pam.d/sshd");
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

/// Sets up, checks, logs in, and undoes. `after_account`: the line after our account line. `after_close`: the
/// line after our first session line. `block`: the file with the `Match` block.
fn works(distribution: &str, after_account: &str, after_close: &str, block: &str) {
    let sb = machine(distribution);
    let before = etc(&sb);
    sb.sshd();
    // The path of Subsystem is not Debian's.
    sb.ssh("anna", &["true"]).ok();
    sb.sh("sftpjail setup --yes");

    let lines = lines(&sb);
    for (ours, after) in [(ACCOUNT, after_account), (CLOSE, after_close)] {
        let at = lines.iter().position(|line| line == ours).expect("our line");
        let next = lines[at + 1].split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(next, after, "{distribution}: {lines:#?}");
    }
    let first = lines.iter().find(|line| line.starts_with("session") && !line.contains("pam_selinux"));
    assert_eq!(first.expect("lines"), CLOSE, "{distribution}: {lines:#?}");
    assert_eq!(lines.last().expect("lines"), OPEN, "{distribution}: {lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("pam_sftpjail")).count(), 3);
    sb.sh("sftpjail check anna --json | grep -q warned && sftpjail check anna | grep -A1 '^! pam' && exit 1; true");
    assert!(sb.read_text(block).contains("\nMatch Group sftp\n    ChrootDirectory /jail/%u\n"), "{block}");

    // sshd, libpam and setup itself read what was written.
    let settings = sb.sh("sshd -T -C user=anna,host=h,addr=192.0.2.1,laddr=192.0.2.2,lport=22").stdout;
    for line in ["chrootdirectory /jail/%u", "forcecommand internal-sftp -l INFO", "permittunnel no"] {
        assert!(settings.lines().any(|l| l == line), "{distribution}: {line}");
    }
    let seen = sb.sftp("anna", "pwd\n").ok();
    assert!(seen.stdout.contains("/home/anna"), "{seen}");
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.ssh("joe", &["true"]).ok();
    sb.sh("mkdir /jail/anna");
    let refused = sb.sftp("anna", "pwd\n").failed();
    assert!(refused.stderr.contains("SFTP"), "the account line says why: {refused}");
    sb.sh("rmdir /jail/anna");
    let again = sb.sh("sftpjail setup --yes");
    assert_eq!(again.stdout, NOTHING, "{again}");

    undo(&sb);
    assert_same(&before, &etc(&sb), &[]);
}

const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-sftpjail.conf";

#[test]
fn debian_and_ubuntu() {
    works("debian", OPEN, "session required pam_loginuid.so", DROP_IN);
}

/// A `sufficient` line in password-auth would skip a later account line.
#[test]
fn fedora_and_red_hat() {
    works("fedora", "account include password-auth", "session required pam_loginuid.so", DROP_IN);
}

#[test]
fn suse() {
    works(
        "suse",
        "account include common-account",
        "session required pam_loginuid.so",
        "/etc/ssh/sshd_config",
    );
}

#[test]
fn arch() {
    works("arch", OPEN, "session include system-remote-login", DROP_IN);
}

#[test]
fn alpine() {
    works("alpine", OPEN, "session include base-session", DROP_IN);
}

#[test]
fn a_missing_use_pam_on_alpine_is_reported() {
    let sb = machine("alpine");
    sb.sh("sed -i /^UsePAM/d /etc/ssh/sshd_config");
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("/etc/ssh/sshd_config: UsePAM is no"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn where_homes_are_made_at_login_there_is_no_account_line() {
    let sb = machine("fedora");
    sb.append("/etc/pam.d/password-auth", "session optional pam_mkhomedir.so umask=0077\n");
    sb.sh("sftpjail setup --yes");
    let lines = lines(&sb);
    assert!(!lines.iter().any(|line| line == ACCOUNT), "{lines:#?}");
    assert_eq!(lines.last().expect("lines"), OPEN);
    assert!(sb.sh("sftpjail setup --yes").stdout.starts_with("Nothing to do"));
    sb.sh("groupadd -f sftp; useradd -M -d /home/new -G sftp new");
    sb.sh("mkdir /etc/ssh/keys; cp ~/.ssh/id_ed25519.pub /etc/ssh/keys/new");
    sb.write(
        "/etc/ssh/sshd_config.d/10-keys.conf",
        "AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys\n",
    );
    sb.sftp("new", "pwd\nmkdir mine\n").ok();
    sb.sh("test -d /home/new/mine");
    sb.sftp("new", "ls /etc/ssh\n").failed();
}

/// On newer SUSE, files are in /etc only after an admin has changed them.
#[test]
fn a_file_of_a_package_is_not_edited_but_copied_to_etc() {
    let sb = machine("debian");
    sb.sh("mkdir -p /usr/lib/pam.d; mv /etc/pam.d/sshd /usr/lib/pam.d/sshd");
    let (before, theirs) = (etc(&sb), sb.read_text("/usr/lib/pam.d/sshd"));
    sb.sh("sftpjail setup --yes");
    assert_eq!(lines(&sb).last().expect("lines"), OPEN);
    let ours = sb.read_text("/etc/pam.d/sshd");
    assert!(theirs.lines().all(|line| ours.lines().any(|l| l == line)), "{ours}");
    assert_eq!(sb.read_text("/usr/lib/pam.d/sshd"), theirs);
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    undo(&sb);
    assert_same(&before, &etc(&sb), &[]);
}
