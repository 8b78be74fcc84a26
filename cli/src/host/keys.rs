//! Reads from sshd's effective settings which files hold the keys of an account, and which keys sshd accepts.

mod expiry;
pub(crate) mod file;
pub(crate) mod line;
pub(crate) mod listed;
pub(crate) mod managed;
pub(crate) mod options;

use super::sshd::effective::{Settings, expanded};
use pam_sftpjail::account::Account;
use std::path::PathBuf;

/// The files of the effective AuthorizedKeysFile, as `authorized_keys_file` of OpenSSH's auth.c expands it.
pub(crate) fn files(settings: &Settings, account: &Account) -> Vec<PathBuf> {
    names(settings).map(|name| account.home.join(expanded(name, account))).collect()
}

/// Whose file of keys a word of AuthorizedKeysFile names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// One user only: the name of the file is another one for others.
    OneUser,
    /// All users with the same home.
    Home,
    Everybody,
}

/// Whose the file at this index of [`files`] is.
pub(crate) fn whose(settings: &Settings, index: usize) -> For {
    let Some(name) = names(settings).nth(index) else { return For::Everybody };
    let variables = name.replace("%%", "");
    let has = |variable| variables.contains(variable);
    if has("%u") || has("%U") {
        For::OneUser
    } else if !name.starts_with('/') || has("%h") {
        For::Home
    } else {
        For::Everybody
    }
}

/// Whether sshd, since OpenSSH 10.0, reads this login name as a pattern where it is in the path of a file of keys: glob(3) in
/// `user_key_allowed` of auth2-pubkey.c. It would find the files of others, whose keys let in as this user.
pub(crate) fn is_read_as_pattern(name: &str) -> bool {
    name.contains(['*', '?', '[', '\\'])
}

/// Whether sshd looks for the keys of an account by such a name.
pub(crate) fn are_sought_by_pattern(settings: &Settings, account: &Account) -> bool {
    is_read_as_pattern(&account.name) && names(settings).any(|name| name.replace("%%", "").contains("%u"))
}

/// Whether sshd may find other files than [`files`]: newer ones expand wildcards, as `user_key_allowed` of
/// auth2-pubkey.c does.
pub(crate) fn has_wildcards(settings: &Settings) -> bool {
    names(settings).any(|name| name.contains(['*', '?', '[']))
}

/// The words of AuthorizedKeysFile.
fn names(settings: &Settings) -> impl Iterator<Item = &str> {
    let is_used = settings.get("PubkeyAuthentication") != Some("no");
    let names = settings.get("AuthorizedKeysFile").filter(|_| is_used).unwrap_or_default();
    names.split_whitespace().filter(|name| !name.eq_ignore_ascii_case("none"))
}

/// Which keys sshd accepts.
pub(crate) struct Accepted {
    /// Their types; `None`: unknown.
    types: Option<Vec<String>>,
    /// Whether sshd reads an `expiry-time` in UTC. One that does not ignores the key.
    pub(crate) reads_utc: bool,
}

impl Accepted {
    /// What any of these settings, all of one sshd, accepts.
    pub(crate) fn by<'s>(all: impl IntoIterator<Item = &'s Settings>) -> Self {
        let mut types = Some(Vec::new());
        let mut reads_utc = true;
        for settings in all {
            // Its name before OpenSSH 8.5 is the second.
            let named = settings.get("PubkeyAcceptedAlgorithms").or(settings.get("PubkeyAcceptedKeyTypes"));
            types = types.zip(named).map(|(mut types, named)| {
                types.extend(named.split(',').map(str::to_owned));
                types
            });
            // OpenSSH 9.1 has brought both.
            reads_utc &= settings.get("RequiredRSASize").is_some();
        }
        // Where there are no settings, nothing is known.
        Self { types: types.filter(|types| !types.is_empty()), reads_utc }
    }

    /// What some sshd accepts.
    pub(crate) fn of_any_sshd() -> Self {
        Self { types: None, reads_utc: true }
    }

    /// Whether a key of this type is accepted. With an RSA key, clients sign by several algorithms.
    fn has(&self, key_type: &str) -> bool {
        let is_it = |algorithm: &String| {
            algorithm == key_type || key_type == "ssh-rsa" && algorithm.starts_with("rsa-sha2-")
        };
        self.types.as_ref().is_none_or(|all| all.iter().any(is_it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_for_one_user_only_by_a_variable_that_differs_for_each() {
        let settings = Settings::parse(
            "authorizedkeysfile .ssh/keys .ssh/%u /etc/keys/%U %h/keys /etc/%%u/keys /etc/keys none\n",
        );
        let all: Vec<_> = (0..7).map(|i| whose(&settings, i)).collect();
        use For::{Everybody, Home, OneUser};
        assert_eq!(all, [Home, OneUser, OneUser, Home, Everybody, Everybody, Everybody]);
    }
}
