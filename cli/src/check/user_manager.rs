//! Whether systemd runs anything as a member: a user manager would do so outside of the jail.

use super::groups;
use crate::desired::drop_in::{self, Asks, SKIP};
use crate::host::systemd::{self, Setting};
use crate::host::trust;
use crate::report::Findings;
use crate::report::text::listed;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::{escaped, word};
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::Group;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const CHECK: &str = "user manager";

/// A uid without files of its own, by which all others are judged.
const ANYBODY: u32 = 65_533;

/// What the rest wants to know of systemd.
pub(super) enum Systemd {
    Absent,
    Present {
        /// What is wrong for all, if something is.
        fault: Option<Fault>,
        /// Uids whose user managers have files of their own.
        special: BTreeSet<u32>,
        /// What systemd has loaded, and whether it runs; nothing where systemd does not.
        managers: BTreeMap<u32, bool>,
    },
}

/// Why members could get a user manager, and the fix; or why that cannot be seen.
#[derive(PartialEq, Eq)]
pub(super) enum Fault {
    Open(String, String),
    Unseen(String),
}

impl Fault {
    fn tell(&self, findings: &mut Findings) {
        match self {
            Self::Open(evidence, fix) => findings.failed(CHECK, evidence, fix),
            Self::Unseen(why) => findings.unknown(CHECK, why, "see that systemd answers: systemctl status"),
        }
    }
}

/// Looks at what holds for all. `path`: that of the configuration, if it is not the usual one.
pub(super) fn examine(config: &Config, path: Option<&Path>, findings: &mut Findings) -> Systemd {
    if systemd::template().is_none() {
        findings.passed(CHECK, "there is no systemd, and so none");
        return Systemd::Absent;
    }
    let managers = match systemd::is_booted().then(systemd::managers).transpose() {
        Ok(managers) => managers.unwrap_or_default(),
        Err(error) => {
            Fault::Unseen(error.to_string()).tell(findings);
            BTreeMap::new()
        }
    };
    let fault = match judged(None) {
        Ok(None) => {
            findings.passed(CHECK, "user@.service is masked, and so nobody has one");
            None
        }
        Ok(Some(asks)) => {
            tell_of(&asks, config, path.unwrap_or(Path::new(DEFAULT_PATH)), findings);
            None
        }
        Err(fault) => {
            fault.tell(findings);
            Some(fault)
        }
    };
    Systemd::Present { fault, special: systemd::uids_with_files(), managers }
}

impl Systemd {
    /// Looks at what holds for one member. `others`: further names of the account.
    pub(super) fn examine(&self, account: &Account, others: &BTreeSet<String>, findings: &mut Findings) {
        let Self::Present { fault, special, managers } = self else { return };
        let uid = account.uid.as_raw();
        let shown = escaped(&account.name);
        if special.contains(&uid) || managers.contains_key(&uid) {
            let own = judged(Some(uid)).err();
            // What is so for all is told already.
            if let Some(own) = own.filter(|own| fault.as_ref() != Some(own)) {
                own.tell(findings);
            }
        }
        let names = others.iter().chain([&account.name]).filter_map(|name| UserName::parse(name).ok());
        let lingering: Vec<_> = names.filter(systemd::lingers).collect();
        for name in &lingering {
            let evidence = format!("logind starts a user manager of {name}'s at boot, and lets it run on");
            findings.failed("linger", evidence, format!("loginctl disable-linger {}", word(name.as_str())));
        }
        if managers.get(&uid) == Some(&true) {
            let unit = systemd::manager(uid);
            let evidence = format!("{unit} of {shown}'s runs now, outside of the jail");
            findings.failed(CHECK, evidence, format!("systemctl stop {unit}"));
        } else if lingering.is_empty() {
            findings.passed("linger", format!("off, and no user manager of {shown}'s runs"));
        }
    }
}

/// Whether members get no user manager, or not the one with this uid; `None`: nobody does.
fn judged(uid: Option<u32>) -> Result<Option<Asks>, Fault> {
    let asks = in_files(uid).and_then(|asks| is_trusted(uid, &asks).and(is_heeded(uid)).map(|()| asks));
    if !systemd::is_booted() {
        return asks.map(Some);
    }
    let uid = uid.unwrap_or(ANYBODY);
    let loaded = systemd::loaded(uid).map_err(|error| Fault::Unseen(error.to_string()))?;
    if loaded.is_masked {
        return Ok(None);
    }
    match asks? {
        asks if !loaded.is_outdated && asks.is_in(&loaded.conditions, uid) => {
            match skips(&loaded.successes) {
                true => Ok(Some(asks)),
                false => {
                    Err(not_skipped(&format_args!("what systemd has loaded for {}", systemd::manager(uid))))
                }
            }
        }
        _ => Err(not_loaded()),
    }
}

