//! Looks at the members who exist: what the next login of each will do once the changes are made.
//!
//! It makes the checks of a login for every one of them, with the configuration to be. Two kinds of surprise stop a
//! setup: members that their next login would refuse, and, with `--yes`, members whose jail ends because no profile
//! names their group any more. The likeliest reason for that is a misspelt group, and it would give all of them a
//! shell.

mod look;
mod now;
mod said;

use super::change::Change;
use super::choices::Choices;
use super::managed_keys::ManagedKeys;
use super::sshd::Sshd;
use crate::host::accounts;
use crate::host::groups::{group_names, members_of, suggested};
use crate::host::workers;
use crate::report::Error;
use crate::report::text::listed;
use look::{Look, Looked, Reason, Ways};
use now::Access;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::nss::Group;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;

/// Members by what happens to them. In JSON, lists of names.
#[derive(Clone, Default, Serialize)]
pub(super) struct Members {
    jailed_already: Vec<String>,
    jailed_from_now: Vec<String>,
    /// Who are jailed already, and could do more there than SFTP.
    limited_from_now: Vec<String>,
    /// Who can log in to a shell until then.
    lose_shell: Vec<String>,
    /// Users that the checks of a login refuse, and who could log in until now.
    refused_from_now: Vec<Refused>,
    /// Users that they refuse now, too.
    refused_already: Vec<Refused>,
    no_longer_jailed: BTreeSet<String>,
    /// Users in no profile that sshd sends into the jail root, where it refuses them.
    refused_by_sshd: BTreeSet<String>,
    /// Where only keys that root keeps count: members for whom there is none, and who may have another way in.
    without_key: Vec<String>,
    /// Those who have no other way in.
    locked_out: Vec<String>,
    /// Where nothing is to be changed: members that sshd does not jail all the same.
    not_jailed: Vec<String>,
    /// Why there may be more members than these.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<String>,
    /// The groups that do not exist yet and look misspelt, and those that are probably meant.
    #[serde(skip)]
    misspelt: Vec<(String, String)>,
    /// Whether something is to be changed.
    #[serde(skip)]
    is_changing: bool,
    #[serde(skip)]
    managed_keys: ManagedKeys,
}

/// Groups that no profile names.
pub(super) struct OtherGroups<'g> {
    /// Those whose users sshd will no longer jail.
    pub(super) dropped: &'g [String],
    /// Those whose users sshd sends into the jail root all the same.
    pub(super) stray: &'g [String],
}

#[derive(Clone, Serialize)]
struct Refused {
    user: String,
    reason: String,
    #[serde(serialize_with = "sentence")]
    fix: Fix,
}

fn sentence<S: Serializer>(fix: &Fix, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(fix)
}

impl Members {
    /// Checks every member that NSS lists.
    pub(super) fn examine(
        choices: &Choices,
        changes: &[Change],
        sshd: &Sshd,
        others: &OtherGroups<'_>,
    ) -> Result<Self, Error> {
        let names = members_of(choices.groups.iter().map(String::as_str))?;
        refuse_callers(choices, &names)?;
        choices.managed_keys.check_names(&names)?;
        let users_of = |groups: &[String]| -> Result<BTreeSet<String>, Error> {
            let mut users = members_of(groups.iter().map(String::as_str))?;
            users.retain(|name| !names.contains(name));
            Ok(users)
        };
        let mut members = Self {
            misspelt: misspelt(choices),
            incomplete: incomplete(),
            no_longer_jailed: users_of(others.dropped)?,
            refused_by_sshd: users_of(others.stray)?,
            is_changing: !changes.is_empty(),
            managed_keys: choices.managed_keys,
            ..Self::default()
        };
        if names.is_empty() {
            return Ok(members);
        }
        let config = without_new_directories(choices, changes);
        let mut look = Look::prepare(&config, choices, sshd)?;
        let names: Vec<_> = names.into_iter().collect();
        // Thousands of users may be looked up.
        accounts::remembered(|| members.look_at(&mut look, &names)).map(|()| members)
    }

