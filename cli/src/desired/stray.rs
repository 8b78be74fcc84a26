//! sshd must chroot nobody but members into the jail root. This finds other users that it chroots there.

use super::membership;
use crate::host::groups::local_list;
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
                let evidence = evidence(sshd, account, chroot);
                return Ok(Some(Self { evidence, fix: fix(config, account) }));
            }
        }
        Ok(None)
    }
}

fn evidence(sshd: &Sshd, account: &Account, chroot: &str) -> String {
    let name = escaped(&account.name);
    let location = sshd.config.location_of("ChrootDirectory", chroot);
    let location = location.map(|location| format!(" ({location})")).unwrap_or_default();
    let why = match &account.exempt_by {
        Some(group) => format!("{name} is in {}, one of exempt_groups", escaped(group)),
        None => format!("{name} is in no profile"),
    };
    format!(
        "ChrootDirectory is {} for {name}{location}, but {why}, so no jail is built and sshd refuses {name}",
        escaped(chroot)
    )
}

fn fix(config: &Config, account: &Account) -> Fix {
    let name = escaped(&account.name);
    let excluded = format!("exclude {name} from that Match block");
    if account.uid.is_root() {
        let lists =
            |group: &&str| matches!(local_list(group), Ok(Some(members)) if members.contains(&account.name));
        return match config.groups().find(lists) {
            Some(group) => {
                membership::removed(&account.name, group).explained(format!("{name} is never jailed"))
            }
            None => excluded.into(),
        };
    }
    if account.exempt_by.is_some() {
        return excluded.into();
    }
    // A command is for one group only: what the user may do, and where, is different in the next.
    let groups: Vec<_> = config.groups().collect();
    match groups.as_slice() {
        [] => excluded.into(),
        [group] if matches!(Group::by_name(group), Ok(Some(_))) => {
            membership::added(&account.name, group).explained(format!("{excluded} or, to jail {name}"))
        }
        _ => {
            let groups = listed_first(groups.iter());
            let of_which = "correct `groups` in the configuration, if a name there is wrong, or put";
            format!("{excluded} or, to jail {name}, {of_which} {name} into the group of the profile that is meant: {groups}")
                .into()
        }
    }
}
