//! Runs the stages in order for each PAM hook: authorize, open, close.
//!
//! No other file calls the stages one after the other. PAM's own types do not occur here: [`crate::pam`] translates
//! them.
#![forbid(unsafe_code)]

mod examine;
mod granted;
mod login;
mod member;
mod opening;
mod recorded_jail;
mod refused_connection;
mod waiting;

use crate::application;
use crate::error::{Phase, Refusal};
use crate::escape::{escaped, whole};
use crate::log::Log;
use crate::registry::Record;
use crate::sys::umask;
pub use examine::{Member, Membership, examine, examine_with};
pub(crate) use login::Login;
pub use login::{Arguments, SessionLine};
use opening::Opening;
use recorded_jail::RecordedJail;
pub(crate) use refused_connection::RefusedConnection;
use std::time::{Duration, Instant};
use waiting::{Next, Waiting};

/// The account hook: checks whether a member's jail can be built. `None`: the user is not jailed.
pub(crate) fn authorize(login: &Login<'_>) -> Result<Option<()>, Refusal> {
    let mut waiting = Waiting::in_account();
    let check = |member: Member| member.admit(application::counts_refusals());
    loop {
        let checked = member::find(login, Phase::Account).and_then(|member| member.map(check).transpose());
        let Err(refusal) = checked else { return checked };
        match waiting.next(&refusal) {
            Next::Retry => {}
            Next::LeaveToSession => return Ok(Some(())),
            Next::Refuse => return Err(login.log_refusal(refusal, waiting.waited())),
        }
    }
}

/// An open session in its jail.
pub(crate) struct Session {
    jail: RecordedJail,
    /// The service's own umask, if the profile sets another one. Only `close` restores it: a forked
    /// child that drops its copy of this session must keep the profile's.
    umask: Option<u32>,
    opened: Instant,
    /// Name and uid, for the log line at close.
    who: String,
}

/// The session hook: builds the jail. `None`: the user is not jailed.
///
/// `is_open`: this PAM handle has an open session already. A second one is refused, because it would
/// put a jail inside the jail.
pub(crate) fn open(login: &Login<'_>, is_open: bool) -> Result<Option<Session>, Refusal> {
    if is_open {
        return Err(login.log_refusal(Refusal::AlreadyOpen, None));
    }
    let mut waiting = Waiting::in_session();
    loop {
        let begun = Instant::now();
        let build = |member| build(login, member, begun);
        match member::find(login, Phase::Session).and_then(|member| member.map(build).transpose()) {
            Err(refusal) if waiting.wait_for(&refusal) => {}
            // sshd goes on, and its child ends instead of running anything (session.c: do_child).
            Err(refusal) => return Err(login.log_refusal(refusal, waiting.waited())),
            Ok(opened) => {
                if let Some(waited) = waiting.waited() {
                    let user = escaped(login.user);
                    login.log.info(format_args!("user {user} waited {} for this session", seconds(waited)));
                }
                return Ok(opened);
            }
        }
    }
}

/// `begun`: when the checks of the login began; `setup_us` counts from there.
fn build(login: &Login<'_>, member: Member, begun: Instant) -> Result<Session, Refusal> {
    let record = record(login, &member);
    let must_be_recorded = member.must_be_recorded();
    let Member { account, profile, plan } = member;
    let who = format!("{}(uid={})", escaped(&account.name), account.uid);
    let plan = plan.with_listings(&profile, &account);
    let opening = Opening::of(&plan, &profile, &account);
    let (jail, volumes) =
        RecordedJail::begin(plan, &record, profile.max_sessions, must_be_recorded, &login.log)?;
    let umask = profile.umask.map(umask::set);
    opening.log(login, &who, &volumes, begun.elapsed());
    Ok(Session { jail, umask, opened: begun, who })
}

fn record(login: &Login<'_>, member: &Member) -> Record {
    let Member { account, profile, plan } = member;
    let ends = plan.grants().iter().filter_map(|held| Some((held.until?.epoch(), &held.folder)));
    let first = ends.min_by_key(|(until, _)| *until);
    Record {
        profile: profile.name.clone(),
        namespace: plan.namespace(),
        jail: whole(&plan.jail_root.path().join(&plan.user)).to_string(),
        home: whole(&account.home).to_string(),
        until: first.map(|(until, _)| until),
        ends_with: first.map(|(_, folder)| whole(folder).to_string()),
        grants: plan.grants().iter().map(|held| whole(&held.folder).to_string()).collect(),
        ..login.record(&account.name, account.uid)
    }
}

/// Ends the session, and returns the process to the host's namespace if it left that.
pub(crate) fn close(session: Session, log: &Log) {
    let lasted = session.opened.elapsed();
    session.umask.map(umask::set);
    match session.jail.end() {
        Ok(()) => {
            log.info(format_args!("session closed for user {}: duration={}", session.who, seconds(lasted)))
        }
        Err(error) => log.error(format_args!(
            "closing the session of user {}: {error}; fix: {}",
            session.who,
            error.fix()
        )),
    }
}

/// For a log line: seconds with three decimals.
fn seconds(duration: Duration) -> String {
    format!("{}.{:03}s", duration.as_secs(), duration.subsec_millis())
}
