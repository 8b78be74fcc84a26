//! A login that could be let in a moment later waits for that moment, and is refused only then, where
//! it harms nobody else.
//!
//! To sshd, who is refused in the account phase has failed to authenticate. From OpenSSH 9.8 on, four
//! such failures get everybody at the client's address dropped for a while (PerSourcePenalties), so
//! there the session hook refuses: sshd counts nothing after authentication. The user reads no sentence
//! then, but the log has one. An older sshd counts nothing, and the account hook refuses, with the sentence.
//!
//! While the account hook waits, sshd takes the connection for one that is still starting up, and drops
//! others when there are too many (MaxStartups). So only a few logins of the whole host wait there, for
//! the sake of the sentence; all others wait in the session hook, where they count as authenticated.
//!
//! Waiting is asking again: the kernel frees the mark of a session that was killed without changing
//! anything that could be watched.

use crate::config::Namespace;
use crate::error::{Passing, Refusal};
use crate::name::UserName;
use crate::program;
use crate::registry::{Registry, Seat};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a login waits, in both hooks together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two questions, at first and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// For how many milliseconds the account hook has waited for the login whose session is to be opened
/// next by this process. With keyboard-interactive sshd runs it in another, and the session hook
/// does not know.
static WAITED: AtomicU64 = AtomicU64::new(0);

/// A login's patience.
pub(super) struct Patience {
    begun: Instant,
    pause: Duration,
    /// Whether this is the account hook of a login.
    in_account: bool,
    seat: Option<Seat>,
}

/// What the account hook does about a refusal.
pub(super) enum Turn {
    Ask,
    /// Let the session hook wait, and answer.
    Pass,
    Refuse,
}

impl Patience {
    pub(super) fn in_account() -> Self {
        WAITED.store(0, Ordering::Relaxed);
        Self::since(Duration::ZERO, true)
    }

    pub(super) fn in_session() -> Self {
        Self::since(Duration::from_millis(WAITED.swap(0, Ordering::Relaxed)), false)
    }

    fn since(waited: Duration, in_account: bool) -> Self {
        let now = Instant::now();
        Self { begun: now.checked_sub(waited).unwrap_or(now), pause: PAUSES.0, in_account, seat: None }
    }

    /// For how long the login has waited, if it has.
    pub(super) fn waited(&self) -> Option<Duration> {
        (self.pause > PAUSES.0).then(|| self.begun.elapsed())
    }

    /// What to do about a refusal in the account hook, after waiting if that is the thing to do.
    pub(super) fn turn(&mut self, refusal: &Refusal) -> Turn {
        if refusal.retry_when().is_none() {
            return Turn::Refuse;
        }
        if program::counts_refusals() || !self.is_seated() {
            return Turn::Pass;
        }
        if self.outlasts(refusal) { Turn::Ask } else { Turn::Refuse }
    }

    /// Waits until a refusal has passed. `false`: it does not, or not in time.
    pub(super) fn outlasts(&mut self, refusal: &Refusal) -> bool {
        let Some(passing) = refusal.retry_when() else { return false };
        let mut has_passed = false;
        while !has_passed {
            let left = PATIENCE.saturating_sub(self.begun.elapsed());
            if left.is_zero() {
                break;
            }
            sleep(self.pause.min(left));
            self.pause = (self.pause * 2).min(PAUSES.1);
            has_passed = is_over(passing);
        }
        if self.in_account {
            let waited = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            WAITED.store(waited, Ordering::Relaxed);
        }
        has_passed
    }

    /// Takes a seat. Where there is none to be had, for whatever reason, the session hook waits.
    fn is_seated(&mut self) -> bool {
        if self.seat.is_none() {
            self.seat = Registry::open().and_then(|registry| registry.seat()).ok().flatten();
        }
        self.seat.is_some()
    }
}

/// Whether it is worth asking again. Trouble with the registry is for that question to tell.
fn is_over(passing: Passing<'_>) -> bool {
    let live = |user: &UserName| match Registry::existing() {
        Ok(Some(registry)) => registry.live(user),
        Ok(None) => Ok(Vec::new()),
        Err(refusal) => Err(refusal),
    };
    match passing {
        Passing::Place { user, max } => {
            live(user).map_or(true, |live| u32::try_from(live.len()).is_ok_and(|live| live < max))
        }
        Passing::Jail { user } => {
            live(user).map_or(true, |live| !live.iter().any(|live| live.is_in(Namespace::Host)))
        }
        Passing::Lock => true,
    }
}

/// For a log line, to the millisecond.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{}.{:03}s", duration.as_secs(), duration.subsec_millis())
}
