//! Adds the account for which a grant is meant, and removes it again if the grant comes to nothing: after a check that
//! refuses the login, ctrl-C, or an error while the files are written. The system's own tools do both.
//!
//! Only what ends this program at once (SIGKILL, a power cut) leaves an account without a grant: it has no password, no
//! key and nothing that it may see, and the next run of the same command uses it.

use crate::desired::guests::{NO_HOME, UNCOMMENTED, is_for_guests, is_without_home};
use crate::host::accounts::Accounts;
use crate::host::{accounts, programs};
use crate::report::Error;
use crate::writing::signals;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::{Group, User};
use pam_sftpjail::policy::{Decision, decide};

/// Whether a user has grants and nothing else. One of whom that is unknown is no guest.
pub(super) fn is_guest(user: &UserName, config: &Config) -> bool {
    Account::lookup(user.as_str(), config).is_ok_and(|account| match decide(config, &account) {
        Decision::Jail { used, .. } => is_for_guests(used.profile),
        Decision::NotJailed(_) | Decision::Refuse(_) => false,
    })
}

/// How to remove the account of a guest to whom nothing is granted any more. `None`: it has a home, which those of
/// `grant --create` have not, or is not one of this host's own.
pub(super) fn removal(user: &UserName, config: &Config) -> Option<Fix> {
    let is_own = || Accounts::of_this_host().is_ok_and(|all| all.uid_of(user.as_str()).is_some());
    let is_removable = is_without_home(user.as_str()) && is_guest(user, config) && is_own();
    is_removable.then(|| {
        let remove = Command::new("userdel").arg(Name(user.as_str()));
        Fix::from(remove).explained("if nobody needs it any more")
    })
}

/// An account that is to be added.
pub(super) struct NewAccount {
    name: UserName,
    pub(super) group: String,
}

/// The error: there is no such account. It says which one may be meant.
/// `otherwise`: the fix where none is similar.
pub(super) fn missing(user: &str, otherwise: &str) -> Result<Option<Error>, Error> {
    if User::by_name(user)?.is_some() {
        return Ok(None);
    }
    let meant = accounts::suggested(user).map(|other| format!("did you mean {}?", escaped(&other)));
    let fix = meant.unwrap_or_else(|| otherwise.to_owned());
    Ok(Some(Error::new(format!("there is no account {}", escaped(user)), fix)))
}

impl NewAccount {
    /// `None`: the account exists. `create`: whether it may be added.
    pub(super) fn find(user: &str, create: bool, config: &Config) -> Result<Option<Self>, Error> {
        let Some(missing) = missing(user, "use --create to add it")? else { return Ok(None) };
        if !create {
            return Err(missing);
        }
        let name = UserName::parse(user).map_err(|why| {
            Error::new(format!("the login name {} {why}", escaped(user)), "choose another name")
        })?;
        let Some(profile) = config.profiles.iter().find(|profile| is_for_guests(profile)) else {
            return Err(Error::new(
                "the configuration has no profile for guests, who see what is granted to them and nothing else",
                UNCOMMENTED,
            ));
        };
        for group in &profile.groups {
            if Group::by_name(group)?.is_some() {
                return Ok(Some(Self { name, group: group.clone() }));
            }
        }
        Err(Error::new(
            format!("no group of the profile {} exists", escaped(&profile.name)),
            "run `sftpjail setup`, which adds it",
        ))
    }

    /// What it is, for people.
    pub(super) fn sentence(&self) -> String {
        format!("{} is added, without shell and home, in the group {}", self.name, escaped(&self.group))
    }

    /// From here on, ctrl-C ends nothing: [`NewAccount::unless_interrupted`] finds it, and the account is removed.
    pub(super) fn add(&self) -> Result<(), Error> {
        signals::hold()?;
        let fix = "fix what it names, or add the account yourself";
        let useradd = programs::find("useradd")
            .ok_or_else(|| Error::new("there is no useradd", "add the account yourself"))?;
        let shell = programs::find("nologin")
            .map_or_else(|| "/usr/sbin/nologin".to_owned(), |path| path.to_string_lossy().into_owned());
        let group = self.group.as_str();
        let arguments = [
            "--no-create-home",
            "--home-dir",
            NO_HOME,
            "--shell",
            &shell,
            "--gid",
            group,
            "--",
            self.name.as_str(),
        ];
        programs::must_whole(&useradd, arguments, fix)
    }

    /// The error: somebody has typed ctrl-C since [`NewAccount::add`], or the connection has broken. Once the grant is
    /// written, it is too late for that.
    pub(super) fn unless_interrupted(&self) -> Result<(), Error> {
        match signals::has_come() {
            true => Err(Error::new("this was interrupted before anything was granted", "run it again")),
            false => Ok(()),
        }
    }

    /// Removes what [`NewAccount::add`] has added. Gives what came of it, for people.
    pub(super) fn remove(&self) -> String {
        let fix = "remove it yourself";
        let removed = programs::find("userdel")
            .ok_or_else(|| Error::new("there is no userdel", fix))
            .and_then(|userdel| programs::must_whole(&userdel, ["--", self.name.as_str()], fix));
        match removed {
            Ok(()) => format!("The account {} is removed again", self.name),
            Err(error) => format!("The account {} stays: {error}", self.name),
        }
    }
}
