//! Begins and ends a session's jail and its record together.
//!
//! Both happen under the user's lock, so no other session of the user begins or ends meanwhile.

use crate::config::Namespace;
use crate::error::Refusal;
use crate::jail::{Jail, host};
use crate::log::Log;
use crate::name::UserName;
use crate::plan::Plan;
use crate::registry::{LiveRecord, OwnRecord, Record, Registry, Sessions};
use std::fmt::{self, Display};

/// The jail and the record of a live session. Dropping it changes nothing.
pub(super) struct RecordedJail {
    jail: Jail,
    /// `None` where no record could be written, and no other session relies on one.
    record: Option<OwnRecord>,
}

impl RecordedJail {
    /// Writes the record and builds the jail; on an error, neither stays. `must_be_recorded`: whether it is
    /// an error that no record can be written. Otherwise that is only logged.
    pub(super) fn begin(
        plan: Plan,
        record: &Record,
        max: Option<u32>,
        must_be_recorded: bool,
        log: &Log,
    ) -> Result<Self, Refusal> {
        let registered = match register(&plan.user, record, max) {
            Ok(registered) => Some(registered),
            Err(refusal) if must_be_recorded => return Err(refusal),
            Err(refusal) => {
                log.error(format_args!(
                    "no record of a session of user {}: {refusal}; fix: {}",
                    plan.user,
                    refusal.fix()
                ));
                None
            }
        };
        let is_shared = registered.as_ref().is_some_and(|(_, _, live)| live.has_host_jail);
        match (Jail::build(plan, is_shared), registered) {
            (Ok(jail), None) => Ok(Self { jail, record: None }),
            (Ok(jail), Some((mut sessions, record, _))) => {
                // An error is ignored: the next session removes them.
                let _ = sessions.forget_dead();
                Ok(Self { jail, record: Some(record) })
            }
            (Err(refusal), None) => Err(refusal),
            (Err(refusal), Some((mut sessions, record, _))) => {
                // An error is ignored: the kernel knows that nobody holds the record any more.
                let _ = sessions.leave(record);
                Err(refusal)
            }
        }
    }

    /// Removes the jail, unless other sessions share it, and then the record. If the registry cannot be
    /// used, a jail in the host's namespace stays until the user's next login.
    pub(super) fn end(self) -> Result<(), Refusal> {
        match (self.jail, self.record) {
            (Jail::Private(jail), None) => Ok(jail.dismantle()?),
            (Jail::Private(jail), Some(record)) => {
                jail.dismantle()?;
                Registry::open()?.lock(&record.user)?.leave(record)
            }
            // Such a jail is never built without a record.
            (Jail::Host(_), None) => Ok(()),
            (Jail::Host(jail), Some(record)) => {
                let mut sessions = Registry::open()?.lock(&record.user)?;
                if !SessionCount::of(&sessions.others(&record)?).has_host_jail {
                    jail.take_down()?;
                }
                sessions.leave(record)?;
                sessions.forget_dead()
            }
        }
    }
}

/// How many sessions of a user are live.
pub(super) struct SessionCount {
    all: usize,
    /// Whether they share a jail in the host's namespace.
    has_host_jail: bool,
}

impl SessionCount {
    fn of(live: &[LiveRecord]) -> Self {
        let has_host_jail = live.iter().any(|record| record.is_in(Namespace::Host));
        Self { all: live.len(), has_host_jail }
    }
}

impl Display for SessionCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.all, self.has_host_jail) {
            (0, _) => f.write_str("none is live"),
            (n, false) => write!(f, "{n} live"),
            (n, true) => write!(f, "{n} live, with a jail that a new one can share"),
        }
    }
}

/// Counts the user's live sessions. It does not check whether one more may begin.
pub(super) fn count(user: &UserName) -> Result<SessionCount, Refusal> {
    match Registry::existing()? {
        Some(registry) => Ok(SessionCount::of(&registry.live(user)?)),
        None => Ok(SessionCount::of(&[])),
    }
}

/// Counts the user's live sessions. It refuses if `max` are live already, or if their jail is not the
/// plan's.
pub(super) fn check_room(plan: &Plan, max: Option<u32>) -> Result<SessionCount, Refusal> {
    let user = &plan.user;
    let Some(registry) = Registry::existing()? else { return check_limit(user, &[], max) };
    let live = check_limit(user, &registry.live(user)?, max)?;
    if !live.has_host_jail || host::can_share(plan).is_ok() {
        return Ok(live);
    }
    // A session that is beginning or ending has a record and no jail: ask again under the lock.
    let mut sessions = registry.lock(user)?;
    let live = check_limit(user, &sessions.live()?, max)?;
    if live.has_host_jail {
        host::can_share(plan)?;
    }
    Ok(live)
}

fn check_limit(user: &UserName, live: &[LiveRecord], max: Option<u32>) -> Result<SessionCount, Refusal> {
    match max {
        Some(max) if u32::try_from(live.len()).is_ok_and(|live| live < max) => Ok(SessionCount::of(live)),
        Some(max) => Err(Refusal::TooManySessions { name: user.clone(), live: live.len(), max }),
        None => Ok(SessionCount::of(live)),
    }
}

/// Takes the user's lock, and writes the record.
fn register(
    user: &UserName,
    record: &Record,
    max: Option<u32>,
) -> Result<(Sessions, OwnRecord, SessionCount), Refusal> {
    let mut sessions = Registry::open()?.lock(user)?;
    let live = check_limit(user, &sessions.live()?, max)?;
    let record = sessions.enter(record)?;
    Ok((sessions, record, live))
}
