//! Tries to change what the profile guards, in a way that changes nothing: it sets the mode that each file has already.
//! On a read-only mount even that is refused.

use super::attempt::sftp;
use super::complaint::complaint;
use super::connection::Connection;
use super::expected::Expected;
use super::judge::Judgement;
use pam_sftpjail::escape::escaped;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// `None` where nothing is guarded.
pub(super) fn try_to_change(
    connection: &Connection<'_>,
    expected: &Expected,
) -> io::Result<Option<Judgement>> {
    let mut refused = Vec::new();
    for path in &expected.guard {
        let (Some(text), Ok(found)) = (plain(path), path.symlink_metadata()) else { continue };
        let output = sftp(connection, format!("chmod {:o} {text}\n", found.mode() & 0o7777).as_bytes())?;
        let shown = escaped(path).to_string();
        if output.success {
            return Ok(Some(Err(format!("{shown} can be changed"))));
        }
        // The answer for EROFS. "Permission denied" would mean that only the mode refuses it.
        if !output.stderr.contains("Failure") {
            return Ok(Some(Err(format!("{shown}: {}", complaint(&output)))));
        }
        refused.push(shown);
    }
    Ok(match refused.len() {
        0 => None,
        _ => Some(Ok(format!("no session can change {}", refused.join(", ")))),
    })
}

/// The path, if sftp needs no quotes for it.
fn plain(path: &Path) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    path.to_str().filter(|text| text.chars().all(is_plain))
}
