//! Wraps getpwnam_r(3), getgrnam_r(3), getpwuid_r(3), getgrgid_r(3) and getgrouplist(3).
//!
//! nix's wrappers give up at 1 MiB, which a group of 45,500 members exceeds. For a long list of groups, they
//! ask a directory again each time that the buffer doubles.

use nix::errno::Errno;
use nix::libc::{self, c_char, c_int, gid_t, size_t, uid_t};
use std::ffi::{CStr, CString, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The smallest and the largest buffer, in bytes. A group of a million members needs some 30 MiB.
const FIRST: usize = 4 << 10;
const LARGEST: usize = 256 << 20;

/// An entry of passwd(5). Text that is not UTF-8 has U+FFFD in it.
pub(crate) struct Passwd {
    pub(crate) name: String,
    pub(crate) uid: uid_t,
    pub(crate) gid: gid_t,
    pub(crate) home: PathBuf,
    pub(crate) shell: PathBuf,
}

/// An entry of group(5). Text that is not UTF-8 has U+FFFD in it.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: gid_t,
    pub(crate) members: Vec<String>,
}

/// Which user or group is looked up.
#[derive(Clone, Copy)]
pub(crate) enum Key<'k> {
    Name(&'k str),
    Id(u32),
}

/// The user's entry. `None`: every service that was asked says that there is none.
pub(crate) fn passwd(key: Key<'_>) -> Result<Option<Passwd>, Errno> {
    let read = |entry: &libc::passwd| {
        // SAFETY: look_up's promise; the strings are the entry's.
        let (name, home, shell) = unsafe { (text(entry.pw_name), text(entry.pw_dir), text(entry.pw_shell)) };
        Passwd {
            name: name.to_string_lossy().into_owned(),
            uid: entry.pw_uid,
            gid: entry.pw_gid,
            home: path(home),
            shell: path(shell),
        }
    };
    match key {
        Key::Id(uid) => look_up(
            // SAFETY: look_up's promise.
            |entry, buffer, size, found| unsafe { libc::getpwuid_r(uid, entry, buffer, size, found) },
            read,
        ),
        Key::Name(name) => match CString::new(name) {
            // No entry can have a name with a NUL in it.
            Err(_) => Ok(None),
            Ok(name) => look_up(
                // SAFETY: look_up's promise, and the name is a C string.
                |entry, buffer, size, found| unsafe {
                    libc::getpwnam_r(name.as_ptr(), entry, buffer, size, found)
                },
                read,
            ),
        },
    }
}

/// The group's entry. `None`: every service that was asked says that there is none.
pub(crate) fn group(key: Key<'_>) -> Result<Option<Group>, Errno> {
    let read = |entry: &libc::group| {
        let mut members = Vec::new();
        let mut next = entry.gr_mem;
        // SAFETY: look_up's promise; the list is the entry's, and a null pointer ends it.
        while let Some(member) = unsafe { next.as_ref() }.filter(|member| !member.is_null()) {
            // SAFETY: a member is a C string, and there is one pointer more behind each.
            unsafe {
                members.push(text(*member).to_string_lossy().into_owned());
                next = next.add(1);
            }
        }
        // SAFETY: look_up's promise.
        let name = unsafe { text(entry.gr_name) };
        Group { name: name.to_string_lossy().into_owned(), gid: entry.gr_gid, members }
    };
    match key {
        Key::Id(gid) => look_up(
            // SAFETY: look_up's promise.
            |entry, buffer, size, found| unsafe { libc::getgrgid_r(gid, entry, buffer, size, found) },
            read,
        ),
        Key::Name(name) => match CString::new(name) {
            Err(_) => Ok(None),
            Ok(name) => look_up(
                // SAFETY: look_up's promise, and the name is a C string.
                |entry, buffer, size, found| unsafe {
                    libc::getgrnam_r(name.as_ptr(), entry, buffer, size, found)
                },
                read,
            ),
        },
    }
}

/// The gids of a user's groups, `gid` among them. The groups of a service that does not answer are missing,
/// without an error.
pub(crate) fn gids(user: &str, gid: gid_t) -> Result<Vec<gid_t>, Errno> {
    let user = CString::new(user).map_err(|_| Errno::EINVAL)?;
    let mut gids: Vec<gid_t> = Vec::new();
    let mut room: c_int = 64;
    loop {
        let capacity = usize::try_from(room).map_err(|_| Errno::EOVERFLOW)?;
        gids.try_reserve_exact(capacity).map_err(|_| Errno::ENOMEM)?;
        let mut count = room;
        // SAFETY: the name is a C string, and there is room for `count` gids.
        let done = unsafe { libc::getgrouplist(user.as_ptr(), gid, gids.as_mut_ptr(), &raw mut count) };
        if done >= 0 {
            let length = usize::try_from(count.min(room)).map_err(|_| Errno::EOVERFLOW)?;
            // SAFETY: so many were written, and there is room for them.
            unsafe { gids.set_len(length) };
            return Ok(gids);
        }
        // glibc says how many there are. If that is not more than there was room for, it is out of memory.
        if count <= room {
            return Err(Errno::ENOMEM);
        }
        room = count;
    }
}

