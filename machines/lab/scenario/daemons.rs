//! What the host does while a member is logged in.

use super::members::log_in;
use crate::lab::Lab;
use crate::run::Outcome::{self, NotHere, Passed};

pub fn tell_sshd(lab: &mut Lab, what: &str) -> Outcome {
    let mut live = lab.client().live("anna", "");
    lab.sh(&format!("systemctl {what} ssh"));
    lab.client().wait_until_let_in("anna");
    lab.puts(&mut live, &format!("during-{what}"));
    lab.sh("systemctl is-active ssh");
    lab.close(live);
    lab.is_sound();
    Passed
}

pub fn socket(lab: &mut Lab) -> Outcome {
    lab.sh("systemctl stop ssh; systemctl start ssh.socket");
    lab.is_sound();
    lab.sh("sftpjail setup --undo --yes; sftpjail setup --yes; systemctl is-active ssh.socket");
    log_in(lab);
    // Now it runs.
    lab.sh("sftpjail setup --undo --yes; sftpjail setup --yes; systemctl is-active ssh.socket");
    log_in(lab);
    lab.is_sound();
    lab.sh("systemctl stop ssh.socket ssh; systemctl start ssh");
    lab.is_sound();
    Passed
}

pub fn restart_log(lab: &mut Lab) -> Outcome {
    let daemon = if lab.has_rsyslog() { "rsyslog" } else { "systemd-journald" };
    let mut live = lab.client().live("anna", "");
    lab.puts(&mut live, "before-restart");
    lab.sh(&format!("systemctl restart {daemon}"));
    lab.puts(&mut live, "after-restart");
    lab.close(live);
    for name in ["before-restart", "after-restart"] {
        lab.wait_for_audit(&format!("close .* ok .* written .* /home/anna/{name}$"), name);
    }
    Passed
}

pub fn rotate_log(lab: &mut Lab) -> Outcome {
    if !lab.has_rsyslog() {
        return NotHere("systemd's journal is the only log there".into());
    }
    let mut live = lab.client().live("anna", "");
    lab.puts(&mut live, "before-rotation");
    lab.wait_for_audit("close .* /home/anna/before-rotation$", "before-rotation");
    lab.sh("logrotate --force /etc/logrotate.conf");
    lab.puts(&mut live, "after-rotation");
    lab.close(live);
    for name in ["before-rotation", "after-rotation"] {
        lab.wait_for_audit(&format!("close .* ok .* written .* /home/anna/{name}$"), name);
    }
    lab.wait_for("grep -q after-rotation /var/log/sftp.log && grep -q 'session closed for user anna' /var/log/auth.log");
    lab.sh("grep -q before-rotation /var/log/sftp.log.1; not grep -q before-rotation /var/log/sftp.log");
    Passed
}

pub fn reboot(lab: &mut Lab) -> Outcome {
    let mut live = lab.client().live("anna", "");
    lab.puts(&mut live, "before-reboot");
    lab.reboot();
    lab.sh("sftpjail list | not grep anna; test -z \"$(ls -A /jail)\"; not grep ' /jail' /proc/1/mountinfo
         cmp /root/file /home/anna/before-reboot");
    lab.is_sound();
    log_in(lab)
}

pub fn host_namespace(lab: &mut Lab) -> Outcome {
    lab.sh("cp /etc/sftpjail/config.toml /root/; sed -i 's/^namespace = \"private\"/namespace = \"host\"/' /etc/sftpjail/config.toml");
    let mut live = lab.client().live("anna", "");
    lab.puts(&mut live, "in-the-hosts");
    lab.sh(
        "sftpjail list | grep '^anna .*/jail/anna (host)'; cmp /root/file /jail/anna/home/anna/in-the-hosts",
    );
    lab.close(live);
    lab.wait_for("! grep -q ' /jail/anna' /proc/1/mountinfo && test -z \"$(ls -A /jail)\"");
    lab.is_sound();
    lab.client().live("anna", "");
    lab.reboot();
    lab.client().sftp("anna", "pwd\n").ok();
    lab.wait_for_logouts();
    lab.wait_for("test -z \"$(ls -A /jail)\"");
    lab.is_sound();
    lab.sh("cp /root/config.toml /etc/sftpjail/config.toml; rm /root/config.toml");
    lab.client().sftp("anna", "pwd\n").ok();
    lab.wait_for_logouts();
    lab.is_sound();
    Passed
}
