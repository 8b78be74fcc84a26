//! The order of the session lines.

use super::super::faults::{Fault, Machine, warned};

/// The order of the module's session lines among the others.
const ORDER: [Fault; 9] = [
    warned(
        "sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd",
        "pam session",
        "no `pam_sftpjail.so close` line at the top: pam_env.so at /etc/pam.d/sshd:",
    ),
    warned(
        concat!(
            "sed -i '/sftpjail.so close$/d; s/user_readenv=1/user_readenv=0/' /etc/pam.d/sshd; ",
            "sed -i '/sftpjail.so open$/i -session optional pam_mount.so' /etc/pam.d/sshd"
        ),
        "pam session",
        "no `pam_sftpjail.so close` line at the top: pam_mount.so at /etc/pam.d/sshd:",
    ),
    // The single line of an earlier version.
    warned(
        "sed -i '/sftpjail.so close$/d; s/user_readenv=1//; s/sftpjail.so open/sftpjail.so/' /etc/pam.d/sshd
         echo session optional pam_exec.so /bin/true >>/etc/pam.d/common-session",
        "pam session",
        "no `pam_sftpjail.so close` line at the top: pam_exec.so at /etc/pam.d/common-session:",
    ),
    warned(
        "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd
         cat /tmp/close >>/etc/pam.d/sshd",
        "pam session",
        ", stands below the one that opens, so it does nothing",
    ),
    warned(
        "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd
         sed -i '/user_readenv=1/r /tmp/close' /etc/pam.d/sshd",
        "pam session",
        ": stands too low: pam_env.so at /etc/pam.d/sshd:",
    ),
    warned(
        "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '1r /tmp/close' /etc/pam.d/sshd",
        "pam session",
        ": a second line with `close`, which does nothing",
    )
    // Both have the same text.
    .in_words("remove the line at /etc/pam.d/sshd:2"),
    warned(
        "echo -session optional pam_script.so >>/etc/pam.d/sshd",
        "pam session",
        ": pam_script.so at /etc/pam.d/sshd:",
    ),
    warned(
        "cp \"$1\" /root/pam_sftpjail.so; sed -i 's|pam_sftpjail.so close|/root/&|' /etc/pam.d/sshd",
        "pam session",
        ": names another file than /etc/pam.d/sshd:",
    ),
    // Only a distributor's file, which the fix must not edit.
    warned(
        "sed '/sftpjail.so close$/d' /etc/pam.d/sshd >/usr/lib/pam.d/sshd; rm /etc/pam.d/sshd",
        "pam session",
        "no `pam_sftpjail.so close` line at the top",
    ),
];

#[test]
fn each_wrong_order_of_lines() {
    Machine::new().each(&ORDER);
}