/// Says of our condition, which holds, what it goes by. `path`: the configuration that is checked.
fn tell_of(asks: &Asks, config: &Config, path: &Path, findings: &mut Findings) {
    let program = escaped(&asks.program);
    if asks.config != path {
        let evidence = format!(
            "{} goes by {}, and this check by {}, so members of the one may get a user manager by the other",
            drop_in::PATH,
            escaped(&asks.config),
            escaped(path)
        );
        let fix = format!(
            "write {} and the groups of its profiles behind the %i of its last line, then: systemctl daemon-reload",
            word(path)
        );
        return findings.failed(CHECK, evidence, fix);
    }
    // A group that does not exist has no members yet.
    let exists = |name: &&str| !matches!(Group::by_name(name), Ok(None));
    let missing: Vec<_> =
        config.groups().filter(|name| !asks.groups.iter().any(|own| own == name)).filter(exists).collect();
    if !missing.is_empty() {
        let evidence = format!(
            "{} does not name these groups, whose members get a user manager if the configuration or the program \
             is gone: {}",
            drop_in::PATH,
            listed(&missing)
        );
        let fix = match path == Path::new(DEFAULT_PATH) {
            true => groups::set_up(config),
            false => {
                "write them behind the others in its last line, then: systemctl daemon-reload".to_owned()
            }
        };
        return findings.failed(CHECK, evidence, fix);
    }
    if !asks.program.is_file() {
        let evidence = format!(
            "{} asks {program}, which is not there, and so goes by these groups only: {}",
            drop_in::PATH,
            listed(&asks.groups)
        );
        return findings.warned(
            CHECK,
            evidence,
            "install the program there (make install), or sftpjail setup",
        );
    }
    findings.passed(CHECK, format!("none for members: {} asks {program}", drop_in::PATH));
}

/// Our condition, if the files let it hold.
fn in_files(uid: Option<u32>) -> Result<Asks, Fault> {
    let conditions = systemd::settings(uid, "ExecCondition");
    let found = conditions.iter().enumerate().rev().find_map(|(i, c)| Some((i, Asks::parse(&c.value)?)));
    let reset = conditions.iter().enumerate().rfind(|(_, condition)| condition.value.is_empty());
    let own = Path::new(drop_in::PATH);
    let is_in_its_place = |file: &&PathBuf| file.file_name() == own.file_name() && *file != own;
    let (what, fix) = match (found, reset) {
        (Some((at, asks)), reset) if reset.is_none_or(|(reset, _)| reset < at) => return Ok(asks),
        (Some(_), Some((_, Setting { file, .. }))) => (
            format!("{} takes back what {} says", escaped(file), drop_in::PATH),
            format!("take `ExecCondition=` out of {}, then: systemctl daemon-reload", escaped(file)),
        ),
        _ => match systemd::drop_ins(uid).iter().find(is_in_its_place) {
            Some(file) => (
                format!("systemd reads {} instead of {}", escaped(file), drop_in::PATH),
                format!("rm {} && systemctl daemon-reload", word(file)),
            ),
            None if own.exists() => {
                (format!("{} is not what setup writes", drop_in::PATH), "sftpjail setup".to_owned())
            }
            None => (format!("{} is missing", drop_in::PATH), "sftpjail setup".to_owned()),
        },
    };
    let risk =
        "so systemd runs what a member's ~/.config/systemd says, as the member and outside of the jail";
    Err(Fault::Open(format!("{what}, {risk}"), fix))
}

/// Whether nobody but root can change what systemd reads and runs: its files, the program, the configuration.
fn is_trusted(uid: Option<u32>, asks: &Asks) -> Result<(), Fault> {
    // What is masked is not read.
    let is_masked = |file: &&PathBuf| file.canonicalize().is_ok_and(|real| real == Path::new("/dev/null"));
    let files = systemd::files(uid);
    for file in files.iter().filter(|file| !is_masked(file)).chain([&asks.program, &asks.config]) {
        let path = match trust::changeable(file) {
            Ok(None) => continue,
            Ok(Some(path)) => path,
            // The program and the configuration may be missing.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(Fault::Unseen(format!("{}: {error}", escaped(file)))),
        };
        let what = if path == *file { String::new() } else { format!(", which leads to {}", escaped(file)) };
        let evidence = format!(
            "{} can be changed by others than root{what}: root relies on it for members' user managers",
            escaped(&path)
        );
        let fix = format!("see what is in it, then: chown -h root {0} && chmod go-w {0}", word(&path));
        return Err(Fault::Open(evidence, fix));
    }
    Ok(())
}

/// Whether the files let our exit status skip the manager.
fn is_heeded(uid: Option<u32>) -> Result<(), Fault> {
    let settings = systemd::settings(uid, "SuccessExitStatus");
    let reset = settings.iter().rposition(|setting| setting.value.is_empty());
    match settings.iter().skip(reset.unwrap_or(0)).find(|setting| !skips(&setting.value)) {
        Some(setting) => Err(not_skipped(&escaped(&setting.file))),
        None => Ok(()),
    }
}

/// Whether systemd skips a unit for our exit status, where these statuses are success.
fn skips(successes: &str) -> bool {
    !successes.split_whitespace().any(|status| status.trim_matches(['"', '\'']).parse() == Ok(SKIP))
}

fn not_skipped(who: &dyn Display) -> Fault {
    let evidence = format!(
        "SuccessExitStatus= of {who} has {SKIP}, with which {} says no, so members get a user manager",
        drop_in::PATH
    );
    Fault::Open(evidence, format!("take {SKIP} out of it, then: systemctl daemon-reload"))
}

/// Why systemd does not have what its files say.
fn not_loaded() -> Fault {
    let (evidence, fix) = match systemd::version() {
        Some(version) if version < drop_in::SINCE => (
            format!("systemd {version} knows no ExecCondition=, so members get a user manager"),
            format!(
                "install systemd {} or newer; until then, for each member: systemctl mask user@UID.service",
                drop_in::SINCE
            ),
        ),
        _ => (
            format!("systemd has not read {}, so members get a user manager", drop_in::PATH),
            "systemctl daemon-reload".to_owned(),
        ),
    };
    Fault::Open(evidence, fix)
}
