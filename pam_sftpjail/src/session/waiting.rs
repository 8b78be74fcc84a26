//! Lets a login wait where a refusal would soon pass, and chooses the hook that refuses it.
//!
//! sshd counts a refusal in the account phase as a failed authentication. From OpenSSH 9.8 on, four such
//! failures make sshd drop everybody at the client's address for a while (PerSourcePenalties). There the
//! session hook refuses, because sshd counts nothing after authentication. The user then gets no message,
//! but the log has the reason. An older sshd counts nothing, so the account hook refuses, with a message.
//!
//! While the account hook waits, sshd counts the connection as one that is still starting up. It drops
//! others when there are too many (MaxStartups). So only a few logins of the whole host wait there, to get
//! the message. All others wait in the session hook, where they count as authenticated.
//!
//! Waiting means to ask again: when a session is killed, the kernel drops its mark, and no file changes
//! that could be watched.

use crate::application;
use crate::error::{Refusal, RetryWhen};
use crate::name::UserName;
use crate::registry::{Registry, WaitingSlot, others};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a login waits, in both hooks together.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The pause before the first retry, and the longest one; each is twice as long as the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// For how many milliseconds the account hook of this process has waited. The session hook takes it over.
/// With keyboard-interactive, sshd runs the account hook in another process, and the session hook starts
/// from 0.
static WAITED: AtomicU64 = AtomicU64::new(0);

/// How long one login has waited, and how long it may go on.
pub(super) struct Waiting {
    begun: Instant,
    pause: Duration,
    in_account: bool,
    slot: Option<WaitingSlot>,
}

/// What the account hook does about a refusal.
pub(super) enum Next {
    /// Check again.
    Retry,
    /// Let the login pass; the session hook waits and refuses.
    LeaveToSession,
    Refuse,
}

impl Waiting {
    pub(super) fn in_account() -> Self {
        WAITED.store(0, Ordering::Relaxed);
        Self::since(Duration::ZERO, true)
    }

    pub(super) fn in_session() -> Self {
        Self::since(Duration::from_millis(WAITED.swap(0, Ordering::Relaxed)), false)
    }

    fn since(waited: Duration, in_account: bool) -> Self {
        let now = Instant::now();
        Self { begun: now.checked_sub(waited).unwrap_or(now), pause: PAUSES.0, in_account, slot: None }
    }

    /// For how long the login has waited; `None` if it has not.
    pub(super) fn waited(&self) -> Option<Duration> {
        (self.pause > PAUSES.0).then(|| self.begun.elapsed())
    }

    /// Decides what the account hook does about a refusal, and waits before a retry.
    pub(super) fn next(&mut self, refusal: &Refusal) -> Next {
        if refusal.retry_when().is_none() {
            return Next::Refuse;
        }
        if application::counts_refusals() || !self.has_slot() {
            return Next::LeaveToSession;
        }
        if self.wait_for(refusal) { Next::Retry } else { Next::Refuse }
    }

    /// Waits until a refusal has passed. `false`: it does not pass, or not in time.
    pub(super) fn wait_for(&mut self, refusal: &Refusal) -> bool {
        let Some(condition) = refusal.retry_when() else { return false };
        let mut has_passed = false;
        while !has_passed {
            let left = TIMEOUT.saturating_sub(self.begun.elapsed());
            if left.is_zero() {
                break;
            }
            sleep(self.pause.min(left));
            self.pause = (self.pause * 2).min(PAUSES.1);
            has_passed = is_met(condition);
        }
        if self.in_account {
            let waited = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            WAITED.store(waited, Ordering::Relaxed);
        }
        has_passed
    }

    /// Takes a slot, if it has none. If none is free, or the registry fails, the session hook waits.
    fn has_slot(&mut self) -> bool {
        if self.slot.is_none() {
            self.slot = Registry::open().and_then(|registry| registry.waiting_slot()).ok().flatten();
        }
        self.slot.is_some()
    }
}

/// Whether it is worth trying again. If the registry fails, the next try reports that.
fn is_met(condition: RetryWhen<'_>) -> bool {
    let live = |user: &UserName| match Registry::existing() {
        Ok(Some(registry)) => registry.live(user),
        Ok(None) => Ok(Vec::new()),
        Err(refusal) => Err(refusal),
    };
    match condition {
        RetryWhen::SessionEnded { user, max } => {
            live(user).map_or(true, |live| u32::try_from(live.len()).is_ok_and(|live| live < max))
        }
        RetryWhen::SharedJailGone { user } => live(user).map_or(true, |live| !others(&live).here),
        RetryWhen::Nothing => true,
    }
}
