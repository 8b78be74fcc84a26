//! libpam in, PAM result out; no decisions.

use crate::error::{Phase, Refusal};
use crate::log::Log;
use crate::session::{self, Arguments, Login, RefusedConnection, Session, SessionLine};
use crate::sys::safe_writes::SafeWrites;
use pam::constants::{PAM_ERROR_MSG, PAM_SILENT, PamFlag, PamResultCode};
use pam::conv::Conv;
use pam::items::{RHost, Service, User};
use pam::module::{PamHandle, PamHooks};
use std::cell::{Cell, OnceCell};
use std::ffi::{CStr, OsStr, OsString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::sync::Once;

/// The name of our datum on the PAM handle. It holds an address of this very copy of the module, so
/// that another build of it in the same stack has another name: each of two copies then sees its own
/// lines only, and the one that opened a session also closes it.
fn slot_name() -> String {
    static HERE: u8 = 0;
    format!("pam_sftpjail_session_{:p}", &raw const HERE)
}

/// What our lines of one handle know of each other.
#[derive(Default)]
struct Slot {
    /// What the first session line was told. Once for a handle, because sshd says it once.
    heard: OnceCell<Heard>,
    /// What open leaves for close. The first close empties it, so that a second finds nothing.
    session: Cell<Option<Session>>,
    /// What is kept where open has refused; until the next open, or pam_end(3).
    refused: Cell<Option<RefusedConnection>>,
    /// Whether the first line has ended it, so that the last need not, and need not deny it either.
    ended: Cell<bool>,
}

/// As it was before any other session module could change it.
struct Heard {
    authentication: Option<OsString>,
    /// See [`Arguments::unknown`]; the line that opens answers for it.
    unknown: Option<String>,
}

/// The version, for `sftpjail check` to read from the file.
#[unsafe(no_mangle)]
pub static PAM_SFTPJAIL_VERSION: [u8; VERSION.len()] = {
    let mut bytes = [0; VERSION.len()];
    bytes.copy_from_slice(VERSION.as_bytes());
    bytes
};
const VERSION: &str = env!("CARGO_PKG_VERSION");

struct Module;
pam::pam_hooks!(Module);

impl PamHooks for Module {
    fn acct_mgmt(pamh: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        log_panics();
        let _last = SafeWrites::begin();
        let phase = Phase::Account;
        match session::authorize(&login(pamh, &args, phase)) {
            Ok(None) => PamResultCode::PAM_IGNORE,
            Ok(Some(())) => PamResultCode::PAM_SUCCESS,
            Err(refusal) => {
                if flags & PAM_SILENT == 0 {
                    tell(pamh, &refusal);
                }
                refusal.pam_code(phase)
            }
        }
    }

    /// Tells the user nothing: what is said here lands in the SFTP stream.
    fn sm_open_session(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        log_panics();
        let phase = Phase::Session;
        if slot(pamh).is_none() {
            let _unkept = pamh.set_data(&slot_name(), Box::new(Slot::default()));
        }
        // Without a place to keep it, no session is opened.
        let Some(slot) = slot(pamh) else { return PamResultCode::PAM_BUF_ERR };
        let login = login(pamh, &args, phase);
        if login.arguments.line == SessionLine::Close {
            let Login { authentication, arguments, .. } = login;
            slot.heard.get_or_init(|| Heard { authentication, unknown: arguments.unknown });
            return PamResultCode::PAM_IGNORE;
        }
        let _last = SafeWrites::begin();
        drop(slot.refused.take());
        slot.ended.set(false);
        let live = slot.session.take();
        let (code, kept) = match session::open(&login, live.is_some()) {
            Ok(None) => (PamResultCode::PAM_IGNORE, live),
            Err(refusal) => {
                if live.is_none() {
                    slot.refused.set(RefusedConnection::record(&login, &refusal));
                }
                (refusal.pam_code(phase), live)
            }
            Ok(Some(session)) => (PamResultCode::PAM_SUCCESS, Some(session)),
        };
        slot.session.set(kept);
        code
    }

    /// Of two lines, the first ends the session. libpam counts each as it counted its answer to open
    /// (pam_dispatch.c, the cached chain): not the first, but the last, which therefore says so.
    fn sm_close_session(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        log_panics();
        let Some(slot) = slot(pamh) else { return PamResultCode::PAM_IGNORE };
        match slot.session.take() {
            Some(session) => {
                let _last = SafeWrites::begin();
                let login = login(pamh, &args, Phase::Session);
                slot.ended.set(login.arguments.line == SessionLine::Close);
                session::close(session, &login.log);
                PamResultCode::PAM_SUCCESS
            }
            None if slot.ended.take() => PamResultCode::PAM_SUCCESS,
            None => PamResultCode::PAM_IGNORE,
        }
    }
}

/// Our place on the handle, if open has made it.
fn slot(pamh: &PamHandle) -> Option<&Slot> {
    // SAFETY: only `sm_open_session` of this copy stores anything under this name, and it stores a Slot.
    unsafe { pamh.get_data::<Slot>(&slot_name()) }.ok()
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_getenv(pamh: *const PamHandle, name: *const c_char) -> *const c_char;
}

/// pam_getenv(3), which pam-bindings lacks. What it gives lives until PAM's environment changes, and
/// nobody changes that before our hook returns.
fn environment<'a>(pamh: &'a PamHandle, name: &CStr) -> Option<&'a CStr> {
    // SAFETY: the handle is live, and the name a C string.
    let value = unsafe { pam_getenv(pamh, name.as_ptr()) };
    // SAFETY: it is null, or a C string of libpam's.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}

/// What PAM says of the login.
fn login<'a>(pamh: &'a PamHandle, args: &[&'a CStr], phase: Phase) -> Login<'a> {
    let mut arguments = Arguments::parse(args.iter().map(|arg| arg.to_bytes()));
    let text = |item: &'a CStr| OsStr::from_bytes(item.to_bytes());
    let authentication = match slot(pamh).and_then(|slot| slot.heard.get()) {
        Some(heard) => {
            arguments.unknown = arguments.unknown.or_else(|| heard.unknown.clone());
            heard.authentication.clone()
        }
        None => environment(pamh, c"SSH_AUTH_INFO_0").map(|said| text(said).to_owned()),
    };
    // A service without a UTF-8 name is none that the configuration could list.
    let service = pamh.get_item::<Service<'_>>().ok().flatten().and_then(|s| s.0.to_str().ok()).unwrap_or("");
    Login {
        service,
        user: pamh.get_item::<User<'_>>().ok().flatten().map_or(OsStr::new(""), |user| text(user.0)),
        host: pamh.get_item::<RHost<'_>>().ok().flatten().map(|host| text(host.0)),
        authentication,
        log: Log::new(service, phase, arguments.debug),
        arguments,
    }
}

/// Says why, through PAM's conversation. Whether that works does not change the answer.
fn tell(pamh: &PamHandle, refusal: &Refusal) {
    if let Ok(Some(conversation)) = pamh.get_item::<Conv<'_>>() {
        let _ = conversation.send(PAM_ERROR_MSG, refusal.for_user());
    }
}

/// pam-bindings turns a panic into PAM_ABORT; the default hook would also print it into sshd's
/// stderr. The hook is this library's own copy of std's: the process keeps its own.
fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            Log::new("panic", Phase::Session, false)
                .critical(format_args!("a bug, please report it: {panic}"));
        }));
    });
}
