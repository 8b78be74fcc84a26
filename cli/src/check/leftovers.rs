//! What an earlier setup left: entries that would mount something below the jail root.

use super::finding::Findings;
use super::place::Place;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::name::UserName;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

const FSTAB: &str = "/etc/fstab";

/// autofs's master map, its parts, and maps.
const AUTOFS: [&str; 3] = ["/etc/auto.*", "/etc/auto.master.d/*", "/etc/autofs/auto.*"];

/// Looks for them. `user`: those of other users are only warned of.
pub(super) fn examine(config: &Config, user: Option<&UserName>, findings: &mut Findings) {
    let root = config.jail_root.absolute();
    let is_others =
        |target: &Path| user.is_some_and(|user| target != root && !target.starts_with(root.join(user)));
    let mut sound = true;
    for (place, target) in
        fstab().into_iter().filter(|(_, target)| target.starts_with(&root) && *target != root)
    {
        sound = false;
        let evidence = format!(
            "{place} mounts something at {}, which sshd would serve whenever no jail is built",
            escaped(&target)
        );
        let cure = place.comment_out();
        if is_others(&target) {
            findings.warned("fstab", evidence, cure);
        } else {
            findings.failed("fstab", evidence, cure);
        }
    }
    if sound {
        findings.passed("fstab", format!("nothing below {}", escaped(&root)));
    }

    sound = true;
    for (place, target) in maps().into_iter().filter(|(_, target)| target.starts_with(&root)) {
        sound = false;
        let evidence = format!(
            "{place} lets autofs mount at {}, which sshd would serve whenever no jail is built",
            escaped(&target)
        );
        let cure = format!("reload autofs after this: {}", place.comment_out());
        if is_others(&target) {
            findings.warned("autofs", evidence, cure);
        } else {
            findings.failed("autofs", evidence, cure);
        }
    }
    if sound {
        findings.passed("autofs", format!("nothing at {}", escaped(&root)));
    }
}

/// The mount points of fstab(5).
fn fstab() -> Vec<(Place, PathBuf)> {
    first_words(Path::new(FSTAB), 1).into_iter().map(|(place, word)| (place, unescaped(&word))).collect()
}

/// Mount points of auto.master(5), and keys of direct maps; what else these files hold is no path.
fn maps() -> Vec<(Place, PathBuf)> {
    let files = AUTOFS.iter().flat_map(|pattern| glob::glob(pattern).into_iter().flatten().flatten());
    let words = files.filter(|file| file.is_file()).flat_map(|file| first_words(&file, 0));
    let paths = words.map(|(place, word)| (place, PathBuf::from(word.trim_matches('"'))));
    paths.filter(|(_, path)| path.is_absolute()).collect()
}

/// The `n`th word, from 0, of each line that is no comment.
fn first_words(file: &Path, n: usize) -> Vec<(Place, String)> {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    let words = lines.filter_map(|(i, line)| Some((i + 1, line.split_whitespace().nth(n)?)));
    words.map(|(line, word)| (Place { file: file.to_owned(), line }, word.to_owned())).collect()
}

/// fstab writes a space as `\040`.
fn unescaped(word: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *byte == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_escapes_are_read() {
        assert_eq!(unescaped("/jail/a\\040b\\\\x"), Path::new("/jail/a b\\\\x"));
        assert_eq!(unescaped("/jail"), Path::new("/jail"));
    }
}
