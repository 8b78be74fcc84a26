//! What serves them: an sshd with a file of its own, a container without systemd.

use super::{BY_KEY, is_sound, member, stock, system};
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
    system(&sb, BY_KEY, &[("anna", "/home/anna")], |system| {
        let sftp = format!("{BY_KEY} -o StrictHostKeyChecking=no -P 2222");
        let options = "--sshd-config /etc/ssh/sshd_customers";
        let system = Sound { options, sftp: &sftp, ..*system };
        system.set_up("");
        sb.restart_syslog();
        system.is_sound();
        system.undo();
    });
}

#[test]
fn a_container_without_systemd() {
    let sb = stock("sftp");
    sb.sh("rm -rf /lib/systemd /etc/systemd /run/systemd; rm $(find /usr/lib -name pam_systemd.so)
        sed -i '/pam_systemd/d' /etc/pam.d/common-session");
    member(&sb, "anna", "/home/anna");
    is_sound(&sb, "", BY_KEY, &[("anna", "/home/anna")]);
}
