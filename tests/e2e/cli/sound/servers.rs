//! What serves them: an sshd with a file of its own, a container without systemd.

use super::{BY_KEY, SSHD, member, stock, system};
use crate::cli::setup::HOME;
use sandbox::sound::Sound;

const SECOND: &str = "grep -v '^Include' /usr/share/openssh/sshd_config >/etc/ssh/sshd_customers
    printf 'Port 2222\\nPidFile /run/sshd-customers.pid\\n' >>/etc/ssh/sshd_customers
    /usr/sbin/sshd -f /etc/ssh/sshd_customers";

#[test]
fn a_second_sshd_for_customers() {
    let sb = stock("sftp");
    sb.sh(SECOND);
    // Customers are not to log in at the admins' sshd.
    sb.write("/etc/ssh/sshd_config.d/customers.conf", "DenyGroups sftp\n");
    member(&sb, "anna", "/home/anna");
    system(&sb, SSHD, BY_KEY, &[("anna", "/home/anna")], |system| {
        let sftp = format!("{BY_KEY} -o StrictHostKeyChecking=no -P 2222");
        let options = "--sshd-config /etc/ssh/sshd_customers";
        let system = Sound { options, sftp: &sftp, ..*system };
        system.set_up("");
        sb.restart_syslog();
        system.is_sound();
        system.undo();
    });
}

/// Its sshd logs to stderr, which the container's engine keeps.
#[test]
fn a_container_without_systemd_and_syslog() {
    let sb = stock("sftp");
    sb.stop_syslog();
    sb.sh("rm -rf /lib/systemd /etc/systemd /run/systemd /usr/sbin/rsyslogd /etc/rsyslog* /etc/logrotate.d/rsyslog
        rm $(find /usr/lib -name pam_systemd.so); sed -i '/pam_systemd/d' /etc/pam.d/common-session
        mkdir /etc/sftpjail");
    // As the profile is without a log, nothing is missing.
    sb.write("/etc/sftpjail/config.toml", HOME.replace("log       = true ", "log       = false"));
    member(&sb, "anna", "/home/anna");
    let members = &[("anna", "/home/anna")];
    system(&sb, "/usr/sbin/sshd -D -e", BY_KEY, members, |system| {
        system.set_up("");
        system.is_sound();
        system.undo();
    });
}
