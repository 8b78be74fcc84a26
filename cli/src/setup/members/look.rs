//! Makes the checks of a login for one user, in a child: a filesystem of the user's may not answer.

use super::now::{Access, Now};
use crate::desired::membership::exempt_or_member;
use crate::desired::pam::HOME_MAKERS;
use crate::host::pam::stack::Stack;
use crate::host::workers::Work;
use crate::report::Error;
use crate::setup::choices::Choices;
use crate::setup::managed_keys::has_key;
use crate::setup::sshd::Sshd;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::grants::Circumstances;
use pam_sftpjail::path::Normalised;
use pam_sftpjail::policy::NotJailed;
use pam_sftpjail::session::{Membership, examine};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What all checks need.
pub(super) struct Look<'c> {
    /// The configuration to be.
    config: &'c Config,
    /// Whether the jail root is the argument of `--jail-root`.
    is_root_given: bool,
    /// Whether PAM makes missing homes.
    makes_homes: bool,
    /// Whether only keys that root keeps will count.
    needs_kept_keys: bool,
    now: Now,
}

/// What was found out about a user.
#[derive(Serialize, Deserialize)]
pub(super) enum Looked {
    /// Who does not exist, or is in a group only by another name.
    Nobody,
    Member {
        access: Access,
        /// `None`: a login gets its jail.
        refused: Option<Reason>,
        ways: Ways,
    },
}

/// The ways in of a member for whom root keeps no key, where no others count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ways {
    /// Other keys count, there is one, or the login would be refused.
    Unasked,
    /// There may be others, such as a password.
    Others,
    None,
}

/// Why a login would be refused.
#[derive(Serialize, Deserialize)]
pub(super) struct Reason {
    pub(super) reason: String,
    pub(super) fix: Fix,
}

impl<'c> Look<'c> {
    /// `config`: the configuration to be.
    pub(super) fn prepare(config: &'c Config, choices: &Choices, sshd: &Sshd) -> Result<Self, Error> {
        let session = Stack::read(&sshd.daemon.pam_service(Some(&sshd.global)), "session");
        let makes_homes = session.lines.iter().any(|line| HOME_MAKERS.iter().any(|maker| line.is(maker)));
        Ok(Self {
            config,
            is_root_given: choices.is_root_given,
            makes_homes,
            needs_kept_keys: choices.managed_keys.are_chosen(),
            now: Now::read(sshd.daemon.file(), &session)?,
        })
    }

    /// Asks sshd once for each kind of user, before there are children.
    pub(super) fn ask_sshd_for_all(&mut self, names: &[String]) -> Result<(), Error> {
        self.now.ask_for_all(names)
    }

    /// Whether the home is the jail root, above it or below it.
    fn is_at_root(&self, home: &Path) -> bool {
        Normalised::parse(home.as_os_str()).is_ok_and(|home| home.overlaps(&self.config.jail_root))
    }

    fn reason(&self, refusal: &Refusal) -> Option<Reason> {
        // The first login makes it, a login waits until it passes, or nothing is granted now, as root wants it.
        let passes = (refusal.is_missing_home() && self.makes_homes)
            || refusal.retry_when().is_some()
            || refusal.is_without_grant();
        let fix = match refusal {
            Refusal::HomeSpelling { home, .. } if self.is_root_given && self.is_at_root(home) => {
                "choose another --jail-root, outside of all homes".into()
            }
            _ => refusal.fix(),
        };
        (!passes).then(|| Reason { reason: refusal.to_string(), fix })
    }
}

/// Why a user is refused who is exempt: sshd sends the user into a jail, and none is built.
fn exempt_and_member(user: &str, config: &Config) -> Reason {
    let known = Account::lookup(user, config).ok().and_then(|account| {
        let groups = account.groups_if_not_exempt(config).ok().filter(|groups| !groups.is_empty())?;
        Some((account.exempt_by?, groups))
    });
    let (exempt_by, fix) = match known {
        Some((group, groups)) => {
            (format!("{}, one of exempt_groups", escaped(&group)), exempt_or_member(user, &group, &groups))
        }
        None => ("a group of exempt_groups".to_owned(), "remove the user from one of the two groups".into()),
    };
    Reason { reason: format!("is in {exempt_by}, so no jail is built, and sshd refuses the login"), fix }
}

impl Work for Look<'_> {
    type Result = Looked;

    fn check(&mut self, user: &str) -> Looked {
        let (account, refused) =
            match examine(self.config, user, &Circumstances::of_no_login(), &mut |_, _| {}) {
                Ok(Membership::Member(member)) => (Some(member.account), None),
                Ok(Membership::NotJailed { why: NotJailed::Exempt, .. }) => {
                    (None, Some(exempt_and_member(user, self.config)))
                }
                Ok(Membership::NotJailed { .. }) | Err(Refusal::NoSuchUser { .. }) => return Looked::Nobody,
                Err(refusal) => (None, self.reason(&refusal)),
            };
        let account = account.or_else(|| Account::lookup(user, self.config).ok());
        // If the account cannot be looked up, the refusal says why.
        let access = account.as_ref().map_or(Access::Unknown, |account| self.now.access(account));
        let ways = match &account {
            Some(account) if self.needs_kept_keys && refused.is_none() && !has_key(&account.name) => {
                if self.now.has_other_ways(account) { Ways::Others } else { Ways::None }
            }
            _ => Ways::Unasked,
        };
        Looked::Member { access, refused, ways }
    }

    fn give_up(&mut self, user: &str, why: &str) -> Looked {
        let account = Account::lookup(user, self.config).ok();
        let access = account.map_or(Access::Unknown, |account| self.now.access(&account));
        let fix = "see that the filesystems on the way to the home and the volumes answer (findmnt)".into();
        Looked::Member { access, refused: Some(Reason { reason: why.to_owned(), fix }), ways: Ways::Unasked }
    }
}
