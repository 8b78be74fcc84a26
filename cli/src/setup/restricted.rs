//! Rehearses jails with what restricts the running sshds, before setup changes anything: after a setup, an sshd that cannot
//! build them refuses every member. `check` rehearses in the same way.

use super::choices::Choices;
use super::members::Members;
use super::say;
use super::sshd::Sshd;
use crate::desired::restrictions::{Attempt, Kept, Trial, Untried};
use crate::host::accounts::Accounts;
use crate::host::rehearsal::{AsSshd, ConfinedSshd, Failure, Rehearsal, Rehearsals};
use crate::host::sshd::running::Running;
use crate::report::{Consequence, Error};
use pam_sftpjail::config::{Config, Namespace};
use pam_sftpjail::confinement::Part;
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::{Group, User};
use pam_sftpjail::path::Normalised;
use std::cell::OnceCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many members are looked at, and with how many of them a rehearsal is made: of those whose homes are side by side, one.
const MAX_LOOKED_AT: usize = 100;
const MAX_MEMBERS: usize = 8;

/// Where jails are rehearsed while the jail root is missing, in a namespace that ends with the rehearsal: setup makes no
/// directory before it was asked to.
const STAND_IN: &str = "/run";

/// A profile whose jail has what every host has.
const BARE: &str = "[[profile]]\nname = \"bare\"\ngroups = [\"bare\"]\nhome = \"none\"\nlog = false\n\
    [[profile.volume]]\nsource = \"/var/lib\"\ntarget = \"/bare\"\nread_only = true\n";

/// What the running sshds cannot do.
pub(super) struct Restricted {
    /// The first that can build no jails, or not those of some members.
    unable: Option<Error>,
    /// Sentences for the admin.
    notes: Vec<String>,
}

/// Whose jail is rehearsed.
struct Subject {
    user: String,
    rehearsals: Rehearsals<'static>,
    /// The rehearsal without restrictions.
    own: OnceCell<io::Result<Result<Rehearsal, Failure>>>,
}

impl Restricted {
    /// For a process without threads: it forks.
    pub(super) fn find(choices: &Choices, members: &Members, sshd: &Sshd) -> Result<Self, Error> {
        let untried = sshd.daemon.running().map(Untried::of_running);
        let untried = untried.chain(sshd.daemon.socket().map(Untried::of_socket));
        let note = |Untried { evidence, fix }| format!("{evidence}; {fix}");
        let notes = untried
            .filter_map(|found| found.map_or_else(|why| Some(why.to_string()), |found| found.map(note)));
        let notes = notes.collect();
        let mut found = Self { unable: None, notes };
        let confined: Vec<_> =
            ConfinedSshd::kinds(sshd.daemon.running()).into_iter().filter_map(confined).collect();
        if confined.is_empty() {
            return Ok(found);
        }
        let subjects = subjects(choices, members)?;
        confined.iter().for_each(|confined| found.try_out(confined, &subjects));
        Ok(found)
    }

    /// Tries one sshd, until something is found.
    fn try_out(&mut self, confined: &ConfinedSshd, subjects: &[Subject]) {
        let mut was_tried = false;
        for Subject { user, rehearsals, own } in subjects {
            let trial = Trial { confined, rehearsals, user, whom: "a member" };
            let tried_here = || own.get_or_init(|| rehearsals.rehearse(user, &AsSshd::default()));
            match trial.attempt(tried_here) {
                Attempt::Built(_) => was_tried = true,
                // It has nothing to do with the restrictions.
                Attempt::Failed => {}
                Attempt::Untried { problem, fix } => return self.notes.push(format!("{problem}; {fix}")),
                Attempt::Kept(problem) => {
                    let Kept { consequence, evidence, fix } = trial.blame(&problem, false);
                    match consequence {
                        Consequence::Refused(_) => drop(self.unable.get_or_insert(Error::new(evidence, fix))),
                        // So it is for every session, jailed or not.
                        _ => self.notes.push(format!("{evidence}; {fix}")),
                    }
                    return;
                }
            }
        }
        if !was_tried {
            let name = confined.sshd.name();
            self.notes.push(format!("whether {name} can build jails with what restricts it was not tried"));
        }
    }

    /// Prints the notes. The error: an sshd cannot build jails. `goes_on`: then that is a note, too.
    pub(super) fn stop(&self, goes_on: bool, out: &mut impl Write) -> Result<(), Error> {
        for note in &self.notes {
            say(out, format!("Note: {note}."));
        }
        match &self.unable {
            Some(error) if goes_on => say(out, format!("Note: {error}.")),
            Some(error) => return Err(error.clone()),
            None => {}
        }
        Ok(())
    }
}

/// The sshd, if it is restricted by more than AppArmor, whose rules for jails setup itself loads.
fn confined(sshd: &Running) -> Option<ConfinedSshd> {
    let mut sshd = sshd.clone();
    sshd.confined.retain(|part| *part != Part::Profile);
    ConfinedSshd::read(&sshd)
}

/// A bare jail first, since its problem is everybody's, and then those of some members.
fn subjects(choices: &Choices, members: &Members) -> Result<Vec<Subject>, Error> {
    let config = prepared(choices);
    let mut subjects = Vec::new();
    subjects.extend(bare(&config)?);
    let mut places: Vec<PathBuf> = Vec::new();
    for user in members.jailed().take(MAX_LOOKED_AT) {
        let Some(home) = User::by_name(user)?.map(|user| user.home) else { continue };
        let place = home.parent().unwrap_or(&home).to_owned();
        if places.len() < MAX_MEMBERS && !places.contains(&place) {
            places.push(place);
            subjects.push(Subject::new(user.clone(), config.clone()));
        }
    }
    Ok(subjects)
}

impl Subject {
    fn new(user: String, config: Config) -> Self {
        Self { user, rehearsals: Rehearsals::with(config), own: OnceCell::new() }
    }
}

/// The configuration to be, as far as a rehearsal with it makes nothing on the host.
fn prepared(choices: &Choices) -> Config {
    let mut config = choices.config.clone();
    if !choices.jail_root.exists() {
        config.namespace = Namespace::Private;
        config.jail_root = Normalised::parse(STAND_IN.as_ref()).unwrap_or(config.jail_root);
    }
    for profile in &mut config.profiles {
        profile.volumes.retain(|volume| volume.create.is_none());
    }
    config
}

/// A bare jail, for any account but root: there may be no member yet.
fn bare(config: &Config) -> Result<Option<Subject>, Error> {
    let accounts =
        Accounts::of_this_host().map_err(|error| Error::new(error, "see that root can read it"))?;
    for name in accounts.names().filter(|name| UserName::parse(name).is_ok()) {
        let Some(user) = User::by_name(name)?.filter(|user| !user.uid.is_root()) else { continue };
        let Some(group) = Group::by_gid(user.gid)? else { continue };
        let bare = Config::of_text(BARE, Path::new("the bare profile"));
        let mut profiles = bare.map_err(|error| Error::new(&error, error.fix()))?.profiles;
        profiles.iter_mut().for_each(|profile| profile.groups = vec![group.name.clone()]);
        let config = Config { exempt_groups: Vec::new(), profiles, ..config.clone() };
        return Ok(Some(Subject::new(name.to_owned(), config)));
    }
    Ok(None)
}
