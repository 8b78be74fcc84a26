//! Begins and ends a session's jail and its record together.
//!
//! Both happen under the user's lock, so no other session of the user begins or ends meanwhile.

use super::granted;
use crate::config::Namespace;
use crate::error::Refusal;
use crate::jail::{Jail, Others, host};
use crate::log::Log;
use crate::name::UserName;
use crate::plan::{Plan, VolumePaths};
use crate::registry::{LiveRecord, OwnRecord, Record, Registry, Sessions, others};
use std::fmt::{self, Display};

/// The jail and the record of a live session. Dropping it changes nothing.
pub(super) struct RecordedJail {
    jail: Jail,
    /// `None` where no record could be written, and no other session relies on one.
    record: Option<OwnRecord>,
}

impl RecordedJail {
    /// Writes the record and builds the jail, and gives the volumes that it has; on an error, neither stays.
    /// `must_be_recorded`: whether it is an error that no record can be written. Otherwise that is only logged.
    pub(super) fn begin(
        plan: Plan,
        record: &Record,
        max: Option<u32>,
        must_be_recorded: bool,
        log: &Log,
    ) -> Result<(Self, Vec<VolumePaths>), Refusal> {
        let registered = match register(&plan, record, max) {
            Ok(registered) => Some(registered),
            // The second says nothing of the registry.
            Err(refusal) if must_be_recorded || matches!(refusal, Refusal::OtherJail { .. }) => {
                return Err(refusal);
            }
            Err(refusal) => {
                log.error(format_args!(
                    "no record of a session of user {}: {refusal}; fix: {}",
                    plan.user,
                    refusal.fix()
                ));
                None
            }
        };
        let others = registered.as_ref().map(|(_, _, live)| live.others).unwrap_or_default();
        let is_left = plan.jail_root.holds_left()
            && !(registered.is_some() && !others.here && remove_left(&plan, others, log));
        match (Jail::build(plan, others), registered) {
            (Ok((jail, volumes)), None) => Ok((Self { jail, record: None }, volumes)),
            (Ok((jail, volumes)), Some((mut sessions, record, _))) => {
                if !is_left {
                    // An error is ignored: the next session removes them.
                    let _ = sessions.forget_dead();
                }
                Ok((Self { jail, record: Some(record) }, volumes))
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
                let others = SessionCount::of(&sessions.others(&record)?).others;
                if !others.here {
                    jail.take_down(others)?;
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
    /// Where they have jails that sessions share.
    others: Others,
}

impl SessionCount {
    fn of(live: &[LiveRecord]) -> Self {
        Self { all: live.len(), others: others(live) }
    }

    /// Whether a new session would share a jail.
    pub(super) fn has_jail_here(&self) -> bool {
        self.others.here
    }
}

impl Display for SessionCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.all, self.others.here) {
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
    if may_begin(plan, &live).is_ok() {
        return Ok(live);
    }
    // A session that is beginning or ending has a record and no jail: ask again under the lock.
    let sessions = registry.lock(user)?;
    let live = check_limit(user, &sessions.seen()?, max)?;
    may_begin(plan, &live)?;
    Ok(live)
}

fn check_limit(user: &UserName, live: &[LiveRecord], max: Option<u32>) -> Result<SessionCount, Refusal> {
    match max {
        Some(max) if u32::try_from(live.len()).is_ok_and(|live| live < max) => Ok(SessionCount::of(live)),
        Some(max) => Err(Refusal::TooManySessions { name: user.clone(), live: live.len(), max }),
        None => Ok(SessionCount::of(live)),
    }
}

/// Refuses a plan beside live sessions here that have another jail.
fn may_begin(plan: &Plan, live: &SessionCount) -> Result<(), Refusal> {
    match plan.namespace() {
        _ if !live.others.here => Ok(()),
        Namespace::Host => host::can_share(plan),
        // sshd would serve theirs whenever building the new one fails.
        Namespace::Private => host::must_be_absent(plan),
    }
}

/// Removes what a killed service or a power cut has left of the user's jail here. The caller holds the user's lock, and
/// no session is live in that jail. The new session does without, so an error refuses nobody. Gives whether it is gone.
fn remove_left(plan: &Plan, others: Others, log: &Log) -> bool {
    let removed = host::remove_left(plan, others);
    if let Err(error) = &removed {
        log.error(format_args!("the jail that is left of user {}: {error}; fix: {}", plan.user, error.fix()));
    }
    removed.is_ok()
}

/// Takes the user's lock, and writes the record.
fn register(
    plan: &Plan,
    record: &Record,
    max: Option<u32>,
) -> Result<(Sessions, OwnRecord, SessionCount), Refusal> {
    let mut sessions = Registry::open()?.lock(&plan.user)?;
    let live = check_limit(&plan.user, &sessions.live()?, max)?;
    if plan.namespace() == Namespace::Private {
        may_begin(plan, &live)?;
    }
    let record = sessions.enter(record)?;
    match granted::still(plan) {
        Ok(()) => Ok((sessions, record, live)),
        Err(refusal) => {
            // An error is ignored: the kernel knows that nobody holds the record any more.
            let _ = sessions.leave(record);
            Err(refusal)
        }
    }
}
