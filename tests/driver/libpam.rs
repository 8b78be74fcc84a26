//! Calls libpam as a service does: pam(3).

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

const PAM_RHOST: c_int = 4;

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    unused: c_int,
}

type Converse = extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;

#[repr(C)]
struct Conversation {
    converse: Converse,
    data: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        confdir: *const c_char,
        handle: *mut *mut c_void,
    ) -> c_int;
    fn pam_end(handle: *mut c_void, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut c_void, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut c_void, value: *const c_char) -> c_int;
    fn pam_acct_mgmt(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut c_void, flags: c_int) -> c_int;
}

/// Prints the messages of modules, and answers nothing.
extern "C" fn print(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    _: *mut c_void,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    for i in 0..count {
        // SAFETY: pam_conv(3): `messages` is an array of `count` pointers to messages.
        let message = unsafe { &**messages.add(i) };
        // SAFETY: the text is a C string.
        let text = unsafe { CStr::from_ptr(message.text) };
        println!("message {}: {}", message.style, text.to_string_lossy());
    }
    // SAFETY: the module frees this array with free(3), so it comes from calloc(3); `responses` is
    // where it is to be stored.
    unsafe { *responses = libc::calloc(count, size_of::<Response>()).cast() };
    0
}

/// A PAM transaction.
pub(crate) struct Pam {
    handle: *mut c_void,
    _conversation: Box<Conversation>,
}

impl Pam {
    /// pam_start_confdir(3); panics where libpam cannot start.
    pub(crate) fn start(confdir: &Path, service: &str, user: &CStr) -> Self {
        let conversation = Box::new(Conversation { converse: print, data: ptr::null_mut() });
        let service = CString::new(service).expect("a service name has no NUL");
        let confdir = CString::new(confdir.as_os_str().as_encoded_bytes()).expect("a path has no NUL");
        let mut handle = ptr::null_mut();
        // SAFETY: all are C strings or structures that live until pam_end(3), which Drop calls before they go.
        let code = unsafe {
            pam_start_confdir(
                service.as_ptr(),
                user.as_ptr(),
                &raw const *conversation,
                confdir.as_ptr(),
                &mut handle,
            )
        };
        assert_eq!(code, 0, "pam_start_confdir");
        let mut pam = Self { handle, _conversation: conversation };
        pam.set_remote(c"192.0.2.7");
        pam
    }

    /// Sets PAM_RHOST, which is 192.0.2.7 otherwise.
    pub(crate) fn set_remote(&mut self, host: &CStr) {
        // SAFETY: the handle is live, and libpam copies the string.
        unsafe { pam_set_item(self.handle, PAM_RHOST, host.as_ptr().cast()) };
    }

    /// Sets a variable of PAM's environment, NAME=VALUE.
    pub(crate) fn put(&mut self, variable: &CStr) {
        // SAFETY: the handle is live, and libpam copies the string.
        unsafe { pam_putenv(self.handle, variable.as_ptr()) };
    }

    /// pam_acct_mgmt(3): its result code.
    pub(crate) fn account(&mut self) -> c_int {
        // SAFETY: the handle is live.
        unsafe { pam_acct_mgmt(self.handle, 0) }
    }

    /// pam_open_session(3): its result code.
    pub(crate) fn open(&mut self) -> c_int {
        // SAFETY: the handle is live.
        unsafe { pam_open_session(self.handle, 0) }
    }

    /// pam_close_session(3): its result code.
    pub(crate) fn close(&mut self) -> c_int {
        // SAFETY: the handle is live.
        unsafe { pam_close_session(self.handle, 0) }
    }
}

impl Drop for Pam {
    fn drop(&mut self) {
        // SAFETY: the handle is live, and nobody uses it after this.
        unsafe { pam_end(self.handle, 0) };
    }
}
