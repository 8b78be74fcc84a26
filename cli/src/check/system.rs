//! Checks what is the same for all users of the host.

use super::Request;
use super::interrupted;
use super::pam::{self, Pam};
use super::selinux;
use super::sshd;
use super::trusted;
use super::user_manager::{self, Systemd};
use crate::host::accounts::{self, Accounts};
use crate::host::configuration::{self, Unusable};
use crate::host::process_table::Found;
use crate::host::rehearsal::{ConfinedSshd, Rehearsals};
use crate::host::sessions::{Unjailed, unjailed};
use crate::host::sshd::logins::Sshd;
use crate::host::sshd::running::Running;
use crate::report::{Consequence, Findings};
use nix::unistd::geteuid;
use pam_sftpjail::account::known_to_etc_group;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::switch::{Database, Line};
use std::collections::BTreeMap;
use std::iter::repeat;
use std::path::Path;

/// In how many kinds of confinement each of all members is rehearsed.
const MAX_CONFINED: usize = 4;

/// What the checks of each user need; read once.
pub(super) struct Host<'c> {
    pub(super) config: &'c Config,
    pub(super) path: Option<&'c Path>,
    /// Whether the member is setup's, who has neither a password nor a key; and what its volumes let others do says
    /// nothing of it.
    pub(super) is_trial: bool,
    /// The running sshds whose confinement differs from that of this program, one of each kind.
    pub(super) confined: Vec<ConfinedSshd>,
    /// Whether one runs whose confinement does not.
    pub(super) has_unconfined: bool,
    /// `None`: sshd does not answer.
    pub(super) sshd: Option<Sshd>,
    pub(super) pam: Pam,
    pub(super) systemd: Systemd,
    pub(super) accounts: Accounts,
    pub(super) rehearsals: Rehearsals<'c>,
    /// The processes of sshd that serve users outside of jails, by uid.
    pub(super) unjailed: Found<BTreeMap<u32, Vec<Unjailed>>>,
}

/// Reads and checks the configuration; `None` if it cannot be used.
pub(super) fn config(path: Option<&Path>, findings: &mut Findings) -> Option<Config> {
    match configuration::load(path) {
        Err(Unusable::Unread(error)) if !geteuid().is_root() => {
            findings.unknown("configuration", error.what, error.fix);
            None
        }
        Err(unusable) => {
            let meanwhile =
                ". Until this is fixed, no jail is built, and sshd refuses the users that it chroots";
            for (error, meanwhile) in
                unusable.all().into_iter().zip([meanwhile].into_iter().chain(repeat("")))
            {
                let consequence = Consequence::Unknown("the configuration cannot be used".to_owned());
                findings.failed("configuration", consequence, error.what + meanwhile, error.fix);
            }
            None
        }
        Ok(config) => {
            let file = path.unwrap_or(Path::new(DEFAULT_PATH));
            let origin = if file.exists() { "is ok" } else { "is missing; the built-in default is used" };
            findings.passed("configuration", format!("{} {origin}", escaped(file)));
            Some(config)
        }
    }
}

