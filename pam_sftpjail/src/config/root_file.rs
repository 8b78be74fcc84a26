//! Reads a file with rules, such as the configuration, and checks that nobody but root can have written it.

use super::error::Cause;
use super::problem::Problem;
use crate::sys::directory;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, fstat};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// In bytes. Rules are a page of text, so a larger file is something else.
const MAX_SIZE: u64 = 1 << 20;

/// Opens it, by a path that root has chosen: a symlink is followed.
pub(crate) fn open(path: &Path) -> Result<File, Cause> {
    directory::open_file_at(path).map(File::from).map_err(Cause::Unreadable)
}

/// Checks that nobody but root can have written the file.
fn must_be_roots(stat: &FileStat) -> Result<(), Cause> {
    if stat.st_uid != 0 {
        Err(Cause::Untrusted("is not owned by root"))
    } else if stat.st_mode & 0o022 != 0 {
        Err(Cause::Untrusted("can be written by others than root"))
    } else {
        Ok(())
    }
}

/// The bytes of the file, whoever can write it.
fn bytes(file: File, stat: &FileStat) -> Result<Vec<u8>, Cause> {
    let problem = |what, fix| Cause::Problem(Problem::of_file(what, fix));
    if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
        return Err(problem("is not a regular file", "name a regular file, or replace this with one"));
    }
    let mut bytes = Vec::new();
    // Without room for all of it, read_to_end makes many small calls.
    let size = usize::try_from(stat.st_size).map_or(0, |size| size.min(MAX_SIZE as usize));
    bytes.try_reserve_exact(size).map_err(|_| Cause::Unreadable(Errno::ENOMEM))?;
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        // If the buffer cannot grow, std's error has no errno.
        .map_err(|e| Cause::Unreadable(e.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(problem(
            "is larger than 1 MiB, so it is something else",
            "name another file, or replace this one",
        ));
    }
    Ok(bytes)
}

/// The text in the bytes of a file.
pub(crate) fn text(bytes: Vec<u8>) -> Result<String, Cause> {
    String::from_utf8(bytes).map_err(|_| Cause::Problem(Problem::of_file("is not UTF-8", "save it as UTF-8")))
}

/// The text of the file, whoever can write it.
pub(crate) fn read(file: File) -> Result<String, Cause> {
    let stat = fstat(&file).map_err(Cause::Unreadable)?;
    bytes(file, &stat).and_then(text)
}

/// The bytes of the file, if nobody but root can have written it.
pub(crate) fn trusted_bytes(file: File) -> Result<Vec<u8>, Cause> {
    let stat = fstat(&file).map_err(Cause::Unreadable)?;
    must_be_roots(&stat)?;
    bytes(file, &stat)
}

/// The text of the file, if nobody but root can have written it.
pub(crate) fn read_trusted(file: File) -> Result<String, Cause> {
    trusted_bytes(file).and_then(text)
}

/// Refuses a text without any content: a full disk leaves no bytes, and a power cut NULs. `fix`: what to do then.
pub(crate) fn must_have_text(text: &str, fix: &str) -> Result<(), Problem> {
    match text.chars().all(|c| c.is_whitespace() || c == '\0') {
        true => Err(Problem::of_file("is empty, as a full disk leaves a file behind", fix)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_up_to_one_mebibyte_and_is_read_whole() {
        let path = std::env::temp_dir().join(format!("sftpjail-rules-{}", std::process::id()));
        std::fs::write(&path, "rules").unwrap();
        let length = |size| {
            File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
            let file = open(&path).unwrap();
            let stat = fstat(&file).unwrap();
            bytes(file, &stat).map(|bytes| (bytes.len() as u64, bytes.starts_with(b"rul"))).map_err(|_| size)
        };
        assert_eq!(
            [4, MAX_SIZE - 1, MAX_SIZE, MAX_SIZE + 1, 5 * MAX_SIZE].map(length),
            [
                Ok((4, true)),
                Ok((MAX_SIZE - 1, true)),
                Ok((MAX_SIZE, true)),
                Err(MAX_SIZE + 1),
                Err(5 * MAX_SIZE)
            ]
        );
        std::fs::remove_file(&path).unwrap();
    }
}
