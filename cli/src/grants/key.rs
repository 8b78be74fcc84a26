//! The key that a grant names: typed as a fingerprint or a public key, or read from the file of one.

use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Fingerprint;
use std::path::Path;

/// The fingerprint of a key. A text that is none is left to the parser of grants.
pub(super) fn fingerprint(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.starts_with("SHA256:") {
        return Ok(text.to_owned());
    }
    if let Some(fingerprint) = of_line(text) {
        return Ok(fingerprint);
    }
    let path = Path::new(text);
    let content = std::fs::read_to_string(path).map_err(|error| {
        let what = format!("--key {} is neither a key nor a fingerprint, and no file", escaped(text));
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(what, "give the file of the public key, such as felix.pub")
            }
            _ => Error::with(path, "be read", &error),
        }
    })?;
    let mut keys = content.lines().filter_map(of_line);
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => {
            let what = format!("{} has several keys", escaped(path));
            Err(Error::new(what, "give the key that is meant, or its fingerprint"))
        }
        (None, _) => {
            let what = format!("there is no public key in {}", escaped(path));
            Err(Error::new(what, "give the file whose name ends in .pub"))
        }
    }
}

/// That of `TYPE KEY COMMENT`.
fn of_line(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    Fingerprint::of_login(&format!("publickey {kind} {key}")).first().map(ToString::to_string)
}
