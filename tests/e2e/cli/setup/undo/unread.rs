//! Directories and files that the kernel does not let root read: what they hold is unknown, so nothing is removed that
//! it may need.

use super::{JOURNAL, UNDO};
use crate::common::by_hand::match_block;
use sandbox::Sandbox;

#[test]
fn a_directory_or_file_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let sb = Sandbox::stock();
    // A block of the admin's needs the jail root and PAM's lines.
    sb.append("/etc/ssh/sshd_config", match_block());
    sb.sh("sftpjail setup --yes; cp -a /var/lib/sftpjail /root/journal");
    // Another service of the admin's needs the module.
    sb.write("/etc/pam.d/ftp", "session required pam_sftpjail.so open\n");
    for (path, call, said) in [
        // What `Include` names, and PAM's files.
        ("/etc/ssh/sshd_config.d", "openat", " cannot be read: I/O error"),
        ("/etc/pam.d", "openat", " cannot be read: I/O error"),
        ("/etc/pam.d/ftp", "statx", " cannot be read: I/O error"),
        ("/etc/ssh/sshd_config", "statx", ":"),
    ] {
        for is_journal_lost in [false, true] {
            let lose = if is_journal_lost { format!("rm {JOURNAL};") } else { String::new() };
            // sshd itself reads them, so that only this program does not know.
            let out = sb
                .try_sh(&format!(
                    "{lose} strace -qqo /root/trace -P {path} -e trace={call} -e inject={call}:error=EIO {UNDO}"
                ))
                .failed();
            assert!(sb.sh("cat /root/trace").stdout.contains("EIO"), "{path} {is_journal_lost}\n{out}");
            let all = format!("{}{}", out.stdout, out.stderr);
            let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(all.contains(&format!("{path}{said}")), "{path} {is_journal_lost}\n{out}");
            sb.sh("test -d /jail; grep -q pam_sftpjail.so /etc/pam.d/sshd; rm -rf /var/lib/sftpjail; cp -a /root/journal /var/lib/sftpjail");
        }
    }
}

/// The backups are all that can restore the files.
#[test]
fn a_journal_that_cannot_be_read_keeps_its_backups() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    let list = "ls -A /var/lib/sftpjail/setup";
    let before = sb.sh(list).stdout;
    assert!(before.contains("before-"), "{before}");
    for verb in [UNDO, "sftpjail setup --yes", "sftpjail setup --confirm"] {
        for call in ["openat", "read", "statx"] {
            let out =
                sb.try_sh(&format!("strace -qqo /dev/null -P {JOURNAL} -e inject={call}:error=EIO {verb}"));
            assert_eq!(sb.sh(list).stdout, before, "{verb} {call}: {out}");
        }
    }
    sb.sh(UNDO);
    sb.sh("not test -e /var/lib/sftpjail");
}

/// Such as a setting that a newer sshd no longer knows: undo is what removes it.
#[test]
fn what_sshd_refuses_in_a_file_of_setups_does_not_keep_undo_from_removing_it() {
    let sb = Sandbox::stock();
    let drop_in = "/etc/ssh/sshd_config.d/00-sftpjail.conf";
    sb.sh(&format!(
        "sftpjail setup --yes; touch /etc/ssh/more.conf; sed -i '1i Include /etc/ssh/more.conf' {drop_in}"
    ));
    // It takes this line for its own from now on.
    sb.sh("sftpjail setup --yes; echo Gone yes >/etc/ssh/more.conf; not sshd -t");
    sb.sh(&format!("{UNDO}; not test -e {drop_in}; not grep -q sftpjail /etc/pam.d/sshd; sshd -t"));
}
