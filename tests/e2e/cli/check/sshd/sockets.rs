//! Sockets of systemd's that start sshds with the usual configuration and other options. systemd is a stand-in.

use super::super::{checked, machine};
use super::running::finding;
use sandbox::Sandbox;

/// A systemctl that has nothing to say of user managers, which is a finding of its own, and that knows an active socket
/// on port 2222, whose service starts sshd with these options.
fn socket(sb: &Sandbox, options: &str) {
    sb.sh("mkdir -p /run/systemd/system");
    let stand_in = format!(
        "#!/bin/sh
        case \"$*\" in
        *.socket) printf 'Id=second.socket\\nActiveState=active\\nAccept=no\\nTriggers=second.service\\nListen=[::]:2222 (Stream)\\n';;
        *ExecStart*second.service)
            echo 'ExecStart={{ path=/usr/sbin/sshd ; argv[]=/usr/sbin/sshd -D {options} ; ignore_errors=no }}';;
        esac
        "
    );
    sb.write_mode("/usr/sbin/systemctl", stand_in, 0o755);
}

#[test]
fn a_socket_beside_the_running_sshd_is_asked_with_the_options_of_its_service() {
    let sb = machine();
    sb.sshd();
    socket(&sb, "-o PermitUserRC=yes");
    for command in ["sftpjail check mle", "sftpjail check --all"] {
        let out = checked(sb.try_sh(command), 1);
        let said = "second.socket starts second.service at the next connection, with \"-o PermitUserRC=yes\", which counts";
        assert!(out.stdout.contains(said), "{out}");
        assert!(out.stdout.contains("port 22) has read the files as they are"), "{out}");
    }
    socket(&sb, "-o UsePAM=no");
    for command in ["sftpjail check mle", "sftpjail check --all"] {
        let out = checked(sb.try_sh(command), 1);
        let found = finding(&out, "✗ sshd pam");
        assert!(
            found.contains("UsePAM is no instead of yes; to second.service, from addresses such as"),
            "{out}"
        );
        assert!(found.contains("restart second.service without its option \"-o UsePAM=no\""), "{out}");
    }
    // A block for the port of the socket only.
    socket(&sb, "");
    sb.sh("sed -i '/^Match Group sftp/i Match LocalPort 2222\\n    PermitTTY yes' /etc/ssh/sshd_config");
    sb.restart_sshd();
    let found = finding(&checked(sb.try_sh("sftpjail check mle"), 1), "✗ sshd terminal");
    assert!(found.contains("to port 2222"), "{found}");
}

/// It may have a setting that keeps sshd from building jails.
#[test]
fn a_service_whose_files_systemd_does_not_name_may_be_restricted() {
    let sb = machine();
    sb.sshd();
    socket(&sb, "");
    sb.sh("sed -i '/^ *esac/i *FragmentPath*second.service) exit 1;;' /usr/sbin/systemctl");
    let said =
        "whether all that restricts second.service was tried is not known: systemctl says: exit status: 1";
    let out = checked(sb.try_sh("sftpjail check mle"), 1);
    assert!(out.stdout.replace("\n                 ", " ").contains(said), "{out}");
}
