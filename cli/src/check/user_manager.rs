//! Checks that systemd runs no user manager for members: it would run, outside of the jail, what their own files say.

mod in_force;

use crate::desired::drop_in::{self, Condition};
use crate::desired::{manager, setup};
use crate::host::systemd;
use crate::report::text::listed;
use crate::report::{Consequence, Error, Findings};
use in_force::condition_in_force;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::Group;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;

const CHECK: &str = "user manager";

/// A uid for which there are no unit files of its own: systemd's answer for it holds for every such uid.
const UNSPECIFIC_UID: u32 = 65_533;

/// What was found out about systemd, for the checks of single members.
pub(super) enum Systemd {
    Absent,
    Present {
        /// What is wrong for all members, if anything.
        fault: Option<Fault>,
        /// The fix where the drop-in is missing.
        setup: Fix,
        /// Uids whose user managers have unit files of their own. `None`: each may have.
        with_own_files: Option<BTreeSet<u32>>,
        /// The user managers that systemd has loaded, by uid, and whether each runs. Empty where systemd does not run;
        /// `None`: it does not say.
        managers: Option<BTreeMap<u32, bool>>,
    },
}

/// Why members may get a user manager.
#[derive(PartialEq, Eq)]
pub(super) enum Fault {
    /// They can get one: the evidence, and the fix.
    Allowed(String, Fix),
    /// That could not be checked, and why.
    Unknown(Error),
}

impl Fault {
    fn report(&self, findings: &mut Findings) {
        match self {
            Self::Allowed(evidence, fix) => findings.failed(CHECK, runs_outside(), evidence, fix),
            Self::Unknown(why) => findings.unknown(CHECK, &why.what, why.fix.clone()),
        }
    }
}

/// Checks what holds for all members. `path`: that of the configuration, if it is not the usual one.
pub(super) fn examine(config: &Config, path: Option<&Path>, findings: &mut Findings) -> Systemd {
    // Where that cannot be read, what reads all of the files says so below.
    if systemd::template() == Ok(None) {
        findings.passed(CHECK, "none, since there is no systemd");
        return Systemd::Absent;
    }
    let managers = match systemd::is_booted().then(systemd::managers).transpose() {
        Ok(managers) => Some(managers.unwrap_or_default()),
        Err(error) => {
            Fault::Unknown(systemd::unanswered(&error)).report(findings);
            None
        }
    };
    let setup = install(config, path);
    let fault = match condition_in_force(None, &setup) {
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
    Systemd::Present { fault, setup, with_own_files: systemd::uids_with_files().ok(), managers }
}

impl Systemd {
    /// Checks what holds for one member. `others`: further names of the account.
    pub(super) fn examine(&self, account: &Account, others: &BTreeSet<String>, findings: &mut Findings) {
        let Self::Present { fault, setup, with_own_files, managers } = self else { return };
        let uid = account.uid.as_raw();
        let shown = escaped(&account.name);
        let is_loaded = managers.as_ref().and_then(|managers| managers.get(&uid));
        if with_own_files.as_ref().is_none_or(|uids| uids.contains(&uid)) || is_loaded.is_some() {
            let own = condition_in_force(Some(uid), setup).err();
            // What is wrong for all members is reported already.
            if let Some(own) = own.filter(|own| fault.as_ref() != Some(own)) {
                own.report(findings);
            }
        }
        let names = others.iter().chain([&account.name]).filter_map(|name| UserName::parse(name).ok());
        let mut is_off = true;
        for name in names {
            match systemd::lingers(&name) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(Error { what, fix, .. }) => {
                    is_off = false;
                    let evidence =
                        format!("whether logind keeps a user manager of {name} running is not known: {what}");
                    findings.unknown("linger", evidence, fix);
                    continue;
                }
            }
            is_off = false;
            let evidence = format!(
                "logind starts a user manager for {name} at boot and keeps it running, outside of the jail"
            );
            let disable = Command::new("loginctl disable-linger").arg(Name(name.as_str()));
            findings.failed("linger", runs_outside(), evidence, manager::ended(&disable));
        }
        if is_loaded == Some(&true) {
            let unit = systemd::manager(uid);
            let evidence = format!("the user manager of {shown} ({unit}) runs now, outside of the jail");
            let stop = Command::new("systemctl stop").arg(Name(&unit));
            findings.failed(CHECK, runs_outside(), evidence, manager::ended(&stop));
        } else if is_off {
            // Where systemd does not say what runs, that is reported already.
            let none =
                managers.as_ref().map_or(String::new(), |_| format!("; no user manager of {shown} runs"));
            findings.passed("linger", format!("off{none}"));
        }
    }
}

/// What installs the drop-in. Setup writes one for the usual configuration only.
fn install(config: &Config, path: Option<&Path>) -> Fix {
    match path.filter(|path| *path != Path::new(DEFAULT_PATH)) {
        None => setup::fix(config),
        Some(path) => reloaded(format!(
            "install the drop-in that came with this program, with {} and the groups of its profiles in its last line",
            escaped(path)
        )),
    }
}

/// Of a member who gets a user manager.
fn runs_outside() -> Consequence {
    Consequence::NotJailed("systemd runs what the member's files say outside of the jail".to_owned())
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
            true => setup::fix(config),
            false => reloaded("add them to the groups in its last line"),
        };
        // The groups that it does not name are asked for in the configuration.
        return findings.failed(CHECK, Consequence::None, evidence, fix);
    }
    let is_of_profile = |name: &&String| config.groups().any(|own| own == name.as_str());
    let stale: Vec<_> = condition.groups.iter().filter(|name| !is_of_profile(name)).collect();
    if !stale.is_empty() {
        let evidence = format!(
            "{} names these groups, which no profile names: {}. Their members get no user manager, though they are not \
             jailed",
            drop_in::PATH,
            listed(&stale)
        );
        // With the configuration, its groups are gone.
        return match path.exists() {
            // One of them may be what a misspelt group is meant to be.
            true => {
                let removed = || reloaded("remove them from its last line");
                findings.warned(CHECK, evidence, setup::correction(config).unwrap_or_else(removed))
            }
            false => findings.failed(
                CHECK,
                Consequence::None,
                format!("{} is missing, and {evidence}", escaped(path)),
                "restore that file from a backup; without it, only members of the group sftp are jailed",
            ),
        };
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

/// What is to be done before systemd reads its files again.
fn reloaded(first: impl Display) -> Fix {
    Fix::after(first, &reload())
}

/// Makes systemd read its files again.
fn reload() -> Command {
    Command::new("systemctl daemon-reload")
}
