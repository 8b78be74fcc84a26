//! Checks that systemd runs no user manager for members: it would run, outside of the jail, what their own files say.

use super::groups;
use crate::desired::drop_in::{self, Condition, SKIP};
use crate::desired::root_owned;
use crate::host::systemd::{self, Setting};
use crate::host::trust;
use crate::report::text::listed;
use crate::report::{Consequence, Findings};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::Group;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const CHECK: &str = "user manager";

/// A uid for which there are no unit files of its own: systemd's answer for it holds for every such uid.
const UNSPECIFIC_UID: u32 = 65_533;

/// What was found out about systemd, for the checks of single members.
pub(super) enum Systemd {
    Absent,
    Present {
        /// What is wrong for all members, if anything.
        fault: Option<Fault>,
        /// Uids whose user managers have unit files of their own.
        with_own_files: BTreeSet<u32>,
        /// The user managers that systemd has loaded, by uid, and whether each runs. Empty where systemd does not run.
        managers: BTreeMap<u32, bool>,
    },
}

/// Why members may get a user manager.
#[derive(PartialEq, Eq)]
pub(super) enum Fault {
    /// They can get one: the evidence, and the fix.
    Allowed(String, Fix),
    /// That could not be checked, and why.
    Unknown(String),
}

impl Fault {
    fn report(&self, findings: &mut Findings) {
        match self {
            Self::Allowed(evidence, fix) => findings.failed(CHECK, runs_outside(), evidence, fix),
            Self::Unknown(why) => {
                findings.unknown(CHECK, why, "see what `systemctl status` says, and let systemd answer")
            }
        }
    }
}

/// Checks what holds for all members. `path`: that of the configuration, if it is not the usual one.
pub(super) fn examine(config: &Config, path: Option<&Path>, findings: &mut Findings) -> Systemd {
    if systemd::template().is_none() {
        findings.passed(CHECK, "none, since there is no systemd");
        return Systemd::Absent;
    }
    let managers = match systemd::is_booted().then(systemd::managers).transpose() {
        Ok(managers) => managers.unwrap_or_default(),
        Err(error) => {
            Fault::Unknown(error.to_string()).report(findings);
            BTreeMap::new()
        }
    };
    let fault = match condition_in_force(None) {
        Ok(None) => {
            findings.passed(CHECK, "none, since user@.service is masked");
            None
        }
        Ok(Some(condition)) => {
            report_condition(&condition, config, path.unwrap_or(Path::new(DEFAULT_PATH)), findings);
            None
        }
        Err(fault) => {
            fault.report(findings);
            Some(fault)
        }
    };
    Systemd::Present { fault, with_own_files: systemd::uids_with_files(), managers }
}

impl Systemd {
    /// Checks what holds for one member. `others`: further names of the account.
    pub(super) fn examine(&self, account: &Account, others: &BTreeSet<String>, findings: &mut Findings) {
        let Self::Present { fault, with_own_files, managers } = self else { return };
        let uid = account.uid.as_raw();
        let shown = escaped(&account.name);
        if with_own_files.contains(&uid) || managers.contains_key(&uid) {
            let own = condition_in_force(Some(uid)).err();
            // What is wrong for all members is reported already.
            if let Some(own) = own.filter(|own| fault.as_ref() != Some(own)) {
                own.report(findings);
            }
        }
        let names = others.iter().chain([&account.name]).filter_map(|name| UserName::parse(name).ok());
        let lingering: Vec<_> = names.filter(systemd::lingers).collect();
        for name in &lingering {
            let evidence = format!(
                "logind starts a user manager for {name} at boot and keeps it running, outside of the jail"
            );
            let disable = Command::new("loginctl disable-linger").arg(Name(name.as_str()));
            findings.failed("linger", runs_outside(), evidence, disable);
        }
        if managers.get(&uid) == Some(&true) {
            let unit = systemd::manager(uid);
            let evidence = format!("the user manager of {shown} ({unit}) runs now, outside of the jail");
            findings.failed(CHECK, runs_outside(), evidence, Command::new("systemctl stop").arg(Name(&unit)));
        } else if lingering.is_empty() {
            findings.passed("linger", format!("off; no user manager of {shown} runs"));
        }
    }
}

/// Of a member who gets a user manager.
fn runs_outside() -> Consequence {
    Consequence::NotJailed("systemd runs what the member's files say outside of the jail".to_owned())
}

