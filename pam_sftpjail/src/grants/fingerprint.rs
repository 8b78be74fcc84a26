//! Fingerprints of public keys as `ssh-keygen -l` prints them, and of the keys in sshd's SSH_AUTH_INFO_0.

use base64ct::{Base64, Base64Unpadded, Encoding};
use sha2::{Digest, Sha256};
use std::fmt::{self, Display};

const PREFIX: &str = "SHA256:";

/// The SHA-256 digest of a public key. `Display` is as `ssh-keygen -l` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Reads `SHA256:…`. The error is the rest of a sentence about the text, and the fix.
    pub(super) fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let fix = "write the word with SHA256: of what `ssh-keygen -l -f FILE` prints for the public key, and nothing else";
        let refuse = |why: &str| (why.to_owned(), fix);
        let digits = text.strip_prefix(PREFIX).ok_or_else(|| refuse("does not begin with SHA256:"))?;
        let mut digest = [0; 32];
        match Base64Unpadded::decode(digits, &mut digest) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(digest)),
            _ => Err(refuse("is no fingerprint of SHA-256")),
        }
    }

    /// The keys with which sshd let the user in: those of the lines `publickey TYPE KEY`. sshd writes a line for each
    /// method (auth2.c: auth2_update_session_info). The key of a certificate is the one that it certifies.
    pub fn of_login(authentication: &str) -> Vec<Self> {
        authentication.lines().filter_map(Self::of_line).collect()
    }

    fn of_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        if words.next() != Some("publickey") {
            return None;
        }
        Self::of_key(words.next()?, words.next()?)
    }

    /// Of a public key: its type, and the key in base64. `None`: it is none.
    pub fn of_key(kind: &str, encoded: &str) -> Option<Self> {
        let blob = Base64::decode_vec(encoded).ok()?;
        let (name, rest) = text(&blob)?;
        if name != kind.as_bytes() {
            return None;
        }
        let Some((plain, fields)) = certified(kind) else { return Some(Self(Sha256::digest(&blob).into())) };
        // As ssh-keygen does (sshkey.c: sshkey_fingerprint_raw): the key without what makes it a certificate. A nonce
        // comes first.
        let (_, mut rest) = text(rest)?;
        let mut key = written(plain.as_bytes())?;
        for _ in 0..fields {
            let (field, after) = text(rest)?;
            key.extend(written(field)?);
            rest = after;
        }
        Some(Self(Sha256::digest(&key).into()))
    }
}

impl Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", Base64Unpadded::encode_string(&self.0))
    }
}

/// The type of key that a certificate of this type certifies, and of how many fields the key is. `None`: it is no
/// certificate.
fn certified(kind: &str) -> Option<(&'static str, usize)> {
    Some(match kind {
        "ssh-ed25519-cert-v01@openssh.com" => ("ssh-ed25519", 1),
        "ssh-rsa-cert-v01@openssh.com" => ("ssh-rsa", 2),
        "ssh-dss-cert-v01@openssh.com" => ("ssh-dss", 4),
        "ecdsa-sha2-nistp256-cert-v01@openssh.com" => ("ecdsa-sha2-nistp256", 2),
        "ecdsa-sha2-nistp384-cert-v01@openssh.com" => ("ecdsa-sha2-nistp384", 2),
        "ecdsa-sha2-nistp521-cert-v01@openssh.com" => ("ecdsa-sha2-nistp521", 2),
        "sk-ssh-ed25519-cert-v01@openssh.com" => ("sk-ssh-ed25519@openssh.com", 2),
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" => ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
        _ => return None,
    })
}

/// The text at the beginning, and what comes after it: RFC 4251, section 5.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn written(text: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(text.len()).ok()?;
    Some([&length.to_be_bytes(), text].concat())
}
