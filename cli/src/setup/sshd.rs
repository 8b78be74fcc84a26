//! Puts the members' `Match` block into sshd's configuration, and refuses what keeps it from having an effect.
//!
//! The settings of the block are in `desired::sshd`. What stands in the file of the block already is in `own_block`,
//! and the blocks of others are in `conflicts`.

mod conflicts;
pub(super) mod own_block;

use super::change::Change;
use super::choices::Choices;
use super::target::check_trusted;
use crate::desired::sshd::fix::without_option;
use crate::desired::sshd::{Setting, managed_keys};
use crate::desired::trusted;
use crate::host::sshd::connections::Connection;
use crate::host::sshd::daemon::{Daemon, NoAnswer};
use crate::host::sshd::effective::Settings;
use crate::host::sshd::files::{Block, SshdConfig};
use crate::report::Error;
use conflicts::Conflicts;
use own_block::Own;
use pam_sftpjail::escape::escaped;
use std::path::Path;

/// The installed sshd, after it has shown that it can read its configuration.
pub(super) struct Sshd {
    pub(super) daemon: Daemon,
    /// The effective settings outside of `Match` blocks: those of root over a connection that no block
    /// expects.
    pub(super) global: Settings,
}

impl Sshd {
    /// The error: there is none, or its configuration is broken.
    ///
    /// `file`: that of its configuration, if it is not the usual one.
    pub(super) fn find(file: Option<&Path>) -> Result<Self, Error> {
        let daemon = Daemon::find(file)?;
        daemon.test()?;
        let global = daemon.ask("root", &Connection::plain(0, false, "22")).map_err(NoAnswer::into_error)?;
        Ok(Self { daemon, global })
    }
}

/// What sshd's configuration needs.
#[derive(Default)]
pub(super) struct Needed {
    pub(super) changes: Vec<Change>,
    /// Sentences for the admin: what is set back, and what has no effect any more.
    pub(super) notes: Vec<String>,
    /// The groups of our present block that no profile names any more, and that the changes leave out.
    pub(super) dropped_groups: Vec<String>,
    /// The groups that no profile names, and whose users sshd sends into the jail root all the same, where it refuses
    /// them.
    pub(super) stray_groups: Vec<String>,
    /// What seems to win over the block that is there already. sshd itself can be asked whether it does.
    pub(super) doubt: Option<Error>,
}

/// Whether setup's own block says that the keys that root keeps count.
pub(super) fn names_managed_keys(sshd: &Sshd) -> Result<bool, Error> {
    let config = SshdConfig::read(sshd.daemon.main_file())?;
    Ok(Own::find(&config).says(&config, &managed_keys()))
}

/// The changes that sshd's configuration needs.
pub(super) fn needed(choices: &Choices, sshd: &Sshd) -> Result<Needed, Error> {
    let main = sshd.daemon.main_file();
    if !main.is_file() {
        return Err(Error::new(format!("there is no {}", escaped(main)), "reinstall OpenSSH's server"));
    }
    let config = SshdConfig::read(main)?;
    check_trusted(&trusted::of_sshd(&config))?;
    check_use_pam(sshd, &config, main)?;
    check_subsystem(sshd, main)?;

    let settings = choices.settings();
    let own = Own::find(&config);
    let dropped = choices.managed_keys.dropped();
    let has_block = |group: &String| config.blocks.iter().any(|b| is_complete(&config, b, group, &settings));
    let has_dropped = dropped.as_ref().is_some_and(|setting| own.says(&config, setting));
    let edited = match has_dropped || !choices.groups.iter().all(has_block) {
        true => Some(own.edited(&config, &choices.groups, &settings, dropped.as_ref())?),
        false => None,
    };
    let planned = edited.as_ref().map(|edited| (own.file.as_path(), edited.text.as_str()));
    let planned = SshdConfig::read_with(main, planned)?;
    let Conflicts { notes, winning } = conflicts::find(choices, &planned, &settings, &own)?;
    if edited.is_some() {
        if let Some(error) = winning {
            return Err(error);
        }
    }
    let stray_groups = stray_groups(choices, &planned);
    let mut needed = Needed { notes, doubt: winning, stray_groups, ..Needed::default() };
    if let Some(edited) = edited {
        needed.dropped_groups = own.dropped_groups(&config, &planned, choices);
        needed.notes.splice(0..0, edited.notes);
        needed.changes = edited.changes;
    }
    Ok(needed)
}

/// The groups of `Match` blocks that send users into the jail root, without those of profiles.
fn stray_groups(choices: &Choices, planned: &SshdConfig) -> Vec<String> {
    let roots = [choices.jail_root.clone()];
    let is_such = |block: &&Block| planned.of_block(block).any(|setting| setting.chroots_below(&roots));
    let mut groups: Vec<String> = Vec::new();
    for group in planned.blocks.iter().filter(is_such).flat_map(|block| block.patterns("group")) {
        if !group.starts_with('!') && !choices.groups.contains(group) && !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    groups
}

/// Refuses an sshd that does not use PAM.
fn check_use_pam(sshd: &Sshd, config: &SshdConfig, main: &Path) -> Result<(), Error> {
    match sshd.global.get("UsePAM") {
        Some("yes") => Ok(()),
        None => Err(Error::new(
            format!("{} is built without PAM", sshd.daemon),
            "install an sshd with PAM (openssh-server-pam on Alpine)",
        )),
        Some(_) => {
            if let Some(fix) = without_option(&sshd.daemon) {
                return Err(Error::new("UsePAM is no, so sshd calls no PAM module", fix));
            }
            let line = config.settings.iter().find(|setting| setting.keyword == "usepam");
            let location = line.map_or_else(|| main.display().to_string(), |line| line.location.to_string());
            let what = format!("{location}: UsePAM is no, so sshd calls no PAM module");
            Err(Error::new(what, "set `UsePAM yes` there, and check that everybody can still log in"))
        }
    }
}

/// Refuses an sshd without `Subsystem sftp`: SFTP clients ask for the subsystem. Which program it names is the
/// same for members, whose ForceCommand wins.
fn check_subsystem(sshd: &Sshd, main: &Path) -> Result<(), Error> {
    let mut subsystems = sshd.global.all("Subsystem");
    if subsystems.any(|value| value.split_whitespace().next() == Some("sftp")) {
        return Ok(());
    }
    let shown = escaped(main);
    let what = format!("{shown} has no `Subsystem sftp`, so sshd refuses every SFTP client");
    Err(Error::new(
        what,
        format!("add the line `Subsystem sftp internal-sftp` to {shown}, above all Match blocks"),
    ))
}

/// Whether a block has all `settings`, for all members of the group.
fn is_complete(config: &SshdConfig, block: &Block, group: &str, settings: &[Setting]) -> bool {
    is_for_group_only(block)
        && block.names("group", group)
        && settings.iter().all(|setting| {
            // Of two lines for one setting, sshd uses the first.
            config.of_block(block).find_map(|line| setting.accepts(&line.keyword, &line.value)) == Some(true)
        })
}

/// Whether a block tests the groups of a user and nothing else.
fn is_for_group_only(block: &Block) -> bool {
    matches!(block.criteria.as_slice(), [(attribute, _)] if attribute == "group")
}