/// Repeats the call with larger buffers while the buffer is too small, and reads the entry.
///
/// `call` gets an entry to fill, a buffer, its size in bytes, and where to put the result; all are valid.
/// `read` gets a filled entry. Its pointers lead into the buffer, which still exists then.
fn look_up<E, T>(
    call: impl Fn(*mut E, *mut c_char, size_t, *mut *mut E) -> c_int,
    read: impl FnOnce(&E) -> T,
) -> Result<Option<T>, Errno> {
    let mut size = FIRST;
    // Nearly all entries fit into it. nss-systemd puts pointers at its beginning, so it is aligned as by malloc(3).
    let mut small = MaybeUninit::<[u128; FIRST / size_of::<u128>()]>::uninit();
    loop {
        let mut large: Vec<c_char> = Vec::new();
        let buffer = if size == FIRST {
            small.as_mut_ptr().cast()
        } else {
            large.try_reserve_exact(size).map_err(|_| Errno::ENOMEM)?;
            large.as_mut_ptr()
        };
        let mut entry = MaybeUninit::<E>::uninit();
        let mut found = std::ptr::null_mut();
        match call(entry.as_mut_ptr(), buffer, size, &raw mut found) {
            // SAFETY: null, or the entry, which is filled.
            0 => return Ok(unsafe { found.as_ref() }.map(read)),
            libc::EINTR => {}
            libc::ERANGE if size < LARGEST => size *= 4,
            errno => return Err(Errno::from_raw(errno)),
        }
    }
}

/// The text of a field. A field that an NSS module left out is empty.
///
/// # Safety
/// Null, or a C string that lives as long as the result is used.
unsafe fn text<'a>(text: *const c_char) -> &'a CStr {
    // SAFETY: our caller's promise.
    if text.is_null() { c"" } else { unsafe { CStr::from_ptr(text) } }
}

fn path(text: &CStr) -> PathBuf {
    OsStr::from_bytes(text.to_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of a call that needs `needed` bytes, and how often it was made.
    fn asked(needed: usize) -> (Result<Option<u32>, Errno>, usize) {
        let calls = std::cell::Cell::new(0);
        let call = |entry: *mut u32, _: *mut c_char, size, found: *mut *mut u32| {
            calls.set(calls.get() + 1);
            if size < needed {
                return libc::ERANGE;
            }
            // SAFETY: look_up's promise.
            unsafe {
                *entry = 7;
                *found = entry;
            }
            0
        };
        (look_up(call, |entry| *entry), calls.get())
    }

    #[test]
    fn the_buffer_grows_to_a_limit() {
        assert_eq!(asked(0), (Ok(Some(7)), 1));
        assert_eq!(asked(FIRST + 1), (Ok(Some(7)), 2));
        assert_eq!(asked(3 << 20), (Ok(Some(7)), 6));
        assert_eq!(asked(LARGEST + 1).0, Err(Errno::ERANGE));
    }

    /// Whether a pointer can be put at the beginning of what `call` gets, with stacks as they come.
    #[inline(never)]
    fn is_aligned<const ABOVE: usize>() -> bool {
        let above = std::hint::black_box([0u8; ABOVE]);
        let call = |_: *mut [u8; ABOVE], buffer: *mut c_char, _, _: *mut *mut [u8; ABOVE]| {
            c_int::from(buffer.align_offset(align_of::<libc::max_align_t>()) != 0)
        };
        look_up(call, |_| ()).is_ok() && above.len() == ABOVE
    }

    #[test]
    fn a_service_may_put_a_list_of_pointers_at_the_beginning_of_the_buffer() {
        assert!(is_aligned::<1>() && is_aligned::<3>() && is_aligned::<7>() && is_aligned::<13>());
    }

    #[test]
    fn only_zero_and_null_is_not_found() {
        let answer = |code| look_up(|_: *mut u32, _, _, _| code, |_| ());
        assert_eq!(answer(0), Ok(None));
        for errno in [Errno::ENOENT, Errno::ESRCH, Errno::ECONNREFUSED, Errno::EBADF, Errno::EPERM] {
            assert_eq!(answer(errno as i32), Err(errno));
        }
    }

    #[test]
    fn root_is_known_by_name_and_number() {
        for key in [Key::Name("root"), Key::Id(0)] {
            let user = passwd(key).unwrap().unwrap();
            assert_eq!((user.name.as_str(), user.uid, user.gid), ("root", 0, 0));
            let group = group(key).unwrap().unwrap();
            assert_eq!((group.name.as_str(), group.gid), ("root", 0));
        }
        assert!(gids("root", 4711).unwrap().contains(&4711));
        assert!(passwd(Key::Name("no\0body")).unwrap().is_none());
    }
}
