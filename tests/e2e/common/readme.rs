//! What the README shows, for tests that do what it says.

use sandbox::Sandbox;

pub(crate) const README: &str = include_str!("../../../README.md");
const PAM_LINES: &str = include_str!("../../../pam.d/sshd");

/// The text between ``` and ``` that contains `word`.
pub(crate) fn block(word: &str) -> &'static str {
    let mut fenced =
        README.split("```").skip(1).step_by(2).map(|text| text.split_once('\n').expect("a line").1);
    fenced.find(|text| text.contains(word)).unwrap_or_else(|| panic!("no block with {word:?}"))
}

/// As an admin does it by hand.
pub(crate) fn add_pam_lines(sb: &Sandbox) {
    let (first, last) = PAM_LINES.split_once(" close\n").expect("the first session line");
    sb.write("/etc/pam.d/sshd", format!("{first} close\n{}{last}", sb.read_text("/etc/pam.d/sshd")));
}
