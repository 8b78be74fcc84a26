//! Makes user namespaces for idmapped mounts, in which two accounts have changed places: mount_setattr(2), Linux 5.12.
//!
//! Only a new process can have a new user namespace without this one entering it. So for as long as it takes to write
//! the maps, a copy of this process waits on a pipe. It executes nothing, its end raises no signal, and it has ended
//! when the namespace is there.

use super::{SysError, signal_mask};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::signal::SigSet;
use nix::sys::stat::Mode;
use nix::unistd::{pipe2, write};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long the child may take to end by itself. It makes three system calls.
const PATIENCE: Duration = Duration::from_secs(1);

/// Ids that a mount shows as each other's. All others are as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Swap {
    /// `None`: both accounts have the same.
    pub(crate) uids: Option<(u32, u32)>,
    pub(crate) gids: Option<(u32, u32)>,
}

/// User namespaces that were made, one for each swap.
#[derive(Default)]
pub(crate) struct UserNamespaces(Vec<(Swap, OwnedFd)>);

impl UserNamespaces {
    /// The one in which these ids have changed places. It is made when it is first asked for.
    pub(crate) fn with(&mut self, swap: Swap) -> Result<BorrowedFd<'_>, SysError> {
        let known = self.0.iter().position(|(other, _)| *other == swap);
        let index = match known {
            Some(index) => index,
            None => {
                self.0.push((swap, make(swap)?));
                self.0.len() - 1
            }
        };
        match self.0.get(index) {
            Some((_, namespace)) => Ok(namespace.as_fd()),
            None => Err(SysError::of("clone", "CLONE_NEWUSER")(Errno::ENOENT)),
        }
    }
}

fn make(swap: Swap) -> Result<OwnedFd, SysError> {
    let maps = [("uid_map", swap.uids), ("gid_map", swap.gids)];
    let maps = maps.map(|(file, ids)| Ok((file, map(&own_ranges(file)?, ids))));
    let child = Child::start()?;
    let directory = child.directory()?;
    for written in maps {
        let (file, text) = written?;
        let path = format!("{directory}/{file}");
        fs::write(&path, text).map_err(SysError::of("write", path))?;
    }
    let path = format!("{directory}/ns/user");
    let namespace = open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(SysError::of("open", path))?;
    child.end()?;
    Ok(namespace)
}

/// The ids that there are in the user namespace of this process: the first and how many, in order.
fn own_ranges(file: &str) -> Result<Vec<(u64, u64)>, SysError> {
    let path = format!("/proc/thread-self/{file}");
    let text = fs::read_to_string(&path).map_err(SysError::of("read", path.clone()))?;
    let range = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let first = numbers.next()?.ok()?;
        Some((first, numbers.nth(1)?.ok()?))
    };
    let ranges: Option<Vec<_>> = text.lines().map(range).collect();
    let mut ranges = ranges.ok_or(Errno::EBADMSG).map_err(SysError::of("read", path))?;
    ranges.sort_unstable();
    Ok(ranges)
}

/// A map that has all ids of these ranges, with two of them in each other's place: user_namespaces(7).
fn map(ranges: &[(u64, u64)], swap: Option<(u32, u32)>) -> String {
    let mut cuts: Vec<u64> = swap.iter().flat_map(|(a, b)| [u64::from(*a), u64::from(*b)]).collect();
    cuts.sort_unstable();
    let other = |id: u64| match swap {
        Some((a, b)) if id == u64::from(a) => u64::from(b),
        Some((a, b)) if id == u64::from(b) => u64::from(a),
        _ => id,
    };
    let mut text = String::new();
    let mut add = |first: u64, end: u64| {
        if first < end {
            text.push_str(&format!("{first} {} {}\n", other(first), end - first));
        }
    };
    for (first, length) in ranges {
        let end = first + length;
        let mut next = *first;
        for cut in cuts.iter().copied().filter(|cut| (*first..end).contains(cut)) {
            add(next, cut);
            add(cut, cut + 1);
            next = cut + 1;
        }
        add(next, end);
    }
    text
}

/// A copy of this process in a user namespace of its own, which waits for its end. Dropping it ends it.
struct Child {
    pidfd: OwnedFd,
    /// Its own end of the pipe: without one that is open, telling it would raise SIGPIPE after something has killed it.
    _read_end: OwnedFd,
    /// `None`: it was told to end.
    pipe: Option<OwnedFd>,
}

