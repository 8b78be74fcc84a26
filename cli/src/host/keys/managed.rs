//! The files of keys that root keeps for users, `/etc/sftpjail/keys.d/USER`, in the format of authorized_keys. It reads
//! them by descriptor, and writes none.
//!
//! sshd reads such a file as the user, so it needs mode 0644.

use super::line::Line;
use pam_sftpjail::config::ConfigError;
use pam_sftpjail::config::user_file;
use pam_sftpjail::name::UserName;
use std::path::Path;

/// Where the files are.
pub(crate) const DIRECTORY: &str = "/etc/sftpjail/keys.d";

/// The content of the user's file; `None`: there is none. The directory and the file must be owned by root and writable
/// by nobody else, and the file neither a symlink nor a FIFO.
pub(crate) fn read(user: &UserName) -> Result<Option<Vec<u8>>, ConfigError> {
    user_file::read(Path::new(DIRECTORY), user.as_str())
}

/// The lines of such a file: the number of each, the text without its end, and what it holds.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str, Line<'_>)> {
    (1..).zip(text.lines()).map(|(number, line)| (number, line, Line::parse(line)))
}
