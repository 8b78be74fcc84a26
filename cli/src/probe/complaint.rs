//! What a client has printed, as the end of a sentence about it.

use crate::host::process::Output;
use pam_sftpjail::escape::one_line;

/// The first lines of stderr or, if it is empty, of stdout, on one line.
pub(super) fn complaint(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.filter(|line| !line.starts_with("sftp> ")).take(3).map(one_line).collect()
    };
    let printed = [lines(&output.stderr), lines(&stdout)].into_iter().find(|lines| !lines.is_empty());
    printed.map_or_else(|| "the client says nothing".into(), |lines| lines.join("; "))
}
