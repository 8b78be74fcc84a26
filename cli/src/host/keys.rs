//! Reads from sshd's effective settings which files hold the keys of an account.

use super::sshd::effective::{Settings, expanded};
use pam_sftpjail::account::Account;
use std::path::PathBuf;

/// The files of the effective AuthorizedKeysFile, as `authorized_keys_file` of OpenSSH's auth.c expands it.
pub(crate) fn files(settings: &Settings, account: &Account) -> Vec<PathBuf> {
    names(settings).map(|name| account.home.join(expanded(name, account))).collect()
}

/// Whether the file at this index of [`files`] is for one user only: the name of the file is another one for others.
pub(crate) fn is_for_one_user(settings: &Settings, index: usize) -> bool {
    names(settings).nth(index).is_some_and(|name| {
        let variables = name.replace("%%", "");
        !name.starts_with('/') || ["%u", "%U", "%h"].iter().any(|variable| variables.contains(variable))
    })
}

/// The words of AuthorizedKeysFile.
fn names(settings: &Settings) -> impl Iterator<Item = &str> {
    let is_used = settings.get("PubkeyAuthentication") != Some("no");
    let names = settings.get("AuthorizedKeysFile").filter(|_| is_used).unwrap_or_default();
    names.split_whitespace().filter(|name| *name != "none")
}
