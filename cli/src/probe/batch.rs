//! Lines of a batch for sftp(1).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// sftp's `cd` command, quoted for its makeargv.
pub(super) fn cd(directory: &Path) -> Vec<u8> {
    let mut line = b"cd \"".to_vec();
    for byte in directory.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            line.push(b'\\');
        }
        line.push(*byte);
    }
    line.extend_from_slice(b"\"\n");
    line
}
