//! What a client has printed, as the end of a sentence about it.

use crate::host::process::Output;
use crate::host::programs::telling;
use pam_sftpjail::escape::one_line;

/// The most lines of what a client prints: some of it may come from the user.
const MAX_LINES: usize = 3;

/// The first lines of a client's stderr or, if it is empty, of its stdout, on one line.
pub(super) fn complaint(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let lines = |text: &str| -> Vec<String> {
        telling(text).filter(|line| !line.starts_with("sftp> ")).take(MAX_LINES).map(one_line).collect()
    };
    let printed = [lines(&output.stderr), lines(&stdout)].into_iter().find(|lines| !lines.is_empty());
    printed.map_or_else(|| "the client says nothing".into(), |lines| lines.join("; "))
}