impl Child {
    fn start() -> Result<Self, SysError> {
        let (read_end, write_end) = pipe2(OFlag::O_CLOEXEC).map_err(SysError::of("pipe2", "O_CLOEXEC"))?;
        // No handler of the application's may run in the child. It keeps this mask until its end.
        let mask =
            signal_mask::block(&SigSet::all()).map_err(SysError::of("pthread_sigmask", "all signals"))?;
        let cloned = clone(&read_end, &write_end);
        let restored = signal_mask::restore(&mask);
        let pidfd = cloned.map_err(SysError::of("clone", "CLONE_NEWUSER"))?;
        // Where the mask cannot be restored, the child is dropped, and so waited for.
        let child = Self { pidfd, _read_end: read_end, pipe: Some(write_end) };
        restored.map_err(SysError::of("pthread_sigmask", "the former mask"))?;
        Ok(child)
    }

    /// Its directory. /proc may be that of another PID namespace, as where a container has the host's, and has another
    /// number for it then: pidfd_open(2) says where that stands.
    fn directory(&self) -> Result<String, SysError> {
        let path = format!("/proc/thread-self/fdinfo/{}", self.pidfd.as_raw_fd());
        let text = fs::read_to_string(&path).map_err(SysError::of("read", path.clone()))?;
        let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse::<i32>().ok());
        match pid {
            Some(pid @ 1..) => Ok(format!("/proc/{pid}")),
            _ => Err(SysError::of("read", path)(Errno::ESRCH)),
        }
    }

    /// Ends it, and waits until it has ended.
    fn end(mut self) -> Result<(), SysError> {
        self.reap().map_err(SysError::of("waitid", "P_PIDFD"))
    }

    fn reap(&mut self) -> Result<(), Errno> {
        // A byte, and not only the end of the pipe: another process may have been forked with a copy of it.
        let Some(pipe) = self.pipe.take() else { return Ok(()) };
        let told = write(&pipe, b".");
        drop(pipe);
        if told.is_err() || !self.ends_soon() {
            // SAFETY: the call takes no pointer but null, and the descriptor is open.
            let call = || unsafe {
                libc::syscall(libc::SYS_pidfd_send_signal, self.pidfd.as_raw_fd(), libc::SIGKILL, 0, 0)
            };
            let _ended_already = Errno::result(call());
        }
        loop {
            // __WALL: its end raises no signal, so that other calls do not see it (wait(2)). The result is not needed.
            let options = libc::WEXITED | libc::__WALL;
            let (kind, fd) = (libc::P_PIDFD, self.pidfd.as_raw_fd());
            // SAFETY: the kernel takes null for both pointers, and the descriptor is open.
            let waited = unsafe { libc::syscall(libc::SYS_waitid, kind, fd, 0, options, 0) };
            match Errno::result(waited) {
                Err(Errno::EINTR) => {}
                waited => return waited.map(drop),
            }
        }
    }
}

impl Child {
    /// Waits for its end, but not for longer than [`PATIENCE`]: somebody may have stopped it.
    fn ends_soon(&self) -> bool {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let mut ended = libc::pollfd { fd: self.pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            let timeout = libc::timespec {
                tv_sec: left.as_secs() as libc::time_t,
                tv_nsec: left.subsec_nanos() as libc::c_long,
            };
            // SAFETY: the kernel reads and writes one entry, and reads the timeout; both outlive the call.
            let ready = unsafe { libc::ppoll(&raw mut ended, 1, &raw const timeout, std::ptr::null()) };
            match Errno::result(ready) {
                Err(Errno::EINTR) => {}
                ready => return ready == Ok(1),
            }
        }
    }
}

impl Drop for Child {
    /// For an early return. `end` reports errors, this cannot.
    fn drop(&mut self) {
        let _ = self.reap();
    }
}

