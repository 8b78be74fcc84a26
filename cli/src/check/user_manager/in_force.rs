//! Whether systemd itself keeps members from a user manager: what its files say, what it has loaded, and who could
//! change that.

use super::{Fault, UNSPECIFIC_UID, reload, reloaded};
use crate::desired::drop_in::{self, Condition, SKIP};
use crate::desired::root_owned;
use crate::host::systemd::{self, Setting, unanswered};
use crate::host::trust;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The condition that keeps members, or the one with this uid, from getting a user manager. `None`: user@.service is
/// masked, so nobody gets one. `setup`: the fix where the drop-in is missing.
pub(super) fn condition_in_force(uid: Option<u32>, setup: &Fix) -> Result<Option<Condition>, Fault> {
    let condition =
        in_files(uid, setup).and_then(|found| is_trusted(uid, &found).and(is_effective(uid)).map(|()| found));
    if !systemd::is_booted() {
        return condition.map(Some);
    }
    let uid = uid.unwrap_or(UNSPECIFIC_UID);
    let loaded = systemd::loaded(uid).map_err(|error| Fault::Unknown(unanswered(&error)))?;
    if loaded.is_masked {
        return Ok(None);
    }
    match condition? {
        condition if !loaded.is_outdated && condition.is_in(&loaded.conditions, uid) => {
            match skips(&loaded.successes) {
                true => Ok(Some(condition)),
                false => {
                    Err(not_skipped(&format_args!("what systemd has loaded for {}", systemd::manager(uid))))
                }
            }
        }
        _ => Err(not_loaded()),
    }
}

/// The condition of the drop-in, if it is in force by systemd's files.
fn in_files(uid: Option<u32>, setup: &Fix) -> Result<Condition, Fault> {
    let conditions = systemd::settings(uid, "ExecCondition").map_err(unread)?;
    let found = conditions.iter().enumerate().rev().find_map(|(i, c)| Some((i, Condition::parse(&c.value)?)));
    let reset = conditions.iter().enumerate().rfind(|(_, condition)| condition.value.is_empty());
    let own = Path::new(drop_in::PATH);
    let replaces_it = |file: &&PathBuf| file.file_name() == own.file_name() && *file != own;
    let (what, fix) = match (found, reset) {
        (Some((at, condition)), reset) if reset.is_none_or(|(reset, _)| reset < at) => return Ok(condition),
        (Some(_), Some((_, Setting { location, .. }))) => (
            format!("{} resets the condition of {}", escaped(&location.file), drop_in::PATH),
            reloaded(format!("remove `ExecCondition=` from {}", escaped(&location.file))),
        ),
        _ => match systemd::drop_ins(uid).map_err(unread)?.iter().find(replaces_it) {
            Some(file) => (
                format!("systemd reads {} instead of {}", escaped(file), drop_in::PATH),
                reloaded(format!("see what {} is for, and remove it", escaped(file))),
            ),
            None if own.exists() => (format!("{} is not what setup writes", drop_in::PATH), setup.clone()),
            None => (format!("{} is missing", drop_in::PATH), setup.clone()),
        },
    };
    let risk =
        "so systemd runs what a member's ~/.config/systemd says, as the member and outside of the jail";
    Err(Fault::Allowed(format!("{what}, {risk}"), fix))
}

/// Whether only root can change what systemd reads and runs: its files, the program, the configuration.
fn is_trusted(uid: Option<u32>, condition: &Condition) -> Result<(), Fault> {
    // systemd does not read what is masked.
    let is_masked = |file: &&PathBuf| file.canonicalize().is_ok_and(|real| real == Path::new("/dev/null"));
    let files = systemd::files(uid).map_err(unread)?;
    for file in files.iter().filter(|file| !is_masked(file)).chain([&condition.program, &condition.config]) {
        let path = match trust::changeable(file) {
            Ok(None) => continue,
            Ok(Some(path)) => path,
            // The program and the configuration may be missing.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(unread(Error::with(file, "be looked at", &error))),
        };
        let what = if path == *file { String::new() } else { format!(" (it leads to {})", escaped(file)) };
        let evidence = format!(
            "users other than root can change {}{what}, which root relies on to keep members from getting a user manager",
            escaped(&path)
        );
        return Err(Fault::Allowed(evidence, root_owned::fix(file, &path)));
    }
    Ok(())
}

/// Whether systemd, by its files, skips the manager for the drop-in's exit status.
fn is_effective(uid: Option<u32>) -> Result<(), Fault> {
    let settings = systemd::settings(uid, "SuccessExitStatus").map_err(unread)?;
    let reset = settings.iter().rposition(|setting| setting.value.is_empty());
    match settings.iter().skip(reset.unwrap_or(0)).find(|setting| !skips(&setting.value)) {
        Some(setting) => Err(not_skipped(&escaped(&setting.location.file))),
        None => Ok(()),
    }
}

/// Of files that cannot be read.
fn unread(Error { what, fix, .. }: Error) -> Fault {
    Fault::Unknown(Error::new(format!("whether members get a user manager is not known: {what}"), fix))
}

/// Whether systemd skips a unit for the drop-in's exit status, where these statuses are success.
fn skips(successes: &str) -> bool {
    !successes.split_whitespace().any(|status| status.trim_matches(['"', '\'']).parse() == Ok(SKIP))
}

fn not_skipped(origin: &dyn Display) -> Fault {
    let evidence = format!(
        "SuccessExitStatus= in {origin} has {SKIP}, with which {} says no, so members get a user manager",
        drop_in::PATH
    );
    Fault::Allowed(evidence, reloaded(format!("remove {SKIP} from it")))
}

/// Why the condition is not loaded, though systemd's files have it.
fn not_loaded() -> Fault {
    let (evidence, fix) = match systemd::version() {
        Some(version) if version < drop_in::SINCE => (
            format!("systemd {version} does not know ExecCondition=, so members get a user manager"),
            format!(
                "install systemd {} or newer; until then, mask user@UID.service for each member",
                drop_in::SINCE
            )
            .into(),
        ),
        _ => (
            format!("systemd has not read {}, so members get a user manager", drop_in::PATH),
            reload().into(),
        ),
    };
    Fault::Allowed(evidence, fix)
}
