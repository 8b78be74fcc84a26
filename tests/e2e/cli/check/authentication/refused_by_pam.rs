//! Members with a password that PAM never accepts, and without a key.

use super::super::faults::Machine;

/// Each refuses every password of mle's, and nobody with a key.
const REFUSALS: [&str; 3] = [
    "sed -i '1i auth requisite pam_deny.so' /etc/pam.d/common-auth",
    "sed -i 's/pam_unix.so/pam_unxi.so/' /etc/pam.d/common-auth",
    "echo auth required pam_shells.so >>/etc/pam.d/common-auth; usermod -s /opt/nologin mle",
];

#[test]
fn a_password_that_pam_never_accepts_lets_nobody_in() {
    let machine = Machine::new();
    let sb = &machine.sb;
    for breaks in REFUSALS {
        sb.sh(&format!("echo mle:pw | chpasswd; {breaks}"));
        assert!(machine.concluded().2.starts_with("mle is jailed and can log in"), "{breaks}");
        sb.sftp("mle", "pwd\n").ok();
        sb.sh("rm -r /home/mle/.ssh");
        let (found, code, sentence) = machine.concluded();
        assert_eq!(
            (sentence.as_str(), code),
            ("mle is jailed but cannot log in: there is no key, and PAM refuses passwords", 1),
            "{breaks}"
        );
        let of = found.iter().find(|found| found[0] == "authentication");
        let [.., fix] = of.unwrap_or_else(|| panic!("{breaks}: {found:#?}"));
        assert!(fix.starts_with("put a public key into /home/mle/.ssh/authorized_keys as mle"), "{fix}");
        sb.login("mle").password("pw").sftp("pwd\n").failed();
        sb.stop_sshd();
        machine.restore();
    }
}

/// A line that cannot refuse says nothing of the shell.
#[test]
fn a_line_of_pam_shells_that_refuses_nobody_is_no_fault() {
    let machine = Machine::new();
    machine.sb.sh("echo auth optional pam_shells.so >>/etc/pam.d/common-auth; usermod -s /opt/nologin mle");
    assert_eq!(machine.found(), (vec![], 0));
}
