//! Makes the checks of a login, in its order. It changes nothing.
//!
//! The account hook, the session hook and the CLI's `check` all call [`examine`], so that `check`
//! reports what a login would do.

use super::granted;
use super::recorded_jail::{self, SessionCount};
use crate::account::{Account, MissingGroup};
use crate::config::{Config, Namespace, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::grants::{Circumstances, Grant};
use crate::jail::owner;
use crate::plan::{self, Check, CheckResult, Granted, Observer, Plan};
use crate::policy::{self, Decision, NotJailed};
use crate::registry::can_record;

/// Whether a user is a member.
#[must_use]
pub enum Membership {
    NotJailed {
        why: NotJailed,
        /// The user's name as NSS spells it.
        name: String,
    },
    /// With all that is needed to open the session.
    Member(Box<Member>),
}

/// A member, the profile that matches, and the plan of the jail.
pub struct Member {
    pub account: Account,
    pub profile: Profile,
    pub plan: Plan,
}

impl Member {
    /// Checks whether the user may have one more session beside the live ones. The answer may change at
    /// once: only a session that opens makes sure of it, and waits for it.
    pub fn check_sessions(&self, observe: Observer<'_>) -> Result<(), Refusal> {
        let counted = recorded_jail::check_room(&self.plan, self.profile.max_sessions);
        self.report(counted.and_then(|live| can_record(&self.plan.user).map(|()| live)), observe)
    }

    /// The same for a login, which no warning reaches: a record is tried only where its absence refuses the member.
    /// `counts_refusals`: then the session hook checks how many sessions there are, and which jail they have.
    pub(super) fn admit(&self, counts_refusals: bool) -> Result<(), Refusal> {
        // With another key, the session may get another jail.
        let mut counted = match counts_refusals || self.plan.is_undecided {
            true => recorded_jail::count(&self.plan.user),
            false => recorded_jail::check_room(&self.plan, self.profile.max_sessions),
        };
        if self.must_be_recorded() {
            counted = counted.and_then(|live| can_record(&self.plan.user).map(|()| live));
        }
        counted = counted.and_then(|live| self.check_owners().map(|()| live));
        if self.plan.namespace() == Namespace::Host {
            counted = counted.and_then(|live| self.can_make_directory(&live).map(|()| live));
        }
        self.report(counted, &mut |_, _| {})
    }

    /// Whether the directory of a jail in the host's namespace can be made, unless live sessions share theirs. A jail
    /// root that is missing is not made for that.
    fn can_make_directory(&self, live: &SessionCount) -> Result<(), Refusal> {
        match live.has_jail_here() || !self.plan.jail_root.is_there() {
            true => Ok(()),
            false => self.plan.jail_root.try_directory(),
        }
    }

    fn report(&self, counted: Result<SessionCount, Refusal>, observe: Observer<'_>) -> Result<(), Refusal> {
        match counted {
            Ok(live) => observe(Check::Sessions, CheckResult::Passed(&live)),
            Err(refusal @ Refusal::Registry { .. }) if !self.must_be_recorded() => {
                let evidence = format!(
                    "{refusal}. A login goes on, but `sftpjail list` and `kick` do not know its session"
                );
                observe(Check::Sessions, CheckResult::Warned(&evidence, &|| refusal.fix()));
            }
            Err(refusal) => {
                observe(Check::Sessions, CheckResult::Failed(&refusal));
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Whether the filesystems of folders with an owner can show another account's files as the user's.
    pub fn check_owners(&self) -> Result<(), Refusal> {
        owner::try_all(&self.plan)
    }

    /// Whether other sessions rely on the record of this one, or an admin who ends what a grant gives.
    pub fn must_be_recorded(&self) -> bool {
        let has_grants = !self.plan.grants().is_empty();
        self.plan.namespace() == Namespace::Host || self.profile.max_sessions.is_some() || has_grants
    }
}

/// Looks up the user `name`, decides, and makes the plan. The observer gets the result of every check. `login`: what
/// is known of the login that asks for grants.
pub fn examine(
    config: &Config,
    name: &str,
    login: &Circumstances<'_>,
    observe: Observer<'_>,
) -> Result<Membership, Refusal> {
    examine_granted(config, name, login, |account| granted::of(&account.user_name()?), observe)
}

/// The same with these grants in place of those in the user's file.
pub fn examine_with(
    config: &Config,
    name: &str,
    login: &Circumstances<'_>,
    grants: &[Grant],
    observe: Observer<'_>,
) -> Result<Membership, Refusal> {
    examine_granted(config, name, login, |_| Ok(grants.to_vec()), observe)
}

fn examine_granted(
    config: &Config,
    name: &str,
    login: &Circumstances<'_>,
    granted: impl FnOnce(&Account) -> Result<Vec<Grant>, Refusal>,
    observe: Observer<'_>,
) -> Result<Membership, Refusal> {
    let account = match Account::lookup(name, config) {
        Ok(account) => account,
        Err(refusal) => {
            observe(Check::Account, CheckResult::Failed(&refusal));
            return Err(refusal);
        }
    };
    observe(
        Check::Account,
        CheckResult::Passed(&format_args!("{} (uid {})", escaped(&account.name), account.uid)),
    );
    for group in &account.unknown_groups {
        let missing = MissingGroup(group);
        observe(Check::Profile, CheckResult::Warned(&missing, &|| missing.fix()));
    }
    let used = match policy::decide(config, &account) {
        Decision::NotJailed(why) => return Ok(Membership::NotJailed { why, name: account.name }),
        Decision::Refuse(refusal) => {
            observe(Check::Name, CheckResult::Failed(&refusal));
            return Err(refusal);
        }
        Decision::Jail { used, .. } => used,
    };
    let groups = used.groups.iter().map(|group| escaped(group).to_string()).collect::<Vec<_>>().join(", ");
    let profile = used.profile.clone();
    observe(
        Check::Profile,
        CheckResult::Passed(&format_args!("{}, as a member of {groups}", escaped(&profile.name))),
    );
    let grants =
        granted(&account).inspect_err(|refusal| observe(Check::Grant, CheckResult::Failed(refusal)))?;
    let plan = plan::make(config, &profile, &account, Granted { grants: &grants, login }, observe)?;
    Ok(Membership::Member(Box::new(Member { account, profile, plan })))
}
