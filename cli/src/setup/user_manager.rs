//! Writes systemd's drop-in for user@.service, which keeps user managers from members.
//!
//! What the drop-in says is in `desired::drop_in`.

use super::change::{Change, FileChange};
use super::choices::Choices;
use super::directory;
use super::program;
use super::target::Target;
use crate::desired::drop_in::{self, Condition};
use crate::desired::manager;
use crate::host::accounts::Accounts;
use crate::host::systemd;
use crate::report::Error;
use nix::unistd::Uid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};
use pam_sftpjail::nss::User;
use pam_sftpjail::policy::{Decision, decide};
use std::collections::BTreeSet;
use std::path::Path;

/// The changes that systemd needs; none if it is not installed.
pub(super) fn changes(choices: &Choices) -> Result<Vec<Change>, Error> {
    if systemd::template()?.is_none() {
        return Ok(Vec::new());
    }
    let path = Path::new(drop_in::PATH);
    let condition = Condition {
        program: program::path("systemd")?,
        config: DEFAULT_PATH.into(),
        groups: choices.groups.clone(),
    };
    let target = Target::ours(path)?;
    let before = target.read()?;
    let text = before.as_deref().map(String::from_utf8_lossy);
    let conditions = systemd::values(text.as_deref().unwrap_or_default(), "ExecCondition");
    if conditions.iter().any(|(_, value)| Condition::parse(value).as_ref() == Some(&condition)) {
        return Ok(Vec::new());
    }
    let after = match &text {
        Some(text) => drop_in::completed(text, &condition),
        None => drop_in::text(&condition),
    };
    let mut changes = Vec::new();
    if let Some(above) = path.parent() {
        changes.extend(directory::change(above, 0o755)?);
    }
    changes.push(Change::File(FileChange::whole(target, before, after)));
    Ok(changes)
}

/// A sentence for each user manager of a member that already runs. Errors are left out here: `check` reports
/// them.
pub(super) fn still_running() -> Vec<String> {
    let managers = systemd::is_booted().then(systemd::managers).and_then(Result::ok).unwrap_or_default();
    let running: Vec<_> = managers.into_iter().filter_map(|(uid, runs)| runs.then_some(uid)).collect();
    let Some(config) = Config::load(None).ok().filter(|_| !running.is_empty()) else { return Vec::new() };
    // There may be thousands of members, but few managers run. Several names may have one uid.
    let listed = Accounts::list().unwrap_or_default();
    let names = |uid: u32| {
        let own = User::by_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        own.into_iter().chain(listed.names_of(uid).map(str::to_owned)).collect::<BTreeSet<_>>()
    };
    let accounts =
        running.into_iter().flat_map(names).filter_map(|name| Account::lookup(&name, &config).ok());
    let members = accounts.filter(|account| matches!(decide(&config, account), Decision::Jail { .. }));
    members
        .map(|account| {
            let unit = systemd::manager(account.uid.as_raw());
            let stop = Command::new("systemctl stop").arg(Name(&unit));
            format!(
                "Note: {} has a running user manager, outside of the jail: {}",
                escaped(&account.name),
                manager::ended(&stop)
            )
        })
        .collect()
}

/// Whether it is the drop-in: systemd has to read its units again after a change of it.
pub(super) fn is_read_by_systemd(path: &Path) -> bool {
    path == Path::new(drop_in::PATH)
}
