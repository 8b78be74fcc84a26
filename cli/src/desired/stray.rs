//! sshd must chroot nobody but members into the jail root. This finds other users that it chroots there.

use super::membership;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::expanded;
use crate::host::sshd::logins::Sshd;
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
    let mut groups = config.groups().filter(|name| matches!(Group::by_name(name), Ok(Some(_))));
    match groups.next().filter(|_| !account.uid.is_root() && account.exempt_by.is_none()) {
        Some(group) => {
            membership::added(&account.name, group).explained(format!("{excluded} or, to jail {name}"))
        }
        None => excluded.into(),
    }
}
