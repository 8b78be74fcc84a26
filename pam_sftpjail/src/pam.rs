//! Translates between libpam and [`crate::session`]. It decides nothing.

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
use std::sync::{Once, OnceLock};

/// The name of our data on the PAM handle. It contains an address in this copy of the module. If another
/// build is in the same stack, each copy sees only its own lines, and the one that opened a session closes
/// it.
fn data_name() -> &'static str {
    static HERE: u8 = 0;
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("pam_sftpjail_session_{:p}", &raw const HERE))
}

/// What our lines of one PAM handle share.
#[derive(Default)]
struct Shared {
    /// What the line with `close` kept. It is set once for a handle, because sshd says it once.
    kept: OnceCell<Kept>,
    /// The open session. The first close takes it, so a second finds nothing.
    session: Cell<Option<Session>>,
    /// The record of a refused connection, until the next open or pam_end(3).
    refused: Cell<Option<RefusedConnection>>,
    /// Whether the line with `close` has ended the session. Then the line with `open` has nothing to do, and
    /// answers success as well.
    is_ended: Cell<bool>,
}

/// What the line with `close` keeps at open, before other session modules can change it.
struct Kept {
    authentication: Option<OsString>,
    /// See [`Arguments::unknown`]. The line with `open` refuses for it.
    unknown: Option<String>,
}

/// The version; `sftpjail check` reads it from the file.
#[unsafe(no_mangle)]
pub static PAM_SFTPJAIL_VERSION: [u8; VERSION.len()] = match VERSION.as_bytes().first_chunk() {
    Some(bytes) => *bytes,
    None => [0; VERSION.len()],
};
const VERSION: &str = env!("CARGO_PKG_VERSION");

struct Module;
pam::pam_hooks!(Module);

impl PamHooks for Module {
    fn acct_mgmt(pamh: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        log_panics();
        let _dropped_last = SafeWrites::begin();
        let phase = Phase::Account;
        let kept = shared(pamh).and_then(|shared| shared.kept.get());
        match session::authorize(&login(pamh, &args, phase, kept)) {
            Ok(None) => PamResultCode::PAM_IGNORE,
            Ok(Some(())) => PamResultCode::PAM_SUCCESS,
            Err(refusal) => {
                if flags & PAM_SILENT == 0 {
                    show(pamh, &refusal);
                }
                refusal.pam_code(phase)
            }
        }
    }

    /// Sends the user no message: it would land in the SFTP stream.
    fn sm_open_session(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        log_panics();
        let phase = Phase::Session;
        if shared(pamh).is_none() {
            let _checked_below = pamh.set_data(data_name(), Box::new(Shared::default()));
        }
        // If the session cannot be kept for close, it is not opened.
        let Some(shared) = shared(pamh) else { return PamResultCode::PAM_BUF_ERR };
        let login = login(pamh, &args, phase, shared.kept.get());
        if login.arguments.line == SessionLine::Close {
            let Login { authentication, arguments, .. } = login;
            shared.kept.get_or_init(|| Kept { authentication, unknown: arguments.unknown });
            return PamResultCode::PAM_IGNORE;
        }
        let _dropped_last = SafeWrites::begin();
        drop(shared.refused.take());
        shared.is_ended.set(false);
        let live = shared.session.take();
        let (code, kept) = match session::open(&login, live.is_some()) {
            Ok(None) => (PamResultCode::PAM_IGNORE, live),
            Err(refusal) => {
                if live.is_none() {
                    shared.refused.set(RefusedConnection::record(&login, &refusal));
                }
                (refusal.pam_code(phase), live)
            }
            Ok(Some(session)) => (PamResultCode::PAM_SUCCESS, Some(session)),
        };
        shared.session.set(kept);
        code
    }

    /// Of two lines, the one with `close` ends the session. libpam counts each line's answer only if it
    /// counted its answer to open (pam_dispatch.c, the cached chain). The line with `close` answered
    /// PAM_IGNORE there, so the line with `open` answers success here.
    fn sm_close_session(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        log_panics();
        let Some(shared) = shared(pamh) else { return PamResultCode::PAM_IGNORE };
        match shared.session.take() {
            Some(session) => {
                let _dropped_last = SafeWrites::begin();
                let login = login(pamh, &args, Phase::Session, shared.kept.get());
                shared.is_ended.set(login.arguments.line == SessionLine::Close);
                session::close(session, &login.log);
                PamResultCode::PAM_SUCCESS
            }
            None if shared.is_ended.take() => PamResultCode::PAM_SUCCESS,
            None => PamResultCode::PAM_IGNORE,
        }
    }
}

/// Our data on the handle. `None`: open has not stored it yet.
fn shared(pamh: &PamHandle) -> Option<&Shared> {
    // SAFETY: only `sm_open_session` of this copy stores data under this name, and it stores a Shared.
    unsafe { pamh.get_data::<Shared>(data_name()) }.ok()
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_getenv(pamh: *const PamHandle, name: *const c_char) -> *const c_char;
}

/// pam_getenv(3), which pam-bindings lacks. The value lives until PAM's environment changes, which does not
/// happen before our hook returns.
fn environment<'a>(pamh: &'a PamHandle, name: &CStr) -> Option<&'a CStr> {
    // SAFETY: the handle is live, and the name a C string.
    let value = unsafe { pam_getenv(pamh, name.as_ptr()) };
    // SAFETY: it is null or a C string that libpam owns.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}

/// What PAM says of the login.
///
/// `kept`: what the line with `close` has kept.
fn login<'a>(pamh: &'a PamHandle, args: &[&'a CStr], phase: Phase, kept: Option<&Kept>) -> Login<'a> {
    let mut arguments = Arguments::parse(args.iter().map(|arg| arg.to_bytes()));
    let text = |item: &'a CStr| OsStr::from_bytes(item.to_bytes());
    let authentication = match kept {
        Some(kept) => {
            arguments.unknown = arguments.unknown.or_else(|| kept.unknown.clone());
            kept.authentication.clone()
        }
        None => environment(pamh, c"SSH_AUTH_INFO_0").map(|said| text(said).to_owned()),
    };
    // The configuration cannot list a service whose name is not UTF-8.
    let service = pamh.get_item::<Service<'_>>().ok().flatten().and_then(|s| s.0.to_str().ok()).unwrap_or("");
    Login {
        service,
        user: pamh.get_item::<User<'_>>().ok().flatten().map_or(OsStr::new(""), |user| text(user.0)),
        host: pamh.get_item::<RHost<'_>>().ok().flatten().map(|host| text(host.0)),
        authentication,
        is_sshds: kept.is_some(),
        log: Log::new(service, phase, arguments.debug),
        arguments,
    }
}

/// Sends the user the reason through PAM's conversation. An error does not change the answer.
fn show(pamh: &PamHandle, refusal: &Refusal) {
    if let Ok(Some(conversation)) = pamh.get_item::<Conv<'_>>() {
        let _ = conversation.send(PAM_ERROR_MSG, &refusal.for_user());
    }
}

/// Logs a panic. pam-bindings turns it into PAM_ABORT, but std's default hook would also print it to sshd's
/// stderr. The hook belongs to this library's copy of std; the process keeps its own.
fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            Log::new("panic", Phase::Session, false)
                .critical(format_args!("a bug, please report it: {panic}"));
        }));
    });
}
