//! The README's setting up, done as it says on a stock machine.

use sandbox::Sandbox;

const README: &str = include_str!("../../README.md");
const PAM_LINES: &str = include_str!("../../pam.d/sshd");

/// The text between ``` and ``` that contains `word`.
fn block(word: &str) -> &'static str {
    let mut fenced =
        README.split("```").skip(1).step_by(2).map(|text| text.split_once('\n').expect("a line").1);
    fenced.find(|text| text.contains(word)).unwrap_or_else(|| panic!("no block with {word:?}"))
}

#[test]
fn what_the_readme_says_makes_a_stock_machine_jail_its_members() {
    let sb = Sandbox::stock();
    sb.append("/etc/ssh/sshd_config", block("Match Group sftp"));
    sb.append("/etc/pam.d/sshd", PAM_LINES);
    sb.sh("groupadd --system sftp || gpasswd -M '' sftp");
    sb.user("anna").add();
    // Before: an ordinary user.
    assert!(sb.sftp("anna", "ls /etc/ssh\n").ok().stdout.contains("sshd_config"));
    assert_eq!(sb.try_sh("sftpjail check anna").code, Some(3));

    sb.sh("usermod -aG sftp anna");
    let check = sb.sh("sftpjail check anna");
    assert!(check.stdout.contains("anna will be jailed."), "{check}");
    let seen = sb.sftp("anna", "pwd\nls -l /\n").ok();
    assert!(seen.stdout.contains("Remote working directory: /home/anna"), "{seen}");
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    let line = sb.wait_for_log("pam_sftpjail(sshd:session): session opened");
    // The README's example line, with its changing parts taken out.
    for part in [
        "pam_sftpjail(sshd:session): session opened for user ",
        " home=/home/anna rhost=127.0.0.1 profile=home us=",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!sb.ssh("anna", &["id"]).failed().stdout.contains("uid="));
}
