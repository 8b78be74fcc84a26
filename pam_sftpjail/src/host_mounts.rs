//! Reads what the host is set up to mount: fstab(5), the maps of autofs(5), systemd.mount(5).
//!
//! A login reads it only if something is missing, because that may be on a disk that is not mounted now. It
//! does not check what is mounted.
#![forbid(unsafe_code)]

use nix::fcntl::OFlag;
use rustix::fs::Dir;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const FSTAB: &str = "/etc/fstab";

/// Directories with autofs's maps, and the beginning of their names: auto.master(5).
const AUTOFS: [(&str, &str); 3] = [("/etc", "auto."), ("/etc/auto.master.d", ""), ("/etc/autofs", "auto.")];

/// Directories with units that root made. The units of packages mount the kernel's own filesystems.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator.late"];

/// In bytes. No more of a file is read.
const MAX_SIZE: u64 = 4 << 20;

/// A line of a file that says what is mounted where.
pub struct MountEntry {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// The mount point, as written there.
    pub at: PathBuf,
}

/// The entries of several files, and the files that exist but cannot be read.
#[derive(Default)]
pub struct MountEntries {
    pub entries: Vec<MountEntry>,
    pub unread: Vec<(PathBuf, io::Error)>,
}

impl MountEntries {
    /// Adds the `n`th word, from 0, of each line of the file that is not a comment.
    fn add_words(&mut self, file: &Path, n: usize) {
        match words(file, n) {
            Ok(entries) => self.entries.extend(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.unread.push((file.to_owned(), error)),
        }
    }

    /// Decodes each word, and keeps those that are absolute paths.
    fn paths(mut self, decode: impl Fn(&[u8]) -> PathBuf) -> Self {
        for entry in &mut self.entries {
            entry.at = decode(entry.at.as_os_str().as_bytes());
        }
        self.entries.retain(|entry| entry.at.is_absolute());
        self
    }
}

/// The mount points of fstab.
pub fn fstab() -> MountEntries {
    let mut found = MountEntries::default();
    found.add_words(Path::new(FSTAB), 1);
    found.paths(octal)
}

/// The mount points of autofs's master maps, and the keys of direct maps. Other words in these files are not
/// paths.
pub fn autofs() -> MountEntries {
    let mut found = MountEntries::default();
    for (directory, prefix) in AUTOFS {
        match names(directory) {
            Ok(names) => {
                for name in names.iter().filter(|name| name.as_bytes().starts_with(prefix.as_bytes())) {
                    found.add_words(&Path::new(directory).join(name), 0);
                }
            }
            Err(error) => found.unread.push((directory.into(), error)),
        }
    }
    found.paths(|word| {
        let unquoted = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\""));
        OsStr::from_bytes(unquoted.unwrap_or(word)).into()
    })
}

/// The names and mount points of systemd's units, automounts before mounts. A unit's name encodes its mount
/// point.
pub fn units() -> Vec<(OsString, PathBuf)> {
    let mut units = Vec::new();
    for suffix in [".automount", ".mount"] {
        for directory in UNITS {
            // An error is ignored: then the other files give the fix.
            for name in names(directory).unwrap_or_default() {
                let is_masked = || {
                    fs::read_link(Path::new(directory).join(&name))
                        .is_ok_and(|to| to == Path::new("/dev/null"))
                };
                if let Some(path) = name.as_bytes().strip_suffix(suffix.as_bytes()) {
                    if !is_masked() {
                        let at = unit_path(path);
                        units.push((name, at));
                    }
                }
            }
        }
    }
    units
}

/// The names in a directory, sorted. None if there is no such directory.
fn names(path: &str) -> io::Result<Vec<OsString>> {
    // std's read_dir panics where closing the directory fails.
    let opened = File::options().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(path);
    let mut names = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => Dir::read_from(opened?)?
            .map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned()))
            .collect::<io::Result<Vec<_>>>()?,
    };
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names)
}

/// The `n`th word, from 0, of each line that is not a comment.
fn words(file: &Path, n: usize) -> io::Result<Vec<MountEntry>> {
    let mut text = Vec::new();
    // Opening a FIFO would block.
    if fs::metadata(file)?.is_file() {
        File::open(file)?.take(MAX_SIZE).read_to_end(&mut text)?;
    }
    let mut found = Vec::new();
    for (i, line) in text.split(|b| *b == b'\n').enumerate() {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
        if words.peek().is_some_and(|first| first.starts_with(b"#")) {
            continue;
        }
        if let Some(word) = words.nth(n) {
            let at = Path::new(OsStr::from_bytes(word)).into();
            found.push(MountEntry { file: file.to_owned(), line: i + 1, at });
        }
    }
    Ok(found)
}

/// Decodes `\040`, as fstab and the kernel's mount tables write a space.
pub fn octal(word: &[u8]) -> PathBuf {
    escapes(word, b"\\", 3, 8)
}

/// Decodes the name of a unit: `/` is `-`, and other characters are `\xNN` (systemd.unit(5)).
fn unit_path(name: &[u8]) -> PathBuf {
    let with_slashes: Vec<u8> = name.iter().map(|b| if *b == b'-' { b'/' } else { *b }).collect();
    Path::new("/").join(escapes(&with_slashes, b"\\x", 2, 16))
}

/// Replaces each `sign` with `digits` digits after it by the byte that they stand for.
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
