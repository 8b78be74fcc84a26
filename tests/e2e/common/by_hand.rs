//! What docs/by-hand.md says, for tests that set a machine up as it does.

use sandbox::Sandbox;

const PAGE: &str = include_str!("../../../docs/by-hand.md");
const PAM_LINES: &str = include_str!("../../../pam.d/sshd");

/// The block for sshd_config.
pub(crate) fn match_block() -> &'static str {
    let block = PAGE.split("<<'END'\n").find(|text| text.starts_with("Match Group sftp\n"));
    block.and_then(|block| block.split("END\n").next()).expect("a here-document")
}

/// The lines for sshd's stack, as an admin inserts them.
pub(crate) fn add_pam_lines(sb: &Sandbox) {
    let (first, last) = PAM_LINES.split_once(" close\n").expect("the first session line");
    sb.write("/etc/pam.d/sshd", format!("{first} close\n{}{last}", sb.read_text("/etc/pam.d/sshd")));
}
