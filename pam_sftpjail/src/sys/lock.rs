//! Locks files. The kernel drops each lock with the last process that holds it.
#![forbid(unsafe_code)]

use super::SysError;
use crate::escape::escaped;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{FlockOperation, flock};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a login waits for others of the same user. Each takes a few ms. If one is stopped, it must not
/// block the others for ever.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Takes an exclusive lock until the descriptor is closed: flock(2). The error is ETIMEDOUT when [`TIMEOUT`] has passed
/// since `begun`.
pub(crate) fn exclusive(fd: &OwnedFd, what: &Path, begun: Instant) -> Result<(), SysError> {
    let mut pause = Duration::from_micros(100);
    loop {
        let errno = match flock(fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < TIMEOUT => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(10));
                continue;
            }
            Err(rustix::io::Errno::WOULDBLOCK) => rustix::io::Errno::TIMEDOUT,
            Err(errno) => errno,
        };
        return Err(SysError::of("flock", format_args!("{}, LOCK_EX", escaped(what)))(errno));
    }
}

/// Marks a file as in use for as long as the descriptor, or a forked process's copy of it, is open. The mark
/// is an "open file description" lock of fcntl(2); others can test it without taking it.
pub(crate) fn mark_in_use(fd: impl AsFd) -> Result<(), Errno> {
    fcntl(fd, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_RDLCK))).map(drop)
}

/// Locks the byte at `offset` for as long as the descriptor is open. `false`: another process has it. The
/// file must be open for writing.
pub(crate) fn take_byte(fd: impl AsFd, offset: i64) -> Result<bool, Errno> {
    let byte = libc::flock { l_start: offset, l_len: 1, ..whole_file(libc::F_WRLCK) };
    match fcntl(fd, FcntlArg::F_OFD_SETLK(&byte)) {
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        taken => taken.map(|_| true),
    }
}

/// Whether a process has marked it.
pub(crate) fn is_in_use(fd: impl AsFd) -> Result<bool, Errno> {
    let mut lock = whole_file(libc::F_WRLCK);
    fcntl(fd, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

fn whole_file(kind: i32) -> libc::flock {
    libc::flock { l_type: kind as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::sync::mpsc::channel;

    #[test]
    fn the_time_of_all_tries_counts() {
        let [one, other] = [(); 2].map(|()| OwnedFd::from(File::open("/proc/self/fdinfo").unwrap()));
        let lock = |fd: &OwnedFd, begun| exclusive(fd, Path::new("x"), begun).map_err(|error| error.errno);
        let now = Instant::now();
        let long_ago = now.checked_sub(TIMEOUT).unwrap();
        assert_eq!(lock(&one, long_ago), Ok(()));
        assert_eq!(lock(&other, long_ago), Err(Errno::ETIMEDOUT));
        drop(one);
        assert_eq!(lock(&other, now), Ok(()));
        assert!(now.elapsed() < TIMEOUT);
    }

    /// Opened several times, a file without a name.
    fn opened<const N: usize>(name: &str) -> [OwnedFd; N] {
        let path = std::env::temp_dir().join(format!("sftpjail-{name}-{}", std::process::id()));
        let open = || File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let files = [(); N].map(|()| open().unwrap().into());
        std::fs::remove_file(&path).unwrap();
        files
    }

    #[test]
    fn an_exclusive_lock_is_waited_for() {
        let [one, other] = opened("exclusive");
        let lock = |fd: &OwnedFd| exclusive(fd, Path::new("x"), Instant::now());
        lock(&one).unwrap();
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            let other = &other;
            scope.spawn(move || sender.send(lock(other).is_ok()).unwrap());
            assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
            drop(one);
            assert_eq!(receiver.recv(), Ok(true));
        });
    }

    #[test]
    fn a_mark_is_seen_until_its_descriptor_is_closed() {
        let [one, second, other] = opened("mark");
        assert_eq!(is_in_use(&other), Ok(false));
        mark_in_use(&one).unwrap();
        mark_in_use(&second).unwrap();
        assert_eq!(is_in_use(&other), Ok(true));
        drop([one, second]);
        assert_eq!(is_in_use(&other), Ok(false));
    }

    #[test]
    fn a_byte_is_one_descriptors_and_the_next_byte_is_free() {
        let [one, other] = opened("byte");
        assert_eq!(take_byte(&one, 3), Ok(true));
        assert_eq!([2, 3, 4].map(|byte| take_byte(&other, byte)), [Ok(true), Ok(false), Ok(true)]);
        drop(one);
        assert_eq!(take_byte(&other, 3), Ok(true));
    }
}
