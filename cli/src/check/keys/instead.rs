//! What sshd makes of a file of keys, and of the name in its path, in words.

use crate::host::keys::file::NoKey;
use crate::host::keys::line::IS_CERTIFICATE;
use pam_sftpjail::escape::escaped;

/// What a file has instead of a key, as a clause.
pub(super) fn instead(what: &NoKey) -> String {
    match what {
        NoKey::Private => "it has a private key".to_owned(),
        NoKey::Exported => "its key is in the format of RFC 4716, which sshd does not read".to_owned(),
        NoKey::Type(key_type) => {
            format!(
                "its key has the type {}, which sshd does not accept (PubkeyAcceptedAlgorithms)",
                escaped(key_type)
            )
        }
        NoKey::Options(number, fault) => {
            format!("sshd does not understand the options of the key in line {number}: {}", fault.what)
        }
        NoKey::Certificate(number) => format!("in line {number}, {IS_CERTIFICATE}"),
        NoKey::Ended(number, when) => format!("the key in line {number} has ended, on {when}"),
        NoKey::Line(number) => format!("no line of it is a whole public key; see line {number}"),
    }
}

/// Where sshd takes the name in the path for a pattern.
pub(super) fn sought_by_pattern(name: &str) -> String {
    let name = escaped(name);
    format!(
        "since OpenSSH 10.0, sshd takes the name {name} in AuthorizedKeysFile for a pattern, so the keys of others may let in \
         as {name}"
    )
}