/// The condition that keeps members, or the one with this uid, from getting a user manager. `None`: user@.service is
/// masked, so nobody gets one.
fn condition_in_force(uid: Option<u32>) -> Result<Option<Condition>, Fault> {
    let condition =
        in_files(uid).and_then(|found| is_trusted(uid, &found).and(is_effective(uid)).map(|()| found));
    if !systemd::is_booted() {
        return condition.map(Some);
    }
    let uid = uid.unwrap_or(UNSPECIFIC_UID);
    let loaded = systemd::loaded(uid).map_err(|error| Fault::Unknown(error.to_string()))?;
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

/// Reports whether the condition in force uses the right program, configuration and groups. `path`: that of the
/// configuration that is checked.
fn report_condition(condition: &Condition, config: &Config, path: &Path, findings: &mut Findings) {
    let program = escaped(&condition.program);
    if condition.config != path {
        let evidence = format!(
            "{} names {}, but this check uses {}: users who are members by this one only may get a user manager",
            drop_in::PATH,
            escaped(&condition.config),
            escaped(path)
        );
        let fix = reloaded(format!(
            "write {} and the groups of its profiles after the %i in its last line",
            escaped(path)
        ));
        return findings.failed(CHECK, runs_outside(), evidence, fix);
    }
    // A group that does not exist has no members yet.
    let exists = |name: &&str| !matches!(Group::by_name(name), Ok(None));
    let missing: Vec<_> = config
        .groups()
        .filter(|name| !condition.groups.iter().any(|own| own == name))
        .filter(exists)
        .collect();
    if !missing.is_empty() {
        let evidence = format!(
            "{} does not name these groups: {}. Their members get a user manager if the configuration or the \
             program is gone",
            drop_in::PATH,
            listed(&missing)
        );
        let fix = match path == Path::new(DEFAULT_PATH) {
            true => groups::setup_fix(config),
            false => reloaded("add them to the groups in its last line"),
        };
        // The groups that it does not name are asked for in the configuration.
        return findings.failed(CHECK, Consequence::None, evidence, fix);
    }
    if !condition.program.is_file() {
        let evidence = format!(
            "{} asks {program}, which does not exist, so only members of these groups get no user manager: {}",
            drop_in::PATH,
            listed(&condition.groups)
        );
        return findings.warned(
            CHECK,
            evidence,
            "install the program there (make install), or sftpjail setup",
        );
    }
    findings.passed(CHECK, format!("none for members: {} asks {program}", drop_in::PATH));
}

/// The condition of the drop-in, if it is in force by systemd's files.
fn in_files(uid: Option<u32>) -> Result<Condition, Fault> {
    let conditions = systemd::settings(uid, "ExecCondition");
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
        _ => match systemd::drop_ins(uid).iter().find(replaces_it) {
            Some(file) => (
                format!("systemd reads {} instead of {}", escaped(file), drop_in::PATH),
                reloaded(format!("see what {} is for, and remove it", escaped(file))),
            ),
            None if own.exists() => {
                (format!("{} is not what setup writes", drop_in::PATH), Command::new("sftpjail setup").into())
            }
            None => (format!("{} is missing", drop_in::PATH), Command::new("sftpjail setup").into()),
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
    let files = systemd::files(uid);
    for file in files.iter().filter(|file| !is_masked(file)).chain([&condition.program, &condition.config]) {
        let path = match trust::changeable(file) {
            Ok(None) => continue,
            Ok(Some(path)) => path,
            // The program and the configuration may be missing.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(Fault::Unknown(format!("{}: {error}", escaped(file)))),
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
    let settings = systemd::settings(uid, "SuccessExitStatus");
    let reset = settings.iter().rposition(|setting| setting.value.is_empty());
    match settings.iter().skip(reset.unwrap_or(0)).find(|setting| !skips(&setting.value)) {
        Some(setting) => Err(not_skipped(&escaped(&setting.location.file))),
        None => Ok(()),
    }
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

/// What is to be done before systemd reads its files again.
fn reloaded(first: impl Display) -> Fix {
    Fix::after(first, &Command::new("systemctl daemon-reload"))
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
            Command::new("systemctl daemon-reload").into(),
        ),
    };
    Fault::Allowed(evidence, fix)
}
