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

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys and certificates of them as ssh-keygen has made them, and what `ssh-keygen -l` prints.
    const KEYS: [(&str, &str, &str); 4] = [
        (
            "ssh-ed25519",
            "AAAAC3NzaC1lZDI1NTE5AAAAIDJWwhInxeEJTDy+4UZRqH+fZdcp7vMCTNnt264kolaM",
            "SHA256:aR/JLpiVOVHD3XbEKkDDw4SPQtpVF/dDQf9WaD169/Q",
        ),
        (
            "ssh-ed25519-cert-v01@openssh.com",
            "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAID6gqpcPIAB+n9GN1ezYjbkzLv4aXExv8FTmzCa0hAdoAAAAIDJWwhInxeEJTDy+4UZRqH+fZdcp7vMCTNnt264kolaMAAAAAAAAAAAAAAABAAAAAmlkAAAACAAAAARhbm5hAAAAAAAAAAD//////////wAAAAAAAACCAAAAFXBlcm1pdC1YMTEtZm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1wb3J0LWZvcndhcmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2VyLXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIM66ajxIa0qfuaW3jUAihmS+yVoJLz73aW3ClygNKRBrAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEDWJsflawFusztUOBzZrAYSq7As3yfxy8ed44q5aDj1/xUteHwbRUgA27/5I/25o9pcxW5Is54N9x5Pa6VIQX8F",
            "SHA256:aR/JLpiVOVHD3XbEKkDDw4SPQtpVF/dDQf9WaD169/Q",
        ),
        (
            "ecdsa-sha2-nistp256",
            "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHFePtPoMZjfRVAOKOY97orkPY/E10dj99Ll2/a2Z7v1KholJ2Qv8FgXNgStGlhTrPz+bOI3tsHavMTQ3gSqtSs=",
            "SHA256:g1npE47XE6XaMVkJrM9cgHEiBUfGQcLnqm6yPNVGY6g",
        ),
        (
            "ecdsa-sha2-nistp256-cert-v01@openssh.com",
            "AAAAKGVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgzLlqFRkXtP73eLAETRmMHVy7B5+Q5UEMU5GnwzIJ2MMAAAAIbmlzdHAyNTYAAABBBHFePtPoMZjfRVAOKOY97orkPY/E10dj99Ll2/a2Z7v1KholJ2Qv8FgXNgStGlhTrPz+bOI3tsHavMTQ3gSqtSsAAAAAAAAAAAAAAAEAAAACaWQAAAAIAAAABGFubmEAAAAAAAAAAP//////////AAAAAAAAAIIAAAAVcGVybWl0LVgxMS1mb3J3YXJkaW5nAAAAAAAAABdwZXJtaXQtYWdlbnQtZm9yd2FyZGluZwAAAAAAAAAWcGVybWl0LXBvcnQtZm9yd2FyZGluZwAAAAAAAAAKcGVybWl0LXB0eQAAAAAAAAAOcGVybWl0LXVzZXItcmMAAAAAAAAAAAAAADMAAAALc3NoLWVkMjU1MTkAAAAgzrpqPEhrSp+5pbeNQCKGZL7JWgkvPvdpbcKXKA0pEGsAAABTAAAAC3NzaC1lZDI1NTE5AAAAQLCgS1kZNxH3kvi/TcxYvZsdaoLp9cSZ29uwcscGamnh5NkoeRH7TULSToIzEAoA9/FSCztZWavNbMEZWUOeMA4=",
            "SHA256:g1npE47XE6XaMVkJrM9cgHEiBUfGQcLnqm6yPNVGY6g",
        ),
    ];

    #[test]
    fn a_key_has_the_fingerprint_of_ssh_keygen_and_so_has_its_certificate() {
        for (kind, key, expected) in KEYS {
            let found = Fingerprint::of_key(kind, key).expect("a key");
            assert_eq!(found.to_string(), expected, "{kind}");
            assert_eq!(Fingerprint::parse(expected), Ok(found), "{kind}");
            assert_eq!(Fingerprint::of_login(&format!("publickey {kind} {key}\n")), [found], "{kind}");
        }
        let (_, key, _) = KEYS[0];
        assert_eq!(Fingerprint::of_key("ssh-rsa", key), None);
    }

    /// One that is cut short would stand for no key.
    #[test]
    fn a_fingerprint_is_a_whole_digest() {
        let (_, _, whole) = KEYS[0];
        for text in
            ["", "SHA256:", "SHA256:AAAA", "MD5:00:11", &whole[..46], &format!("{whole}AAAA"), &whole[7..]]
        {
            assert!(Fingerprint::parse(text).is_err(), "{text}");
        }
    }
}
