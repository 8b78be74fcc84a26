//! authorize · open · close: the only place that composes the stages.
#![forbid(unsafe_code)]

use crate::account::Account;
use crate::config::{Config, ConfigError, Profile};
use crate::error::Refusal;
use crate::escape::{escaped, word};
use crate::jail::Jail;
use crate::log::Log;
use crate::plan::{self, Check, Observer, Plan, Seen};
use crate::policy::{self, Decision, NotJailed};
use crate::sys::umask;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a hook knows of the login.
pub(crate) struct Caller<'a> {
    /// PAM_SERVICE
    pub service: &'a str,
    /// PAM_USER, as typed.
    pub login: &'a OsStr,
    /// PAM_RHOST
    pub remote: Option<&'a OsStr>,
    pub arguments: Arguments,
    pub log: Log,
}

/// The arguments of the module's line in the PAM configuration.
pub(crate) struct Arguments {
    /// Without `config=`: the default path, where the file may be missing.
    pub config: Option<PathBuf>,
    pub debug: bool,
    /// The first that is not known, escaped. Members are refused then: half-understood rules must
    /// not let them in. Nobody else is, for a typo must not lock the admin out.
    pub unknown: Option<String>,
}

impl Arguments {
    /// `config=PATH` and `debug`.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut arguments = Self { config: None, debug: false, unknown: None };
        for word in words {
            match (word, word.strip_prefix(b"config=")) {
                (b"debug", _) => arguments.debug = true,
                (_, Some(path)) => arguments.config = Some(OsStr::from_bytes(path).into()),
                _ => {
                    let word = escaped(OsStr::from_bytes(word)).to_string();
                    arguments.unknown.get_or_insert(word);
                }
            }
        }
        arguments
    }
}

/// Where a user stands.
#[must_use]
pub enum Standing {
    NotJailed(NotJailed),
    /// With all that is needed to open the session.
    Member(Box<Member>),
}

/// A user who is jailed, and how.
pub struct Member {
    pub account: Account,
    pub profile: Profile,
    pub plan: Plan,
}

/// Puts the questions of a login, in its order. The account hook, the session hook and the command
/// line's `check` all call this.
pub fn examine(config: &Config, login: &str, observe: Observer<'_>) -> Result<Standing, Refusal> {
    let account = match Account::lookup(login, config.groups()) {
        Ok(account) => account,
        Err(refusal) => {
            observe(Check::Account, Seen::Failed(&refusal));
            return Err(refusal);
        }
    };
    observe(Check::Account, Seen::Passed(&format_args!("{} (uid {})", escaped(&account.name), account.uid)));
    for group in &account.unknown_groups {
        let evidence = format!("a profile is for the group {}, which does not exist", escaped(group));
        let cure = format!("groupadd {}, or correct the configuration", word(group));
        observe(Check::Profile, Seen::Warned(&evidence, &cure));
    }
    let profile = match policy::decide(config, &account) {
        Decision::NotJailed(why) => return Ok(Standing::NotJailed(why)),
        Decision::Refuse(refusal) => {
            observe(Check::Name, Seen::Failed(&refusal));
            return Err(refusal);
        }
        Decision::Jail(profile) => profile.clone(),
    };
    let groups = account.member_of.iter().map(|g| escaped(g).to_string()).collect::<Vec<_>>().join(", ");
    observe(
        Check::Profile,
        Seen::Passed(&format_args!("{}, as a member of {groups}", escaped(&profile.name))),
    );
    let plan = plan::make(config, &profile, &account, observe)?;
    Ok(Standing::Member(Box::new(Member { account, profile, plan })))
}

/// The account hook: whether a member's jail can be built. `None`: not our business.
pub(crate) fn authorize(caller: &Caller<'_>) -> Result<Option<()>, Refusal> {
    match standing(caller) {
        Ok(member) => Ok(member.map(drop)),
        Err(refusal) => Err(refused(caller, refusal)),
    }
}

