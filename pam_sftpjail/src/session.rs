//! authorize · open · close: the only place that composes the stages.
#![forbid(unsafe_code)]

mod caller;
mod presence;
mod refused;
mod waiting;

use crate::account::Account;
use crate::config::{Config, ConfigError, Namespace, Profile};
use crate::error::Refusal;
use crate::escape::{escaped, word};
use crate::log::Log;
use crate::name::UserName;
use crate::nss::User;
use crate::plan::{self, Check, CheckResult, Observer, Plan};
use crate::policy::{self, Decision, NotJailed};
use crate::program;
use crate::reap::{self, Found};
use crate::registry::{Record, Registry};
use crate::sys::umask;
pub(crate) use caller::Caller;
pub use caller::{Arguments, SessionLine};
use presence::{Count, Presence};
pub(crate) use refused::{Refused, keep};
use std::path::Path;
use std::time::{Instant, SystemTime};
use waiting::{Patience, Turn, seconds};

/// Where a user stands.
#[must_use]
pub enum Membership {
    NotJailed {
        why: NotJailed,
        /// As NSS spells it.
        name: String,
    },
    /// With all that is needed to open the session.
    Member(Box<Member>),
}

/// A user who is jailed, and how.
pub struct Member {
    pub account: Account,
    pub profile: Profile,
    pub plan: Plan,
}

impl Member {
    /// Whether there is room for one more session of the user beside those that are live. Only a
    /// session that opens makes sure of it, and waits for it.
    pub fn check_sessions(&self, observe: Observer<'_>) -> Result<(), Refusal> {
        self.told(presence::look(&self.plan, self.profile.max_sessions), observe)
    }

    /// Whether sessions can be counted where somebody relies on it.
    fn check_registry(&self) -> Result<(), Refusal> {
        self.told(presence::count(&self.plan.user), &mut |_, _| {})
    }

