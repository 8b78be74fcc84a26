//! sshd's `Match` block: where it goes, and what speaks against it.

use super::change::{Change, FileChange};
use super::desired_state::DesiredState;
use super::target::Target;
use crate::desired::sshd::{Setting, block};
use crate::host::sshd::connections::Connection;
use crate::host::sshd::daemon::{Daemon, NoAnswer};
use crate::host::sshd::effective::Settings;
use crate::host::sshd::files::{BEGIN, Block, END, MAIN, SshdConfig};
use crate::report::Error;
use pam_sftpjail::nss::Group;
use std::path::{Path, PathBuf};

/// Read before the others of its directory, since the first value wins.
const DROP_IN: &str = "00-sftpjail.conf";

/// The installed sshd, whose configuration can be read.
pub(super) struct Sshd {
    pub(super) daemon: Daemon,
    /// What holds for a user whom no `Match` is for: root, from nowhere.
    pub(super) usual: Settings,
}

impl Sshd {
    pub(super) fn find() -> Result<Self, Error> {
        let daemon = Daemon::find()?;
        daemon.test()?;
        let usual = daemon.ask("root", &Connection::plain(0, false, "22")).map_err(NoAnswer::into_error)?;
        Ok(Self { daemon, usual })
    }
}

/// The changes that sshd's configuration needs.
pub(super) fn changes(desired: &DesiredState, sshd: &Sshd) -> Result<Vec<Change>, Error> {
    let main = SshdConfig::main_file()
        .ok_or_else(|| Error::new(format!("there is no {}", MAIN[0]), "reinstall OpenSSH's server"))?;
    let config = SshdConfig::read(main);
    uses_pam(sshd, &config, main)?;

    let drop_in = drop_in(&config);
    let settings = block(&desired.jail_root);
    let home = drop_in.as_deref().unwrap_or(main);
    let missing: Vec<_> = desired
        .groups
        .iter()
        .filter(|group| !config.blocks.iter().any(|block| is_complete(&config, block, group, &settings)))
        .collect();
    contradictions(desired, &config, &settings, home, drop_in.is_some())?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = format!("Match Group {}\n", desired.groups.join(","));
    for setting in &settings {
        text += &format!("    {} {}\n", setting.keyword, setting.value);
    }
    match drop_in {
        Some(path) => put_drop_in(path, &text),
        None => Ok(vec![put_at_end(main, &text)?]),
    }
}

/// The groups that our block names now, and that no profile is for any more, if `changes` write it anew.
pub(super) fn given_up(desired: &DesiredState, changes: &[Change]) -> Vec<String> {
    let Some(main) = SshdConfig::main_file() else { return Vec::new() };
    let config = SshdConfig::read(main);
    let drop_in = drop_in(&config);
    let home = drop_in.as_deref().unwrap_or(main);
    let is_written =
        |block: &&Block| changes.iter().any(|change| change.is_of(|path| path == block.location.file));
    let blocks = config.blocks.iter().filter(|block| is_own(block, home, drop_in.is_some()));
    let named = blocks.filter(is_written).flat_map(|block| block.patterns("group"));
    named.filter(|group| !desired.groups.contains(group)).cloned().collect()
}

/// Where our block goes, if there is a directory for such files.
fn drop_in(config: &SshdConfig) -> Option<PathBuf> {
    config.drop_in_directory().map(|directory| directory.join(DROP_IN))
}

fn put_drop_in(path: PathBuf, block: &str) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        changes.push(Change::Directory { path: directory.to_owned(), mode: 0o755 });
    }
    let text = format!("# Made by `sftpjail setup`; `sftpjail setup --undo` takes it away.\n{block}");
    let target = Target::ours(&path)?;
    let before = target.read()?;
    changes.push(Change::File(FileChange::whole(target, before, text)));
    Ok(changes)
}

/// A block at the end is in nobody's way; what somebody adds after it is for all again.
fn put_at_end(main: &Path, block: &str) -> Result<Change, Error> {
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

fn uses_pam(sshd: &Sshd, config: &SshdConfig, main: &Path) -> Result<(), Error> {
    match sshd.usual.get("UsePAM") {
        Some("yes") => Ok(()),
        None => Err(Error::new(
            format!("{} is built without PAM", sshd.daemon),
            "install the one with PAM (openssh-server-pam on Alpine)",
        )),
        Some(_) => {
            let line = config.settings.iter().find(|setting| setting.keyword == "usepam");
            let place = line.map_or_else(|| main.display().to_string(), |line| line.location.to_string());
            let what = format!("{place}: UsePAM is no, so PAM's modules are not asked");
            Err(Error::new(what, "set `UsePAM yes` there, and see that everybody can still log in"))
        }
    }
}

/// Refuses where another block says otherwise of members. What no parser can tell, `sshd -T` tells
/// before sshd is told to reload.
fn contradictions(
    desired: &DesiredState,
    config: &SshdConfig,
    settings: &[Setting],
    home: &Path,
    in_drop_in: bool,
) -> Result<(), Error> {
    let mut members = Vec::new();
    for group in &desired.groups {
        members.extend(Group::by_name(group)?.into_iter().flat_map(|group| group.members));
    }
    for block in config.blocks.iter().filter(|block| !is_own(block, home, in_drop_in)) {
        let names_members = desired.groups.iter().any(|group| block.names("group", group))
            || members.iter().any(|user| block.names("user", user));
        // In the main file, a drop-in comes before it.
        let comes_first =
            !in_drop_in || (block.location.file != config.main && block.location.file.as_path() < home);
        let may_win = block.is_for_anybody() && comes_first;
        if !(names_members || may_win) {
            continue;
        }
        let other = config.of_block(block).find(|setting| {
            settings.iter().any(|desired| desired.accepts(&setting.keyword, &setting.value) == Some(false))
        });
        if let Some(setting) = other {
            let what = format!(
                "{}: `{}` sets {} for members, in the Match block of line {}",
                setting.location,
                pam_sftpjail::escape::one_line(&setting.value),
                setting.written,
                block.location.line
            );
            return Err(Error::new(what, "take that out, or exempt the members from that block"));
        }
    }
    Ok(())
}

fn is_own(block: &Block, home: &Path, in_drop_in: bool) -> bool {
    block.location.file == home && (in_drop_in || block.is_marked)
}

/// Whether a block says of all members of the group all that is required.
fn is_complete(config: &SshdConfig, block: &Block, group: &str, desired: &[Setting]) -> bool {
    block.criteria.len() == 1
        && block.names("group", group)
        && desired.iter().all(|desired| {
            // The first decides.
            config.of_block(block).find_map(|own| desired.accepts(&own.keyword, &own.value)) == Some(true)
        })
}