/// A session in its jail.
pub(crate) struct Session {
    jail: Jail,
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
    let opened = Instant::now();
    let build = |member: Member| {
        let who = format!("{}(uid={})", escaped(&member.account.name), member.account.uid);
        let jail = Jail::build(member.plan.furnished(&member.profile, &member.account))?;
        let umask = member.profile.umask.map(umask::set);
        caller.log.info(format_args!(
            "session opened for user {who}: home={} rhost={} profile={} us={}",
            escaped(&member.account.home),
            caller.remote_shown(),
            escaped(&member.profile.name),
            opened.elapsed().as_micros()
        ));
        Ok(Session { jail, umask, opened, who })
    };
    if live {
        return Err(refused(caller, Refusal::AlreadyOpen));
    }
    match standing(caller) {
        Ok(None) => Ok(None),
        Ok(Some(member)) => build(member).map(Some).map_err(|refusal| refused(caller, refusal)),
        Err(refusal) => Err(refused(caller, refusal)),
    }
}

/// Takes the jail down and brings the process back to the host's namespace.
pub(crate) fn close(session: Session, log: &Log) {
    let lasted = session.opened.elapsed();
    session.umask.map(umask::set);
    match session.jail.dismantle() {
        Ok(()) => log.info(format_args!(
            "session closed for user {}: duration={}.{:03}s",
            session.who,
            lasted.as_secs(),
            lasted.subsec_millis()
        )),
        Err(error) => log.error(format_args!(
            "closing the session of user {}: {error}; cure: {}",
            session.who,
            error.cure()
        )),
    }
}

impl Caller<'_> {
    fn remote_shown(&self) -> String {
        self.remote.map_or_else(|| "none".to_owned(), |remote| escaped(remote).to_string())
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
                "no jail is built, so that sshd refuses whoever it is told to chroot, until this is mended: {error}"
            ));
            return Ok(None);
        }
    };
    if !config.services.iter().any(|service| service == caller.service) {
        return Ok(None);
    }
    if let Some(argument) = &caller.arguments.unknown {
        let refusal = Refusal::Argument { argument: argument.clone() };
        log.error(format_args!("{refusal}; cure: {}", refusal.cure()));
    }
    let login = caller.login.to_str().ok_or(Refusal::LoginName { why: "not UTF-8" })?;
    let mut observe = |check: Check, seen: Seen<'_>| match seen {
        Seen::Passed(evidence) => log.debug(format_args!("{check}: {evidence}")),
        // Whom the profile is meant for would pass as a stranger.
        Seen::Warned(evidence, cure) if check == Check::Profile => {
            log.error(format_args!("{evidence}; cure: {cure}"));
        }
        Seen::Warned(evidence, cure) => log.debug(format_args!("{check}: {evidence}; cure: {cure}")),
        Seen::Failed(refusal) => log.debug(format_args!("{check}: failed: {refusal}")),
    };
    match examine(&config, login, &mut observe)? {
        Standing::NotJailed(why) => {
            log.debug(format_args!("user {} is not jailed: {why}", escaped(login)));
            Ok(None)
        }
        Standing::Member(member) => match &caller.arguments.unknown {
            None => Ok(Some(*member)),
            Some(argument) => Err(Refusal::Argument { argument: argument.clone() }),
        },
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

fn refused(caller: &Caller<'_>, refusal: Refusal) -> Refusal {
    caller.log.notice(format_args!(
        "refused user {} rhost={}: {refusal}; cure: {}",
        escaped(caller.login),
        caller.remote_shown(),
        refusal.cure()
    ));
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Arguments {
        Arguments::parse(words.iter().map(|w| w.as_bytes()))
    }

    #[test]
    fn the_arguments_are_config_and_debug() {
        let none = parse(&[]);
        assert!(none.config.is_none() && !none.debug && none.unknown.is_none());
        let all = parse(&["debug", "config=/etc/other.toml"]);
        assert_eq!(all.config.as_deref(), Some(Path::new("/etc/other.toml")));
        assert!(all.debug && all.unknown.is_none());
    }

    #[test]
    fn anything_else_is_remembered_escaped() {
        assert_eq!(parse(&["debug", "confg=/x", "y"]).unknown.as_deref(), Some("\"confg=/x\""));
        assert_eq!(parse(&["Debug"]).unknown.as_deref(), Some("Debug"));
        assert_eq!(parse(&["\n"]).unknown.as_deref(), Some("\"\\x0a\""));
    }
}