    fn told(&self, counted: Result<Count, Refusal>, observe: Observer<'_>) -> Result<(), Refusal> {
        match counted {
            Ok(live) => observe(Check::Sessions, CheckResult::Passed(&live)),
            Err(refusal @ Refusal::Registry { .. }) if !self.must_be_recorded() => {
                observe(Check::Sessions, CheckResult::Warned(&refusal, &refusal.fix()));
            }
            Err(refusal) => {
                observe(Check::Sessions, CheckResult::Failed(&refusal));
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Whether others rely on the record of the session.
    fn must_be_recorded(&self) -> bool {
        self.plan.namespace() == Namespace::Host || self.profile.max_sessions.is_some()
    }
}

/// Puts the questions of a login, in its order. The account hook, the session hook and the command
/// line's `check` all call this.
pub fn examine(config: &Config, login: &str, observe: Observer<'_>) -> Result<Membership, Refusal> {
    let account = match Account::lookup(login, config) {
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
        let evidence = format!("a profile is for the group {}, which does not exist", escaped(group));
        let fix = format!("groupadd {}, or correct the configuration", word(group));
        observe(Check::Profile, CheckResult::Warned(&evidence, &fix));
    }
    let profile = match policy::decide(config, &account) {
        Decision::NotJailed(why) => return Ok(Membership::NotJailed { why, name: account.name }),
        Decision::Refuse(refusal) => {
            observe(Check::Name, CheckResult::Failed(&refusal));
            return Err(refusal);
        }
        Decision::Jail(profile) => profile.clone(),
    };
    let groups = account.member_of.iter().map(|g| escaped(g).to_string()).collect::<Vec<_>>().join(", ");
    observe(
        Check::Profile,
        CheckResult::Passed(&format_args!("{}, as a member of {groups}", escaped(&profile.name))),
    );
    let plan = plan::make(config, &profile, &account, observe)?;
    Ok(Membership::Member(Box::new(Member { account, profile, plan })))
}

/// The account hook: whether a member's jail can be built. `None`: not our business.
pub(crate) fn authorize(caller: &Caller<'_>) -> Result<Option<()>, Refusal> {
    let mut patience = Patience::in_account();
    let check = |member: Member| match program::counts_refusals() {
        // How many there are, and with which jail, is for the session hook to judge.
        true => member.check_registry(),
        false => member.check_sessions(&mut |_, _| {}),
    };
    loop {
        let checked = standing(caller).and_then(|member| member.map(check).transpose());
        let Err(refusal) = checked else { return checked };
        match patience.turn(&refusal) {
            Turn::Ask => {}
            Turn::Pass => return Ok(Some(())),
            Turn::Refuse => return Err(caller.refused(refusal, patience.waited())),
        }
    }
}

/// A session in its jail.
pub(crate) struct Session {
    presence: Presence,
    /// The service's own, if the profile has another. Set back by close only: a forked child that
    /// drops its copy of this must keep the profile's.
    umask: Option<u32>,
    opened: Instant,
    /// For the closing line.
    who: String,
}

/// The session hook: builds the jail. `None`: not our business. `live`: a session is open on this
/// handle already, and a jail inside a jail is nobody's wish.
pub(crate) fn open(caller: &Caller<'_>, live: bool) -> Result<Option<Session>, Refusal> {
    if live {
        return Err(caller.refused(Refusal::AlreadyOpen, None));
    }
    let mut patience = Patience::in_session();
    loop {
        let begun = Instant::now();
        let build = |member| build(caller, member, begun);
        match standing(caller).and_then(|member| member.map(build).transpose()) {
            Err(refusal) if patience.outlasts(&refusal) => {}
            // sshd goes on, and its child ends instead of running anything (session.c: do_child).
            Err(refusal) => return Err(caller.refused(refusal, patience.waited())),
            Ok(opened) => {
                if let Some(waited) = patience.waited() {
                    let user = escaped(caller.login);
                    caller.log.info(format_args!("user {user} waited {} for a place", seconds(waited)));
                }
                return Ok(opened);
            }
        }
    }
}

/// `begun`: when the look at the login did, which is counted as well.
fn build(caller: &Caller<'_>, member: Member, begun: Instant) -> Result<Session, Refusal> {
    let record = record(caller, &member);
    let must_be_recorded = member.must_be_recorded();
    let Member { account, profile, plan } = member;
    let who = format!("{}(uid={})", escaped(&account.name), account.uid);
    let plan = plan.with_listings(&profile, &account);
    let presence = Presence::begin(plan, &record, profile.max_sessions, must_be_recorded, &caller.log)?;
    let umask = profile.umask.map(umask::set);
    caller.log.info(format_args!(
        "session opened for user {who}: home={} rhost={} profile={} setup_us={}",
        escaped(&account.home),
        caller.remote_shown(),
        escaped(&profile.name),
        begun.elapsed().as_micros()
    ));
    Ok(Session { presence, umask, opened: begun, who })
}

fn record(caller: &Caller<'_>, member: &Member) -> Record {
    let Member { account, profile, plan } = member;
    Record {
        version: Record::VERSION,
        user: account.name.clone(),
        uid: account.uid.as_raw(),
        pid: std::process::id(),
        since: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()),
        rhost: caller.remote_shown(),
        service: caller.service.to_owned(),
        profile: profile.name.clone(),
        namespace: plan.namespace(),
        jail: escaped(&plan.jail_root.path().join(&plan.user)).to_string(),
        home: escaped(&account.home).to_string(),
        authentication: caller.methods(),
        refused: false,
    }
}

/// Ends the session, and brings the process back to the host's namespace if it left that.
pub(crate) fn close(session: Session, log: &Log) {
    let lasted = session.opened.elapsed();
    session.umask.map(umask::set);
    match session.presence.end() {
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

/// The member, or `None` where the module has no business with the login.
fn standing(caller: &Caller<'_>) -> Result<Option<Member>, Refusal> {
    let log = &caller.log;
    let config = match load(caller.arguments.config.as_deref()) {
        Ok(config) => config,
        Err(Unusable::Exhausted(refusal)) => return Err(refusal),
        Err(Unusable::Invalid(error)) => {
            log.critical(format_args!(
                "no jail is built, so that sshd refuses whoever it is told to chroot, until this is fixed: {error}"
            ));
            return if is_known_in_host(caller)? { Err(Refusal::Unconfigured) } else { Ok(None) };
        }
    };
    if !config.services.iter().any(|service| service == caller.service) {
        return Ok(None);
    }
    if let Some(argument) = &caller.arguments.unknown {
        let refusal = Refusal::Argument { argument: argument.clone() };
        log.error(format_args!("{refusal}; fix: {}", refusal.fix()));
    }
    let login = caller.login.to_str().ok_or(Refusal::LoginName { why: "not UTF-8" })?;
    let mut observe = |check: Check, seen: CheckResult<'_>| match seen {
        CheckResult::Passed(evidence) => log.debug(format_args!("{check}: {evidence}")),
        // Whom the profile is meant for would pass as a stranger; and a member would look for the volume.
        CheckResult::Warned(evidence, fix) if matches!(check, Check::Profile | Check::Volume) => {
            log.error(format_args!("{evidence}; fix: {fix}"));
        }
        CheckResult::Warned(evidence, fix) => log.debug(format_args!("{check}: {evidence}; fix: {fix}")),
        CheckResult::Failed(refusal) => log.debug(format_args!("{check}: failed: {refusal}")),
    };
    match examine(&config, login, &mut observe)? {
        Membership::NotJailed { why, name } => {
            log.debug(format_args!("user {} is not jailed: {why}", escaped(login)));
            // sshd may still chroot the user, whom the module ignores.
            if let Ok(user) = UserName::parse(&name)
                && Registry::knows_host(&user) == Ok(true)
            {
                match reap::take_down(&config, &user) {
                    Ok(Found::Nothing | Found::Left) => {}
                    Ok(Found::InUse) => log.error(format_args!(
                        "user {user} is not jailed any more ({why}), and has sessions whose jail is still there: if \
                         sshd chroots the user, it serves this login from that jail, and no record says so; \
                         fix: sftpjail kick {}",
                        word(&user)
                    )),
                    Err(refusal) => log.error(format_args!("{refusal}; fix: {}", refusal.fix())),
                }
            }
            Ok(None)
        }
        Membership::Member(member) => match &caller.arguments.unknown {
            None => Ok(Some(*member)),
            Some(argument) => Err(Refusal::Argument { argument: argument.clone() }),
        },
    }
}

/// Whether a jail of the host's namespace may be mounted for the user, in which sshd would serve whom
/// the module ignores.
fn is_known_in_host(caller: &Caller<'_>) -> Result<bool, Refusal> {
    let user = caller.login.to_str().map_or(Ok(None), User::by_name)?;
    // Whose name can be none of a jail has none.
    match user.map(|user| UserName::parse(&user.name)) {
        Some(Ok(user)) => Registry::knows_host(&user).map_err(|errno| Refusal::Sessions { errno }),
        Some(Err(_)) | None => Ok(false),
    }
}

enum Unusable {
    /// Says nothing about the file, so nobody may be let through because of it.
    Exhausted(Refusal),
    Invalid(ConfigError),
}

fn load(path: Option<&Path>) -> Result<Config, Unusable> {
    Config::load(path).map_err(|error| match error.exhaustion() {
        Some(errno) => Unusable::Exhausted(Refusal::Exhausted { errno }),
        None => Unusable::Invalid(error),
    })
}
