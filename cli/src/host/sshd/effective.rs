//! Parses effective settings, which `sshd -T` prints.

use pam_sftpjail::account::Account;
use pam_sftpjail::escape::one_line;
use std::ffi::OsString;
use std::path::PathBuf;

/// Effective settings: keywords in lower case, and values as sshd prints them.
#[derive(Default)]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Parses the output of `sshd -T`.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(lines.map(|(keyword, value)| (keyword.to_owned(), one_line(value))).collect())
    }

    /// The first value of a keyword, in any case.
    pub(crate) fn get(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).next()
    }

    /// All values of a keyword, in any case: sshd prints one line for each pattern of AllowUsers.
    pub(crate) fn all(&self, keyword: &str) -> impl Iterator<Item = &str> {
        let settings = self.0.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(keyword));
        settings.map(|(_, value)| value.as_str())
    }
}

/// Expands `%%`, `%h`, `%U` and `%u`, as sshd_config(5) says for ChrootDirectory and AuthorizedKeysFile.
pub(crate) fn expanded(value: &str, account: &Account) -> PathBuf {
    let mut path = OsString::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        path.push(before);
        let mut after = after.chars();
        match after.next() {
            Some('u') => path.push(&account.name),
            Some('U') => path.push(account.uid.to_string()),
            Some('h') => path.push(&account.home),
            Some(other) => path.push(other.to_string()),
            None => path.push("%"),
        }
        rest = after.as_str();
    }
    path.push(rest);
    path.into()
}
