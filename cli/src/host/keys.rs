//! Reads from sshd's effective settings which files hold the keys of an account.

use super::sshd::effective::{Settings, expanded};
use pam_sftpjail::account::Account;
use std::path::PathBuf;

/// The files of the effective AuthorizedKeysFile, as `authorized_keys_file` of OpenSSH's auth.c expands it.
pub(crate) fn files(settings: &Settings, account: &Account) -> Vec<PathBuf> {
    if settings.get("PubkeyAuthentication") == Some("no") {
        return Vec::new();
    }
    let names = settings.get("AuthorizedKeysFile").unwrap_or_default();
    let names = names.split_whitespace().filter(|name| *name != "none");
    names.map(|name| account.home.join(expanded(name, account))).collect()
}
