//! What sshd makes of a file of keys, and of the name in its path, in words.

use crate::host::keys::file::NoKey;
use crate::host::keys::line::IS_CERTIFICATE;
use crate::report::error::AS_ROOT;
use nix::unistd::geteuid;
use pam_sftpjail::escape::escaped;
use std::path::Path;

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

/// Why it is not known whether sshd takes a key from a file, and what to do. `is_unmounted`: it is in a home that is not
/// mounted.
pub(super) fn unknown(file: &Path, is_unmounted: bool) -> (String, &'static str) {
    let shown = escaped(file);
    if is_unmounted {
        let evidence =
            format!("whether sshd takes a key from {shown} is not known while the home is not mounted");
        return (evidence, "make the other fix for the home first, and check again");
    }
    let (why, fix) = match geteuid().is_root() {
        true => ("whether sshd takes a key from it is unknown", "look at what is in it, or run this again"),
        false => ("only root can read it as sshd does", AS_ROOT),
    };
    (format!("{shown}: {why}"), fix)
}

/// Where sshd takes the name in the path for a pattern.
pub(super) fn sought_by_pattern(name: &str) -> String {
    let name = escaped(name);
    format!(
        "since OpenSSH 10.0, sshd takes the name {name} in AuthorizedKeysFile for a pattern, so the keys of others may let in \
         as {name}"
    )
}
