//! NSS module `spelling`: a name with upper-case letters gets the entry of its lower-case spelling,
//! and `pw_name` says the lower-case one, as sssd and winbind answer for directories that ignore case.
//! So a test can log in as `MLE` and see that the jail is that of `mle`.

use std::ffi::{CStr, CString, c_char, c_int};

/// `enum nss_status` of `<nss.h>`.
const TRYAGAIN: c_int = -2;
const UNAVAIL: c_int = -1;
const NOTFOUND: c_int = 0;
const SUCCESS: c_int = 1;

/// Called by glibc for `passwd: files spelling`.
///
/// # Safety
/// As glibc promises: `name` is a C string, `entry` and `errnop` are valid, and `buffer` has `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_spelling_getpwnam_r(
    name: *const c_char,
    entry: *mut libc::passwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    // SAFETY: our caller's promise, and every argument goes to getpwnam_r as it came.
    unsafe { answer(name, errnop, |lower, found| libc::getpwnam_r(lower, entry, buffer, length, found)) }
}

/// Called by glibc for `shadow: files spelling`; pam_unix asks it for the name as typed.
///
/// # Safety
/// As for [`_nss_spelling_getpwnam_r`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_spelling_getspnam_r(
    name: *const c_char,
    entry: *mut libc::spwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> c_int {
    // SAFETY: our caller's promise, and every argument goes to getspnam_r as it came.
    unsafe { answer(name, errnop, |lower, found| libc::getspnam_r(lower, entry, buffer, length, found)) }
}

/// Looks the lower-case spelling up. Never panics, since unwinding must not reach glibc.
///
/// # Safety
/// `name` is a C string, `errnop` is valid.
unsafe fn answer<T>(
    name: *const c_char,
    errnop: *mut c_int,
    look_up: impl FnOnce(*const c_char, *mut *mut T) -> c_int,
) -> c_int {
    // SAFETY: our caller's promise.
    let typed = unsafe { CStr::from_ptr(name) }.to_bytes();
    let lower = typed.to_ascii_lowercase();
    // `files` has not found it in lower case; asking again would ask ourselves for ever.
    if lower == typed {
        return NOTFOUND;
    }
    let Ok(lower) = CString::new(lower) else {
        return NOTFOUND;
    };
    let mut found = std::ptr::null_mut();
    let error = look_up(lower.as_ptr(), &mut found);
    if error != 0 {
        // SAFETY: our caller's promise.
        unsafe { *errnop = error };
        // ERANGE asks glibc to come again with a larger buffer.
        return if error == libc::ERANGE { TRYAGAIN } else { UNAVAIL };
    }
    if found.is_null() { NOTFOUND } else { SUCCESS }
}
