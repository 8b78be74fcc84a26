//! A session's jail and its record: they begin and end together, while no other session of the user
//! does.

use crate::config::Namespace;
use crate::error::Refusal;
use crate::jail::{Jail, host};
use crate::log::Log;
use crate::name::UserName;
use crate::plan::Plan;
use crate::registry::{Entry, Live, Record, Registry, Sessions};
use std::fmt::{self, Display};

/// A session that is live. Dropping it changes nothing.
pub(super) struct Presence {
    jail: Jail,
    /// None where no record could be written, and nobody relies on one.
    entry: Option<Entry>,
}

impl Presence {
    /// Writes the record and makes the jail, or none of them. A record that cannot be written is an
    /// error only if it `must` be.
    pub(super) fn begin(
        plan: Plan,
        record: &Record,
        max: Option<u32>,
        must: bool,
        log: &Log,
    ) -> Result<Self, Refusal> {
        let registered = match register(&plan.user, record, max) {
            Ok(registered) => Some(registered),
            Err(refusal) if must => return Err(refusal),
            Err(refusal) => {
                log.error(format_args!(
                    "no record of a session of user {}: {refusal}; fix: {}",
                    plan.user,
                    refusal.fix()
                ));
                None
            }
        };
        let shared = registered.as_ref().is_some_and(|(_, _, live)| live.in_host);
        match (Jail::build(plan, shared), registered) {
            (Ok(jail), None) => Ok(Self { jail, entry: None }),
            (Ok(jail), Some((mut sessions, entry, _))) => {
                // The next session would remove them, too.
                let _ = sessions.forget_dead();
                Ok(Self { jail, entry: Some(entry) })
            }
            (Err(refusal), None) => Err(refusal),
            (Err(refusal), Some((mut sessions, entry, _))) => {
                // If that fails too, the kernel will say that the record is dead.
                let _ = sessions.leave(entry);
                Err(refusal)
            }
        }
    }

    /// Takes the jail down, unless other sessions share it, and then removes the record. Without an
    /// answer from the registry a jail of the host's namespace is left to the user's next login.
    pub(super) fn end(self) -> Result<(), Refusal> {
        match (self.jail, self.entry) {
            (Jail::Private(jail), None) => Ok(jail.dismantle()?),
            (Jail::Private(jail), Some(entry)) => {
                jail.dismantle()?;
                Registry::open()?.lock(&entry.user)?.leave(entry)
            }
            // There is none without a record.
            (Jail::Host(_), None) => Ok(()),
            (Jail::Host(jail), Some(entry)) => {
                let mut sessions = Registry::open()?.lock(&entry.user)?;
                if !Count::of(&sessions.others(&entry)?).in_host {
                    jail.take_down()?;
                }
                sessions.leave(entry)?;
                sessions.forget_dead()
            }
        }
    }
}

/// How many sessions of a user are live.
pub(super) struct Count {
    all: usize,
    /// Whether there is a jail in the host's namespace that they share.
    pub(super) in_host: bool,
}

impl Count {
    fn of(live: &[Live]) -> Self {
        Self { all: live.len(), in_host: live.iter().any(|live| live.is_in(Namespace::Host)) }
    }
}

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.all, self.in_host) {
            (0, _) => f.write_str("none is live"),
            (n, false) => write!(f, "{n} live"),
            (n, true) => write!(f, "{n} live, with a jail that a new one can share"),
        }
    }
}

/// Counts the user's live sessions, whether there is room for one more or not.
pub(super) fn count(user: &UserName) -> Result<Count, Refusal> {
    match Registry::existing()? {
        Some(registry) => Ok(Count::of(&registry.live(user)?)),
        None => Ok(Count::of(&[])),
    }
}

/// Counts the user's live sessions; refuses where there is no room for one more, or where their jail
/// is not the plan's.
pub(super) fn look(plan: &Plan, max: Option<u32>) -> Result<Count, Refusal> {
    let user = &plan.user;
    let Some(registry) = Registry::existing()? else { return room(user, &[], max) };
    let live = room(user, &registry.live(user)?, max)?;
    if !live.in_host || host::can_share(plan).is_ok() {
        return Ok(live);
    }
    // A session that is half way in or out has a record and no jail: ask again between sessions.
    let mut sessions = registry.lock(user)?;
    let live = room(user, &sessions.live()?, max)?;
    if live.in_host {
        host::can_share(plan)?;
    }
    Ok(live)
}

fn room(user: &UserName, live: &[Live], max: Option<u32>) -> Result<Count, Refusal> {
    match max {
        Some(max) if u32::try_from(live.len()).is_ok_and(|live| live < max) => Ok(Count::of(live)),
        Some(max) => Err(Refusal::TooManySessions { name: user.clone(), live: live.len(), max }),
        None => Ok(Count::of(live)),
    }
}

/// Keeps other sessions of the user out, and writes the record.
fn register(user: &UserName, record: &Record, max: Option<u32>) -> Result<(Sessions, Entry, Count), Refusal> {
    let mut sessions = Registry::open()?.lock(user)?;
    let live = room(user, &sessions.live()?, max)?;
    let entry = sessions.enter(record)?;
    Ok((sessions, entry, live))
}
