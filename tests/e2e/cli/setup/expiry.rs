//! What setup installs so that sessions end with what is granted: a timer of systemd's, or a line for cron.

use super::{NOTHING, assert_same, etc, undo};
use sandbox::Sandbox;

const LINE: &str = "* * * * * root /usr/local/sbin/sftpjail expire\n";

#[test]
fn by_the_line_that_setup_writes_cron_ends_a_session_with_its_grant() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("mkdir /etc/sftpjail");
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"guest\"\ngroups = [\"sftp-guest\"]\nhome = \"none\"\n",
    );
    sb.sh("sftpjail setup --yes");
    assert!(sb.read_text("/etc/cron.d/sftpjail").ends_with(LINE));
    sb.sh("test \"$(stat -c '%a %U' /etc/cron.d/sftpjail)\" = '644 root'; cron
           install -d /etc/sftpjail/grants.d; install -d -m 777 /srv/media");
    sb.user("felix").group("sftp-guest").add();
    sb.sh("printf '[[grant]]\\nfolder = \"/srv/media\"\\naccess = \"read-write\"\\nuntil = %s\\n' \\
           $(date -u -d '+6 seconds' +%Y-%m-%dT%H:%M:%SZ) >/etc/sftpjail/grants.d/felix.toml");
    let mut live = sb.sftp_live("felix");
    sb.sh("for i in $(seq 1000); do test -e /run/sftpjail/felix || exit 0; sleep 0.1; done; exit 1");
    sb.wait_for_log("has ended: /srv/media was granted until");
    live.try_send("ls").unwrap_err();
    sb.sh("kill $(cat /run/crond.pid); userdel -r felix 2>/dev/null; rm -r /etc/sftpjail");
    undo(&sb);
    assert_same(&before, &etc(&sb), &super::REWRITTEN_BY_USERADD);
}

#[test]
fn what_an_admin_has_changed_in_its_files_stays_and_setup_says_so() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes; echo '# ours' >>/etc/cron.d/sftpjail");
    assert_eq!(sb.sh("sftpjail setup --yes").stdout, NOTHING);
    // A note comes with changes.
    sb.sh("sed -i 's/^\\* /*\\/5 /' /etc/cron.d/sftpjail; sed -i /sftp.log/d /etc/logrotate.d/rsyslog");
    let out = sb.sh("sftpjail setup --yes");
    let note = "Note: /etc/cron.d/sftpjail has other settings than this version writes, and stays,";
    assert!(out.stdout.contains(note), "{out}");
    sb.sh("grep '^\\*/5 ' /etc/cron.d/sftpjail");
    undo(&sb);
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn where_nothing_can_run_it_setup_says_so() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("mv /usr/sbin/cron /usr/sbin/no-cron");
    let out = sb.sh("sftpjail setup --yes");
    assert!(
        out.stdout.contains("\nNote: neither systemd nor cron can run `sftpjail expire` here: let "),
        "{out}"
    );
    undo(&sb);
    assert_same(&before, &etc(&sb), &[]);
}
