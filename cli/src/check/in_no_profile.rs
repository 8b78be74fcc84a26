//! Checks a user who is in no profile: whether something wants a jail for this user all the same.

use super::sshd;
use super::system::Host;
use crate::desired::membership;
use crate::report::Findings;
use crate::report::text::listed;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants;
use pam_sftpjail::name::UserName;
use pam_sftpjail::plan::Check;

/// Checks a user who is in no profile: whether sshd wants a jail nevertheless.
pub(super) fn examine(host: &mut Host<'_>, user: &str, findings: &mut Findings) {
    unused_grants(user, findings);
    let account = match Account::lookup(user, host.config) {
        Ok(account) => account,
        Err(refusal) => return findings.unknown("account", &refusal, refusal.fix()),
    };
    if let Some(exempt_by) = &account.exempt_by {
        examine_exempt(host.config, &account, exempt_by, findings);
    }
    if let Some(sshd) = &mut host.sshd {
        sshd::examine_in_no_profile(sshd, host.config, &account, findings);
    }
}

/// Checks whether an exempt user is in a group of a profile as well: sshd wants a jail then, and none is built.
fn examine_exempt(config: &Config, account: &Account, exempt_by: &str, findings: &mut Findings) {
    let name = escaped(&account.name);
    match account.groups_if_not_exempt(config) {
        Ok(groups) if groups.is_empty() => {}
        Ok(groups) => {
            let evidence = format!(
                "{name} is in {}, one of exempt_groups, and in {}, of a profile: no jail is built for {name}, and sshd \
                 refuses {name} if its Match block requires one",
                escaped(exempt_by),
                listed(&groups)
            );
            let fix = membership::exempt_or_member(&account.name, exempt_by, &groups);
            findings.warned("profile", evidence, fix);
        }
        Err(refusal) => findings.unknown("profile", &refusal, refusal.fix()),
    }
}

/// Reports a file of grants of somebody who gets nothing by it.
fn unused_grants(user: &str, findings: &mut Findings) {
    let Some(path) =
        UserName::parse(user).ok().map(|user| grants::path_of(&user)).filter(|path| path.exists())
    else {
        return;
    };
    let (name, path) = (escaped(user), escaped(&path));
    let evidence = format!("{name} is in no profile, so that {path} grants nothing");
    findings.warned(
        Check::Grant,
        evidence,
        format!("add {name} to the group of a profile, or remove the file"),
    );
}
