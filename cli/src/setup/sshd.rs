//! Puts the members' `Match` block into sshd's configuration, and refuses one that conflicts with it.
//!
//! The settings of the block are in `desired::sshd`.

use super::change::{Change, FileChange};
use super::choices::Choices;
use super::target::Target;
use crate::desired::sshd::{Setting, block};
use crate::host::sshd::connections::Connection;
use crate::host::sshd::daemon::{Daemon, NoAnswer};
use crate::host::sshd::effective::Settings;
use crate::host::sshd::files::{BEGIN, Block, END, SshdConfig};
use crate::report::Error;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::nss::Group;
use std::path::{Path, PathBuf};

/// sshd reads it before the other files of the directory, and the first value of a setting wins.
const DROP_IN: &str = "00-sftpjail.conf";

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

/// The changes that sshd's configuration needs.
pub(super) fn changes(choices: &Choices, sshd: &Sshd) -> Result<Vec<Change>, Error> {
    let main = sshd.daemon.main_file();
    if !main.is_file() {
        return Err(Error::new(format!("there is no {}", escaped(main)), "reinstall OpenSSH's server"));
    }
    let config = SshdConfig::read(main);
    check_use_pam(sshd, &config, main)?;

    let drop_in = drop_in(&config);
    let settings = block(&choices.jail_root);
    let own_file = drop_in.as_deref().unwrap_or(main);
    let missing: Vec<_> = choices
        .groups
        .iter()
        .filter(|group| !config.blocks.iter().any(|block| is_complete(&config, block, group, &settings)))
        .collect();
    check_conflicts(choices, &config, &settings, own_file, drop_in.is_some())?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = format!("Match Group {}\n", choices.groups.join(","));
    for setting in &settings {
        text += &format!("    {} {}\n", setting.keyword, setting.value);
    }
    match drop_in {
        Some(path) => drop_in_changes(path, &text),
        None => Ok(vec![main_file_change(main, &text)?]),
    }
}

/// The groups in our present block that no profile names any more, if `changes` replace the block.
pub(super) fn dropped_groups(choices: &Choices, sshd: &Sshd, changes: &[Change]) -> Vec<String> {
    let main = sshd.daemon.main_file();
    let config = SshdConfig::read(main);
    let drop_in = drop_in(&config);
    let own_file = drop_in.as_deref().unwrap_or(main);
    let is_replaced = |block: &&Block| {
        changes.iter().any(|change| change.is_file_where(|path| path == block.location.file))
    };
    let blocks = config.blocks.iter().filter(|block| is_ours(block, own_file, drop_in.is_some()));
    let named = blocks.filter(is_replaced).flat_map(|block| block.patterns("group"));
    named.filter(|group| !choices.groups.contains(group)).cloned().collect()
}

/// The file for our block, if sshd includes a directory of such files.
fn drop_in(config: &SshdConfig) -> Option<PathBuf> {
    config.drop_in_directory().map(|directory| directory.join(DROP_IN))
}

/// The block in a file of its own.
fn drop_in_changes(path: PathBuf, block: &str) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        changes.push(Change::Directory { path: directory.to_owned(), mode: 0o755 });
    }
    let text = format!("# Made by `sftpjail setup`; `sftpjail setup --undo` removes it.\n{block}");
    let target = Target::ours(&path)?;
    let before = target.read()?;
    changes.push(Change::File(FileChange::whole(target, before, text)));
    Ok(changes)
}

/// The block at the end of sshd's main file, between [`BEGIN`] and [`END`]. `Match all` ends it: what others
/// add below is for everybody.
fn main_file_change(main: &Path, block: &str) -> Result<Change, Error> {
    let target = Target::of_others(main)?;
    let before = target.read()?.unwrap_or_default();
    let mut text = String::from_utf8(before.clone())
        .map_err(|_| Error::new(format!("{} is not UTF-8", main.display()), "save it as UTF-8"))?;
    let own = format!("{BEGIN}{block}Match all\n{END}");
    if let Some((head, rest)) = text.split_once(BEGIN)
        && let Some((_, tail)) = rest.split_once(END)
    {
        let text = format!("{head}{own}{tail}");
        return Ok(Change::File(FileChange::whole(target, Some(before), text)));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text += &own;
    Ok(Change::File(FileChange {
        target,
        before: Some(before),
        after: text.into(),
        inserted: vec![own],
        replaced: Vec::new(),
    }))
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
            let line = config.settings.iter().find(|setting| setting.keyword == "usepam");
            let location = line.map_or_else(|| main.display().to_string(), |line| line.location.to_string());
            let what = format!("{location}: UsePAM is no, so sshd calls no PAM module");
            Err(Error::new(what, "set `UsePAM yes` there, and check that everybody can still log in"))
        }
    }
}

/// Refuses another block that sets something else for members. What this parser cannot see, `verify` finds
/// with `sshd -T` before sshd reloads.
fn check_conflicts(
    choices: &Choices,
    config: &SshdConfig,
    settings: &[Setting],
    own_file: &Path,
    in_drop_in: bool,
) -> Result<(), Error> {
    let mut members = Vec::new();
    for group in &choices.groups {
        members.extend(Group::by_name(group)?.into_iter().flat_map(|group| group.members));
    }
    for block in config.blocks.iter().filter(|block| !is_ours(block, own_file, in_drop_in)) {
        let names_members = choices.groups.iter().any(|group| block.names("group", group))
            || members.iter().any(|user| block.names("user", user));
        // sshd reads our drop-in before the blocks of the main file.
        let comes_first =
            !in_drop_in || (block.location.file != config.main && block.location.file.as_path() < own_file);
        let may_win = block.is_for_anybody() && comes_first;
        if !(names_members || may_win) {
            continue;
        }
        let other = config.of_block(block).find(|setting| {
            settings.iter().any(|own| own.accepts(&setting.keyword, &setting.value) == Some(false))
        });
        if let Some(setting) = other {
            let what = format!(
                "{}: {} is {} for members, in the Match block of line {}",
                setting.location,
                setting.written,
                one_line(&setting.value),
                block.location.line
            );
            return Err(Error::new(what, "remove that line, or exclude the members from that block"));
        }
    }
    Ok(())
}

/// Whether setup has written the block.
fn is_ours(block: &Block, own_file: &Path, in_drop_in: bool) -> bool {
    block.location.file == own_file && (in_drop_in || block.is_marked)
}

/// Whether a block has all `settings`, for all members of the group.
fn is_complete(config: &SshdConfig, block: &Block, group: &str, settings: &[Setting]) -> bool {
    block.criteria.len() == 1
        && block.names("group", group)
        && settings.iter().all(|setting| {
            // Of two lines for one setting, sshd uses the first.
            config.of_block(block).find_map(|line| setting.accepts(&line.keyword, &line.value)) == Some(true)
        })
}
