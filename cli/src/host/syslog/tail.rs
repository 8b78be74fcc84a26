//! Follows a log file: reads what is appended, and goes on with the next file when logrotate renames this one.

use super::wait::{Stop, Woken};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A log file that is followed. Its reader gets [`io::ErrorKind::WouldBlock`] while nothing is appended, and the end
/// when `stop` wants it.
pub(crate) struct Tail<'s> {
    pub(crate) path: PathBuf,
    /// `None`: it does not exist yet.
    pub(crate) file: Option<File>,
    pub(crate) stop: &'s Stop,
}

impl Read for Tail<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // Before this is read to its end: what its writer appends until it goes on with the next file is not lost.
            let next = self.next_file();
            if let Some(file) = &mut self.file {
                // logrotate's copytruncate empties it.
                if file.metadata()?.len() < file.stream_position()? {
                    file.rewind()?;
                }
                match file.read(buffer)? {
                    0 => {}
                    read => return Ok(read),
                }
            }
            match next {
                Some(next) => self.file = Some(next),
                None => {
                    return match self.stop.wait_a_turn() {
                        Woken::Stopped => Ok(0),
                        _ => Err(io::ErrorKind::WouldBlock.into()),
                    };
                }
            }
        }
    }
}

impl Tail<'_> {
    /// The file that has the name now, if it is another one. An empty one does not count, unless there is no other:
    /// logrotate makes it before it tells the writer.
    fn next_file(&self) -> Option<File> {
        let next = File::open(&self.path).ok()?;
        let there = next.metadata().ok()?;
        let Some(file) = &self.file else { return Some(next) };
        let is_same = |here: &Metadata| (here.dev(), here.ino()) == (there.dev(), there.ino());
        let is_other = !file.metadata().is_ok_and(|here| is_same(&here));
        (is_other && there.len() > 0).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{ErrorKind, Write};

    #[test]
    fn what_is_appended_is_read_over_rotations() {
        let directory = std::env::temp_dir().join(format!("sftpjail-tail-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let (path, old) = (directory.join("log"), directory.join("log.1"));
        let stop = Stop::new().unwrap();
        let mut tail = Tail { path: path.clone(), file: None, stop: &stop };
        let mut read = || {
            let mut buffer = [0; 100];
            match tail.read(&mut buffer) {
                Ok(read) => String::from_utf8(buffer[..read].to_vec()).unwrap(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => "-".into(),
                Err(error) => panic!("{error}"),
            }
        };
        let append = |path: &PathBuf, text: &str| {
            let mut file = File::options().append(true).create(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        assert_eq!(read(), "-", "it does not exist");
        append(&path, "1");
        assert_eq!((read(), read()), ("1".into(), "-".into()));
        append(&path, "2");
        assert_eq!(read(), "2");
        // Renamed, the new one made, and the writer still writes to the old one.
        fs::rename(&path, &old).unwrap();
        append(&path, "");
        assert_eq!(read(), "-");
        append(&old, "3");
        append(&path, "4");
        assert_eq!((read(), read(), read()), ("3".into(), "4".into(), "-".into()));
        // Emptied in its place.
        fs::write(&path, "").unwrap();
        assert_eq!(read(), "-");
        append(&path, "5");
        assert_eq!(read(), "5");
        fs::remove_dir_all(&directory).unwrap();
    }
}