/// Gives a pidfd of the child. Its end raises no signal.
fn clone(read_end: &OwnedFd, write_end: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = libc::c_long::from(libc::CLONE_NEWUSER | libc::CLONE_PIDFD);
    let mut pidfd: libc::c_int = -1;
    let (stack, fd) = (0 as libc::c_long, &raw mut pidfd);
    // clone(2), "C library/kernel differences": only here the first two are the other way round.
    let (first, second) = if cfg!(target_arch = "s390x") { (stack, flags) } else { (flags, stack) };
    // SAFETY: without CLONE_VM the child has a copy of the memory, as after a fork, and goes on with a copy of this
    // stack. The kernel writes a descriptor to `pidfd`, which outlives the call.
    let pid = Errno::result(unsafe { libc::syscall(libc::SYS_clone, first, second, fd, 0, 0) })?;
    if pid == 0 {
        wait_and_exit(read_end.as_raw_fd(), write_end.as_raw_fd());
    }
    // SAFETY: the kernel has just opened it, with FD_CLOEXEC, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(pidfd) })
}

/// All that the child does. It may take no lock, since another thread of the parent may have held it, and it may not
/// panic.
fn wait_and_exit(read_end: i32, write_end: i32) -> ! {
    let mut byte = 0_u8;
    // SAFETY: these calls are async-signal-safe (signal-safety(7)), and the buffer has room for one byte. Without its
    // own copy of the pipe's other end, the child sees the end of a parent that was killed.
    unsafe {
        libc::close(write_end);
        libc::read(read_end, (&raw mut byte).cast(), 1);
        libc::_exit(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use std::mem::MaybeUninit;

    const ALL: u64 = u32::MAX as u64;

    #[test]
    fn a_map_has_every_id_once_and_two_in_each_others_place() {
        for (ranges, swap, expected) in [
            (&[(0, ALL)][..], None, "0 0 4294967295\n"),
            (
                &[(0, ALL)],
                Some((2000, 33)),
                "0 0 33\n33 2000 1\n34 34 1966\n2000 33 1\n2001 2001 4294965294\n",
            ),
            (&[(0, ALL)], Some((1, 2)), "0 0 1\n1 2 1\n2 1 1\n3 3 4294967292\n"),
            (&[(0, 1000)], Some((999, 1)), "0 0 1\n1 999 1\n2 2 997\n999 1 1\n"),
            // As in a container, which has not all of them.
            (&[(0, 10), (100, 10)], Some((109, 3)), "0 0 3\n3 109 1\n4 4 6\n100 100 9\n109 3 1\n"),
        ] {
            assert_eq!(map(ranges, swap), expected);
        }
    }

    #[test]
    fn a_child_that_was_killed_raises_no_signal() {
        let child = Child::start().unwrap();
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGPIPE);
        let mask = signal_mask::block(&signals).unwrap();
        let directory = child.directory().unwrap();
        let pid = directory.rsplit('/').next().unwrap().parse().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        // Until it has released the pipe, whose other end it has.
        while fs::read_dir(format!("{directory}/fd")).is_ok_and(|open| open.count() > 0) {
            std::thread::yield_now();
        }
        child.end().unwrap();
        assert!(!fs::exists(&directory).unwrap(), "it was not waited for");
        let mut pending = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the kernel writes the whole set.
        let is_pending = unsafe {
            libc::sigpending(pending.as_mut_ptr());
            libc::sigismember(pending.as_ptr(), libc::SIGPIPE)
        };
        signal_mask::restore(&mask).unwrap();
        assert_eq!(is_pending, 0);
    }

    #[test]
    fn a_child_that_is_stopped_keeps_nobody_waiting() {
        let child = Child::start().unwrap();
        let directory = child.directory().unwrap();
        let pid = directory.rsplit('/').next().unwrap().parse().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
        let begun = Instant::now();
        child.end().unwrap();
        assert!(begun.elapsed() >= PATIENCE && !fs::exists(&directory).unwrap());
    }

    #[test]
    fn a_child_leaves_nothing() {
        for end in [|child| drop::<Child>(child), |child: Child| child.end().unwrap()] {
            let child = Child::start().unwrap();
            let directory = child.directory().unwrap();
            assert!(fs::exists(&directory).unwrap());
            end(child);
            assert!(!fs::exists(&directory).unwrap());
        }
    }

    #[test]
    fn this_process_has_ranges_of_ids() {
        assert!(own_ranges("uid_map").unwrap().iter().any(|(first, length)| *first == 0 && *length > 0));
    }
}