impl<'c> Host<'c> {
    /// Reads all of it, and reports what holds for everybody.
    pub(super) fn examine(config: &'c Config, request: &Request<'c>, findings: &mut Findings) -> Self {
        let path = request.config;
        let mut about_names = Findings::default();
        let accounts = Accounts::list().unwrap_or_else(|error| {
            about_names.unknown("names", error, "see that NSS answers (getent passwd)");
            Accounts::default()
        });
        let sshd = match Sshd::find(request.sshd_config) {
            Ok(sshd) => {
                sshd::describe(&sshd, findings);
                if !request.is_trial {
                    sshd::running::describe(&sshd, request.user.is_none(), findings);
                    sshd::others::describe(&sshd, config, request.user, &accounts, findings);
                }
                Some(sshd)
            }
            Err(no_answer) => {
                sshd::unanswered(&no_answer, findings);
                None
            }
        };
        let service = sshd.as_ref().map_or("sshd", |sshd| &sshd.service);
        let pam = pam::examine(service, config, path, request.sshd_config, findings);
        if !request.is_trial {
            pam::nologin(service, findings);
            interrupted::examine(findings);
        }
        trusted::examine(sshd.as_ref(), service, findings);
        let systemd = user_manager::examine(config, path, findings);
        findings.append(about_names);
        group_services(config, findings);
        if let Err(error) = accounts::is_complete() {
            let evidence = format!("NSS may not list all users: {error}");
            findings.unknown("names", evidence, error.fix());
        }
        let running = sshd.iter().filter(|_| !request.is_trial).flat_map(|sshd| sshd.daemon.running());
        selinux::examine(running.clone(), config, path.unwrap_or(Path::new(DEFAULT_PATH)), findings);
        let (unconfined, confined): (Vec<_>, _) = running.partition(|sshd| sshd.confined.is_empty());
        let has_unconfined = !unconfined.is_empty();
        let most = if request.user.is_none() { MAX_CONFINED } else { usize::MAX };
        let confined = confined_sshds(confined, most, findings);
        let is_trial = request.is_trial;
        let rehearsals = Rehearsals::new(path);
        // Setup's member has just been made.
        let unjailed = if is_trial { Found::default() } else { unjailed() };
        Self {
            config,
            path,
            is_trial,
            confined,
            has_unconfined,
            sshd,
            pam,
            systemd,
            accounts,
            rehearsals,
            unjailed,
        }
    }
}

impl Host<'_> {
    /// The running sshds that serve the user, as far as they matter: the home of setup's member lies in a namespace of
    /// its own.
    pub(super) fn running(&self) -> Vec<&Running> {
        let sshd = self.sshd.iter().filter(|_| !self.is_trial);
        sshd.flat_map(|sshd| sshd.daemon.running()).collect()
    }
}

/// Reads the confinement of one of each kind of these sshds, of `most` kinds.
fn confined_sshds(all: Vec<&Running>, most: usize, findings: &mut Findings) -> Vec<ConfinedSshd> {
    let kinds = ConfinedSshd::kinds(all);
    let (tried, untried) = kinds.split_at(kinds.len().min(most));
    if !untried.is_empty() {
        let names: Vec<_> = untried.iter().map(|sshd| sshd.name()).collect();
        let evidence = format!(
            "whether {} can build jails was not tried: for all members, {MAX_CONFINED} of the sshds with restrictions are",
            names.join(" and ")
        );
        findings.warned(
            sshd::running::CHECK,
            evidence,
            "run `sftpjail check USER`, which tries each of them",
        );
    }
    tried.iter().filter_map(|sshd| ConfinedSshd::read(sshd)).collect()
}

/// Checks whether NSS is set up to say reliably who is a member.
fn group_services(config: &Config, findings: &mut Findings) {
    let check = "groups";
    match known_to_etc_group(&config.exempt_groups) {
        Err(error) => findings.unknown(check, &error, error.fix()),
        Ok(known) => {
            for group in config.exempt_groups.iter().filter(|group| !known.contains(&group.as_str())) {
                let evidence = format!(
                    "exempt_groups has {}, which is not in /etc/group and so exempts nobody",
                    escaped(group)
                );
                findings.warned(check, evidence, "remove it from exempt_groups, or correct it");
            }
        }
    }
    match Line::of(Database::Group) {
        Err(error) => {
            findings.unknown(check, format!("/etc/nsswitch.conf: {error}"), "see that root can read it");
        }
        Ok(line) => {
            if let Some((service, next)) = line.masked_failure() {
                let (service, next) = (escaped(service), escaped(next));
                let evidence = format!(
                    "{line} asks {next} after {service}: if {service} does not answer, {next} says that its groups do \
                     not exist, and their members are not jailed"
                );
                let fix =
                    format!("move {service} to the end of the line, or write {service} [UNAVAIL=return]");
                findings.warned(check, evidence, fix);
            }
        }
    }
}