    fn look_at(&mut self, look: &mut Look<'_>, names: &[String]) -> Result<(), Error> {
        look.ask_sshd_for_all(names)?;
        let mut all = BTreeMap::new();
        workers::run(names, look, |at, looked| drop(all.insert(at, looked))).map_err(|error| {
            let what = format!("the members cannot be checked, because no child can be started: {error}");
            Error::new(what, "raise the limits on processes and memory")
        })?;
        for (name, looked) in names.iter().zip(all.into_values()) {
            if let Looked::Member { access, refused, ways } = looked {
                match ways {
                    Ways::Unasked => {}
                    Ways::Others => self.without_key.push(name.clone()),
                    Ways::None => self.locked_out.push(name.clone()),
                }
                self.add(name.clone(), access, refused);
            }
        }
        Ok(())
    }

    fn add(&mut self, user: String, access: Access, refused: Option<Reason>) {
        if access == Access::Shell && self.is_changing {
            self.lose_shell.push(user.clone());
        }
        match (refused, access) {
            (Some(Reason { reason, fix }), Access::Shell | Access::Other | Access::Unknown)
                if self.is_changing =>
            {
                self.refused_from_now.push(Refused { user, reason, fix });
            }
            (Some(Reason { reason, fix }), _) => self.refused_already.push(Refused { user, reason, fix }),
            (None, Access::Jailed) => self.jailed_already.push(user),
            (None, Access::Unknown) if !self.is_changing => {}
            (None, _) if !self.is_changing => self.not_jailed.push(user),
            (None, Access::JailedOnly) => self.limited_from_now.push(user),
            (None, Access::Shell | Access::Other | Access::Unknown) => self.jailed_from_now.push(user),
        }
    }

    /// Those who can log in.
    pub(super) fn jailed(&self) -> impl Iterator<Item = &String> {
        [&self.jailed_already, &self.jailed_from_now, &self.limited_from_now].into_iter().flatten()
    }

    /// Whether there is a member who can log in.
    pub(super) fn has_some(&self) -> bool {
        self.jailed().next().is_some()
    }
}

/// Why NSS may not list all members, if a service does not answer: who has a group as the primary one is known from
/// lists only.
pub(super) fn incomplete() -> Option<String> {
    let error = accounts::is_complete().err()?;
    Some(format!("not all members are known, because a service of NSS does not answer: {error}"))
}

/// Refuses a setup that jails root, or the admin who runs it.
fn refuse_callers(choices: &Choices, members: &BTreeSet<String>) -> Result<(), Error> {
    // sshd's `Match Group` matches root, too, and the module builds no jail for root. sudo and doas name the
    // admin. NSS need not list all members of a group, so the groups of each user are asked for, too.
    let callers = ["SUDO_USER", "DOAS_USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    for user in callers.chain(["root".to_owned()]) {
        let names = group_names(&user)?;
        if !members.contains(&user) && !choices.groups.iter().any(|group| names.contains(group)) {
            continue;
        }
        let groups = listed(&choices.groups);
        return Err(if user == "root" {
            let what = format!("root is a member of {groups}, and could no longer log in");
            Error::new(what, "remove root from it, or choose another group")
        } else {
            let what = match choices.exempts(&user)? {
                false => "and would be jailed",
                true => "and exempt: no jail would be built for you, and sshd would refuse you",
            };
            let what = format!("you, {}, are a member yourself {what}", escaped(&user));
            Error::new(what, format!("remove yourself from {groups}, or choose another group"))
        });
    }
    Ok(())
}

/// The groups that do not exist yet, each with the one that is probably meant.
fn misspelt(choices: &Choices) -> Vec<(String, String)> {
    let missing = choices.groups.iter().filter(|name| matches!(Group::by_name(name), Ok(None)));
    missing.filter_map(|name| Some((name.clone(), suggested(name)?))).collect()
}

/// The configuration to be, without the volumes in directories that the changes will make: logins make those volumes,
/// and nothing is there that could be wrong.
fn without_new_directories(choices: &Choices, changes: &[Change]) -> Config {
    let mut config = choices.config.clone();
    let new: Vec<_> = changes.iter().filter_map(Change::new_directory).collect();
    let is_new = |source: &Path| new.iter().any(|directory| source.starts_with(directory));
    for profile in &mut config.profiles {
        profile.volumes.retain(|volume| {
            // A character that is in no path stands for what differs between users.
            let source = volume.source.expand(|_| Ok::<_, Infallible>("\u{1}".into()));
            volume.create.is_none() || !source.is_ok_and(|source| is_new(Path::new(&source)))
        });
    }
    config
}
