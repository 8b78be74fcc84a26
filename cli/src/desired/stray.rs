//! sshd must chroot nobody but members into the jail root. This finds other users that it chroots there.

use super::membership;
use super::setup::missing_group;
use crate::host::groups::{group_names, local_list, suggested};
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::expanded;
use crate::host::sshd::logins::Sshd;
use crate::report::text::listed_first;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::nss::Group;

/// A user in no profile that sshd chroots into the jail root, where no jail is built: what is wrong, and the fix.
pub(crate) struct Stray {
    pub(crate) evidence: String,
    pub(crate) fix: Fix,
}

impl Stray {
    /// Asks sshd about a user who is in no profile; `None` if sshd does not chroot this user into the jail root.
    pub(crate) fn find(
        sshd: &mut Sshd,
        config: &Config,
        account: &Account,
    ) -> Result<Option<Self>, NoAnswer> {
        for connection in sshd.connections.clone() {
            let settings = sshd.settings(&account.name, &connection)?;
            let chroot = settings.get("ChrootDirectory").unwrap_or("none");
            if expanded(chroot, account).starts_with(config.jail_root.absolute()) {
                return Ok(Some(Self::of(sshd, config, account, chroot)));
            }
        }
        Ok(None)
    }

    /// Says it of this user or, where nothing is special about this one, in the same words for all: a misspelt group makes
    /// strays of all of its users.
    fn of(sshd: &Sshd, config: &Config, account: &Account, chroot: &str) -> Self {
        let own = own_fix(config, account);
        let evidence = evidence(sshd, account, chroot, own.is_some());
        Self { evidence, fix: own.unwrap_or_else(|| common_fix(config, account)) }
    }
}

/// `is_own`: whether it is about this user only.
fn evidence(sshd: &Sshd, account: &Account, chroot: &str, is_own: bool) -> String {
    let name = escaped(&account.name);
    let location = sshd.config.location_of("ChrootDirectory", chroot);
    let location = location.map(|location| format!(" ({location})")).unwrap_or_default();
    if !is_own {
        return format!(
            "ChrootDirectory is {}{location} for users in no profile, so no jail is built and sshd refuses them",
            escaped(chroot)
        );
    }
    let why = match &account.exempt_by {
        Some(group) => format!("{name} is in {}, one of exempt_groups", escaped(group)),
        None => format!("{name} is in no profile"),
    };
    format!(
        "ChrootDirectory is {} for {name}{location}, but {why}, so no jail is built and sshd refuses {name}",
        escaped(chroot)
    )
}

/// The fix for this user. `None`: it is the same for others.
fn own_fix(config: &Config, account: &Account) -> Option<Fix> {
    let name = escaped(&account.name);
    let excluded = format!("exclude {name} from that Match block");
    if account.uid.is_root() {
        let lists =
            |group: &&str| matches!(local_list(group), Ok(Some(members)) if members.contains(&account.name));
        let removed = config.groups().find(lists).map(|group| membership::removed(&account.name, group));
        let removed = removed.map(|removed| removed.explained(format!("{name} is never jailed")));
        return Some(removed.unwrap_or_else(|| excluded.into()));
    }
    if let Some(exempt_by) = &account.exempt_by {
        // An error is reported where the profiles of the user are.
        let groups = account.groups_if_not_exempt(config).unwrap_or_default();
        let parted = || membership::exempt_or_member(&account.name, exempt_by, &groups);
        return Some(if groups.is_empty() { excluded.into() } else { parted() });
    }
    // A command is for one group only: what the user may do, and where, is different in the next.
    let mut groups = config.groups();
    match (groups.next(), groups.next()) {
        (Some(group), None) if matches!(Group::by_name(group), Ok(Some(_))) => {
            let joined = membership::added(&account.name, group);
            Some(joined.explained(format!("{excluded} or, to jail {name}")))
        }
        _ => None,
    }
}

/// The fix for all of whom the same is wrong.
fn common_fix(config: &Config, account: &Account) -> Fix {
    let own = group_names(&account.name).unwrap_or_default();
    let is_meant = |group: &&str| {
        matches!(Group::by_name(group), Ok(None))
            && suggested(group).is_some_and(|meant| own.contains(&meant))
    };
    if let Some(misspelt) = config.groups().find(is_meant) {
        return missing_group(misspelt);
    }
    let excluded = "exclude them from that Match block";
    let groups: Vec<_> = config.groups().collect();
    match groups.is_empty() {
        true => excluded.into(),
        false => format!(
            "{excluded} or, to jail them, correct `groups` in the configuration, if a name there is wrong, or put them into \
             the group of the profile that is meant: {}",
            listed_first(groups.iter())
        )
        .into(),
    }
}
