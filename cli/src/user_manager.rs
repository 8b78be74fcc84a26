//! `sftpjail user-manager`: whether systemd may start a user manager. Never for a member: it would run, outside of the
//! jail, what the member's own files say.
//!
//! The drop-in of user@.service asks this at every start of a user manager. It answers with its exit status, and
//! explains a refusal in the log.

use crate::desired::drop_in::SKIP;
use crate::host::accounts::{Accounts, is_complete};
use nix::unistd::{Uid, setgroups};
use pam_sftpjail::account::{Account, in_etc_group};
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::error::Phase;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::log::Log;
use pam_sftpjail::nss::User;
use pam_sftpjail::policy::{Decision, NotJailed, decide};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The service in the log entries: the one by which PAM knows a user manager.
const SERVICE: &str = "systemd-user";

/// How long to wait for an answer of NSS. systemd itself would wait for 90 s, and the login with it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Exit status: 0 the manager may start, [`SKIP`] it may not. `user`: the instance of user@.service, a uid or a name.
/// `groups`: their members get no manager, whatever the configuration says. Where it cannot be read, they alone decide.
pub(crate) fn run(config: Option<&Path>, user: &str, groups: Vec<String>) -> ExitCode {
    if user == "0" {
        return ExitCode::SUCCESS;
    }
    // systemd runs this as root, but with the user's groups. Only root can drop them.
    let _ = setgroups(&[]);
    let (asked, path) = (user.to_owned(), config.map(Path::to_owned));
    let (answer, answered) = mpsc::channel();
    // The thread may wait for ever. It ends with the process.
    thread::spawn(move || answer.send(is_member(path, &asked, &groups)));
    let why = match answered.recv_timeout(TIMEOUT) {
        Ok(Ok(false)) => return ExitCode::SUCCESS,
        Ok(Ok(true)) => return SKIP.into(),
        Ok(Err(why)) => why,
        Err(_) => explained(
            &format_args!("there was no answer within {} s", TIMEOUT.as_secs()),
            "see that NSS answers (getent passwd)",
        ),
    };
    log().notice(format_args!("no user manager for user {}, who may be a member: {why}", escaped(user)));
    SKIP.into()
}

fn log() -> Log {
    Log::new(SERVICE, Phase::Session, false)
}

/// Whether any account with this uid is a member's. `Err`: that could not be found out, why, and the fix.
fn is_member(path: Option<PathBuf>, user: &str, groups: &[String]) -> Result<bool, String> {
    // If its files cannot be read, NSS is asked instead.
    let local = Accounts::of_this_host().unwrap_or_default();
    let by_name = || User::by_name(user).map_err(|error| explained(&error, error.fix()));
    let uid = match user.parse().ok().or_else(|| local.uid_of(user)) {
        Some(uid) => uid,
        None => by_name()?.ok_or("NSS knows no such user")?.uid.as_raw(),
    };
    if uid == 0 {
        return Ok(false);
    }
    let policy = Policy::load(path, groups);
    if policy.exempts(uid, &local)? {
        return Ok(false);
    }
    let user = User::by_uid(Uid::from_raw(uid)).map_err(|error| explained(&error, error.fix()))?;
    let user = user.ok_or("NSS knows no such user")?;
    let accounts =
        Accounts::list().map_err(|error| explained(&error, "see that NSS answers (getent passwd)"))?;
    let mut names: BTreeSet<&str> = accounts.names_of(uid).collect();
    names.insert(&user.name);
    let mut all_are_exempt = true;
    for name in names {
        match policy.decide(name)? {
            Some(why) => all_are_exempt &= why == NotJailed::Exempt,
            None => return Ok(true),
        }
    }
    // An NSS service that does not answer may know another account with this uid.
    if !all_are_exempt {
        is_complete().map_err(|error| explained(&error, error.fix()))?;
    }
    Ok(false)
}

/// The explanation for the log.
fn explained(why: &dyn Display, fix: impl Display) -> String {
    format!("{why}; fix: {fix}")
}

/// Who is a member: by the configuration and by the drop-in.
struct Policy<'g> {
    config: Config,
    /// The groups that the drop-in names.
    groups: &'g [String],
    /// Whether there is a configuration that can be read; without one, the drop-in alone decides.
    has_file: bool,
}

impl<'g> Policy<'g> {
    /// With a broken configuration, users in one of `groups` get no manager, and everybody else does.
    fn load(path: Option<PathBuf>, groups: &'g [String]) -> Self {
        // The configuration may be missing only at its usual path.
        let path = path.filter(|path| path != Path::new(DEFAULT_PATH));
        let has_file = path.is_some() || Path::new(DEFAULT_PATH).exists();
        let (mut config, has_file) = match Config::load(path.as_deref()) {
            Ok(config) => (config, has_file),
            Err(error) => {
                log().critical(format_args!(
                    "until this is fixed, members are the users in the groups that user@.service names: {error}; \
                     fix: {}",
                    error.fix()
                ));
                let mut config = Config::default();
                config.profiles.iter_mut().filter(|_| !groups.is_empty()).for_each(|p| p.groups.clear());
                (config, false)
            }
        };
        // It does not matter here which profile a member has.
        if let Some(profile) = config.profiles.first_mut() {
            profile.groups.extend_from_slice(groups);
        }
        Self { config, groups, has_file }
    }

    /// Whether every account with this uid in the host's own files is exempt. An admin of this host does not wait for a
    /// directory service.
    fn exempts(&self, uid: u32, local: &Accounts) -> Result<bool, String> {
        let groups = &self.config.exempt_groups;
        let mut entries = local.entries_of(uid).peekable();
        if groups.is_empty() || entries.peek().is_none() {
            return Ok(false);
        }
        for (name, gid) in entries {
            if in_etc_group(groups, name, gid).map_err(|error| explained(&error, error.fix()))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Why the account with this name is no member's; `None` for a member's.
    fn decide(&self, name: &str) -> Result<Option<NotJailed>, String> {
        // An account that NSS lists and does not know by its name is an error, too: its name may not be UTF-8.
        let account = Account::lookup(name, &self.config).map_err(|why| explained(&why, why.fix()))?;
        match decide(&self.config, &account) {
            Decision::Jail { .. } => Ok(None),
            Decision::Refuse(refusal) => Err(explained(&refusal, refusal.fix())),
            Decision::NotJailed(NotJailed::NoProfile) if !self.has_file => {
                match self.groups.iter().find(|group| account.unknown_groups.contains(group)) {
                    // The group may have been renamed.
                    Some(group) => Err(explained(
                        &format_args!(
                            "there is no configuration, and no group {}, which user@.service names",
                            escaped(group)
                        ),
                        "sftpjail setup",
                    )),
                    None => Ok(Some(NotJailed::NoProfile)),
                }
            }
            Decision::NotJailed(why) => Ok(Some(why)),
        }
    }
}
