//! Whether systemd may run a user manager for a uid: never for a member's, as it would run outside of the
//! jail what the member's own files say. The drop-in of user@.service asks this.

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

/// As the service by which PAM knows a user manager.
const SERVICE: &str = "systemd-user";

/// systemd itself would wait for 90 s, and so would the login.
const PATIENCE: Duration = Duration::from_secs(10);

/// Exit status: 0 it may, [`SKIP`] it may not. `whom`: the instance of user@.service, a uid or a name. `groups`:
/// whose members get none, whatever the configuration says; and those that count where it cannot be read.
pub(crate) fn run(config: Option<&Path>, whom: &str, groups: Vec<String>) -> ExitCode {
    if whom == "0" {
        return ExitCode::SUCCESS;
    }
    // systemd gives this the user's groups, though it is root. Only root can drop them.
    let _ = setgroups(&[]);
    let (asked, path) = (whom.to_owned(), config.map(Path::to_owned));
    let (answer, answered) = mpsc::channel();
    // It may never end, and then ends with the process.
    thread::spawn(move || answer.send(is_member(path, &asked, &groups)));
    let why = match answered.recv_timeout(PATIENCE) {
        Ok(Ok(false)) => return ExitCode::SUCCESS,
        Ok(Ok(true)) => return SKIP.into(),
        Ok(Err(why)) => why,
        Err(_) => told(
            &format_args!("there was no answer within {} s", PATIENCE.as_secs()),
            "see that NSS answers (getent passwd)",
        ),
    };
    log().notice(format_args!("no user manager for user {}, who may be a member: {why}", escaped(whom)));
    SKIP.into()
}

fn log() -> Log {
    Log::new(SERVICE, Phase::Session, false)
}

/// Whether any name of the uid is a member's. An error is no answer.
fn is_member(path: Option<PathBuf>, whom: &str, groups: &[String]) -> Result<bool, String> {
    // What cannot be read there, NSS is asked for.
    let local = Accounts::of_this_host().unwrap_or_default();
    let by_name = || User::by_name(whom).map_err(|error| told(&error, &error.fix()));
    let uid = match whom.parse().ok().or_else(|| local.uid_of(whom)) {
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
    let user = User::by_uid(Uid::from_raw(uid)).map_err(|error| told(&error, &error.fix()))?;
    let user = user.ok_or("NSS knows no such user")?;
    let people = Accounts::list().map_err(|error| told(&error, "see that NSS answers (getent passwd)"))?;
    let mut names: BTreeSet<&str> = people.names_of(uid).collect();
    names.insert(&user.name);
    let mut all_are_exempt = true;
    for name in names {
        match policy.decide(name)? {
            Some(why) => all_are_exempt &= why == NotJailed::Exempt,
            None => return Ok(true),
        }
    }
    // A service that does not answer may know another name of the uid.
    if !all_are_exempt {
        is_complete().map_err(|error| told(&error, &error.fix()))?;
    }
    Ok(false)
}

fn told(why: &dyn Display, fix: &str) -> String {
    format!("{why}; fix: {fix}")
}

/// Who are members: by the configuration, and by the drop-in.
struct Policy<'g> {
    config: Config,
    /// Of the drop-in.
    groups: &'g [String],
    /// Whether there is a configuration to go by, and not only the drop-in.
    has_file: bool,
}

impl<'g> Policy<'g> {
    /// A broken configuration takes no manager from an admin, and gives none to whoever is in one of `groups`.
    fn load(path: Option<PathBuf>, groups: &'g [String]) -> Self {
        // Only that of the usual place may be missing.
        let path = path.filter(|path| path != Path::new(DEFAULT_PATH));
        let has_file = path.is_some() || Path::new(DEFAULT_PATH).exists();
        let (mut config, has_file) = match Config::load(path.as_deref()) {
            Ok(config) => (config, has_file),
            Err(error) => {
                log().critical(format_args!(
                    "members are those of the groups that user@.service names, until this is fixed: {error}"
                ));
                let mut config = Config::default();
                config.profiles.iter_mut().filter(|_| !groups.is_empty()).for_each(|p| p.groups.clear());
                (config, false)
            }
        };
        // Which profile somebody would have is not asked here.
        if let Some(profile) = config.profiles.first_mut() {
            profile.groups.extend_from_slice(groups);
        }
        Self { config, groups, has_file }
    }

    /// Whether every name that this host's own files have for the uid is exempt: an admin of the host's own waits
    /// for no directory.
    fn exempts(&self, uid: u32, local: &Accounts) -> Result<bool, String> {
        let groups = &self.config.exempt_groups;
        let mut entries = local.entries_of(uid).peekable();
        if groups.is_empty() || entries.peek().is_none() {
            return Ok(false);
        }
        for (name, gid) in entries {
            if in_etc_group(groups, name, gid).map_err(|error| told(&error, &error.fix()))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Why the user of this name is no member; `None` for a member.
    fn decide(&self, name: &str) -> Result<Option<NotJailed>, String> {
        // Not even of a name that was listed and is unknown now: it may be one that is not UTF-8.
        let account = Account::lookup(name, &self.config).map_err(|why| told(&why, &why.fix()))?;
        match decide(&self.config, &account) {
            Decision::Jail(_) => Ok(None),
            Decision::Refuse(refusal) => Err(told(&refusal, &refusal.fix())),
            Decision::NotJailed(NotJailed::NoProfile) if !self.has_file => {
                match self.groups.iter().find(|group| account.unknown_groups.contains(group)) {
                    // It may have another name now.
                    Some(group) => Err(told(
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
