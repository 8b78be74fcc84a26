//! What the host is set up to mount: fstab(5), the maps of autofs(5), systemd.mount(5).
//!
//! Read only once something is missing: what is not there may lie on a disk that is not mounted now.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const FSTAB: &str = "/etc/fstab";

/// Where autofs's maps are, and how their names begin: auto.master(5).
const AUTOFS: [(&str, &str); 3] = [("/etc", "auto."), ("/etc/auto.master.d", ""), ("/etc/autofs", "auto.")];

/// Where units of root's making are. Those that packages bring mount the kernel's own filesystems.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator.late"];

/// Of a file, in bytes; a larger one is something else.
const MAX: u64 = 4 << 20;

/// A line of a file that says what is mounted where.
pub struct Entry {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// The mount point, as it is spelt there.
    pub at: PathBuf,
}

/// The mount points of fstab.
pub fn fstab() -> Vec<Entry> {
    let entries = words(Path::new(FSTAB), 1).into_iter();
    entries
        .map(|entry| Entry { at: octal(entry.at.as_os_str().as_bytes()), ..entry })
        .filter(is_path)
        .collect()
}

/// The mount points of autofs's master maps, and the keys of direct maps; what else these files hold is no
/// path.
pub fn autofs() -> Vec<Entry> {
    let files = AUTOFS.iter().flat_map(|(directory, prefix)| {
        let is_map = move |name: &OsString| name.as_bytes().starts_with(prefix.as_bytes());
        names(directory).into_iter().filter(is_map).map(move |name| Path::new(directory).join(name))
    });
    let entries = files.flat_map(|file| words(&file, 0));
    let unquoted = |entry: Entry| {
        let word = entry.at.as_os_str().as_bytes();
        let word = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word);
        Entry { at: Path::new(OsStr::from_bytes(word)).into(), ..entry }
    };
    entries.map(unquoted).filter(is_path).collect()
}

/// systemd's units for mount points, whose names say where those are; the automount before the mount.
pub fn units() -> Vec<(OsString, PathBuf)> {
    let mut units = Vec::new();
    for suffix in [".automount", ".mount"] {
        for directory in UNITS {
            for name in names(directory) {
                let is_masked = || {
                    fs::read_link(Path::new(directory).join(&name))
                        .is_ok_and(|to| to == Path::new("/dev/null"))
                };
                if let Some(path) = name.as_bytes().strip_suffix(suffix.as_bytes())
                    && !is_masked()
                {
                    let at = unit_path(path);
                    units.push((name, at));
                }
            }
        }
    }
    units
}

fn is_path(entry: &Entry) -> bool {
    entry.at.is_absolute()
}

/// The names in a directory, sorted; none where there is no such directory.
fn names(directory: &str) -> Vec<OsString> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

/// The `n`th word, from 0, of each line that is no comment.
fn words(file: &Path, n: usize) -> Vec<Entry> {
    let mut text = Vec::new();
    // A FIFO would never answer.
    if fs::metadata(file).is_ok_and(|metadata| metadata.is_file())
        && let Ok(open) = File::open(file)
    {
        let _ = open.take(MAX).read_to_end(&mut text);
    }
    let mut found = Vec::new();
    for (i, line) in text.split(|b| *b == b'\n').enumerate() {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
        if words.peek().is_some_and(|first| first.starts_with(b"#")) {
            continue;
        }
        if let Some(word) = words.nth(n) {
            let at = Path::new(OsStr::from_bytes(word)).into();
            found.push(Entry { file: file.to_owned(), line: i + 1, at });
        }
    }
    found
}

/// fstab writes a space as `\040`.
fn octal(word: &[u8]) -> PathBuf {
    escapes(word, b"\\", 3, 8)
}

/// systemd.unit(5): `/` is `-`, and other characters are `\xNN`.
fn unit_path(name: &[u8]) -> PathBuf {
    let with_slashes: Vec<u8> = name.iter().map(|b| if *b == b'-' { b'/' } else { *b }).collect();
    Path::new("/").join(escapes(&with_slashes, b"\\x", 2, 16))
}

/// Replaces what begins with `sign` and has `digits` digits by the byte that it stands for.
fn escapes(word: &[u8], sign: &[u8], digits: usize, radix: u32) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((byte, after)) = rest.split_first() {
        let code = rest.strip_prefix(sign).and_then(|after| after.split_at_checked(digits)).and_then(
            |(digits, after)| {
                let code = u8::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
                Some((code, after))
            },
        );
        let (byte, after) = code.unwrap_or((*byte, after));
        bytes.push(byte);
        rest = after;
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_fstab_and_of_units_are_read() {
        assert_eq!(octal(b"/jail/a\\040b\\\\x"), Path::new("/jail/a b\\\\x"));
        assert_eq!(octal(b"/jail"), Path::new("/jail"));
        assert_eq!(unit_path(b"home-my\\x2ddata"), Path::new("/home/my-data"));
        assert_eq!(unit_path(b"-"), Path::new("/"));
        assert_eq!(unit_path(b"srv"), Path::new("/srv"));
    }
}
