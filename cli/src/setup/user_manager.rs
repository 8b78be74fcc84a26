//! The drop-in of user@.service, where there is systemd: members get no user manager.

use super::change::{Change, FileChange};
use super::desired_state::DesiredState;
use super::directory;
use super::target::Target;
use crate::desired::drop_in::{self, Asks};
use crate::host::groups;
use crate::host::{systemd, trust};
use crate::report::Error;
use crate::report::error::errno;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::{escaped, word};
use pam_sftpjail::policy::{Decision, decide};
use std::path::{Path, PathBuf};

pub(super) fn changes(desired: &DesiredState) -> Result<Vec<Change>, Error> {
    if systemd::template().is_none() {
        return Ok(Vec::new());
    }
    let path = Path::new(drop_in::PATH);
    let asks = Asks { program: program()?, config: DEFAULT_PATH.into(), groups: desired.groups.clone() };
    let after = drop_in::text(&asks).into_bytes();
    let target = Target::ours(path)?;
    let before = target.read()?;
    if before.as_ref() == Some(&after) {
        return Ok(Vec::new());
    }
    let mut changes = Vec::new();
    if let Some(above) = path.parent() {
        changes.extend(directory::change(above, 0o755)?);
    }
    changes.push(Change::File(FileChange::whole(target, before, after)));
    Ok(changes)
}

/// A sentence about each user manager of a member's that began to run before; what cannot be seen, `check` says.
pub(super) fn still_running(desired: &DesiredState) -> Vec<String> {
    let managers = systemd::is_booted().then(systemd::managers).and_then(Result::ok).unwrap_or_default();
    let runs = |uid: u32| managers.get(&uid) == Some(&true);
    let Ok(config) = Config::load(None) else { return Vec::new() };
    let members = groups::all_members(desired.groups.iter().map(String::as_str)).unwrap_or_default();
    let members = members.iter().filter_map(|name| Account::lookup(name, &config).ok());
    let members = members.filter(|account| matches!(decide(&config, account), Decision::Jail(_)));
    let running = members.filter(|account| runs(account.uid.as_raw()));
    running
        .map(|account| {
            format!(
                "Note: a user manager of {}'s runs, outside of the jail. End it: systemctl stop {}",
                escaped(&account.name),
                systemd::manager(account.uid.as_raw())
            )
        })
        .collect()
}

/// Whether systemd must be told of what was changed.
pub(super) fn concerns(path: &Path) -> bool {
    path == Path::new(drop_in::PATH)
}

/// This program. systemd will run it as root, so nobody else may be able to replace it.
fn program() -> Result<PathBuf, Error> {
    let program = std::env::current_exe().map_err(|error| {
        Error::new(format!("this program is not to be found: {}", errno(&error)), "install it")
    })?;
    let shown = escaped(&program);
    let install = "install it: make install";
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+');
    if !program.to_str().is_some_and(|path| path.chars().all(is_plain)) {
        return Err(Error::new(format!("systemd is to run {shown}, whose path is no plain one"), install));
    }
    match trust::changeable(&program).map_err(|error| Error::with(&program, "be looked at", &error))? {
        None => Ok(program),
        Some(path) => {
            let what = format!(
                "systemd is to run {shown} as root, and others than root can write {}",
                escaped(&path)
            );
            let fix = match program.starts_with("/usr") {
                true => format!("chown root {0} && chmod go-w {0}", word(&path)),
                false => install.to_owned(),
            };
            Err(Error::new(what, fix))
        }
    }
}
