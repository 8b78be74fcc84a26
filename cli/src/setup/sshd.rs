//! sshd's `Match` block: where it goes, and what speaks against it.

pub(super) mod ask;
mod config;

use super::change::{Change, FileChange};
use super::target::Target;
use super::trouble::Trouble;
use super::wanted::{Setting, Wanted};
use ask::Sshd;
use config::{Block, SshdConfig};
use pam_sftpjail::nss::Group;
use std::path::{Path, PathBuf};

/// The second is SUSE's, for whoever has no file of their own.
const MAIN: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

/// Read before the others of its directory, since the first value wins.
const DROP_IN: &str = "00-sftpjail.conf";

const BEGIN: &str = "# Begin of what `sftpjail setup` added; `sftpjail setup --undo` takes it out.\n";
const END: &str = "# End of what `sftpjail setup` added.\n";

/// The changes that sshd's configuration needs.
pub(super) fn changes(wanted: &Wanted, sshd: &Sshd) -> Result<Vec<Change>, Trouble> {
    let main = main_file()
        .ok_or_else(|| Trouble::new(format!("there is no {}", MAIN[0]), "reinstall OpenSSH's server"))?;
    let config = SshdConfig::read(main);
    uses_pam(sshd, &config, main)?;

    let drop_in = drop_in(&config);
    let settings = wanted.sshd_settings();
    let home = drop_in.as_deref().unwrap_or(main);
    let missing: Vec<_> = wanted
        .groups
        .iter()
        .filter(|group| !config.blocks.iter().any(|block| block.is_complete(group, &settings)))
        .collect();
    contradictions(wanted, &config, &settings, home, drop_in.is_some())?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut block = format!("Match Group {}\n", wanted.groups.join(","));
    for setting in &settings {
        block += &format!("    {} {}\n", setting.keyword, setting.value);
    }
    match drop_in {
        Some(path) => put_drop_in(path, &block),
        None => Ok(vec![put_at_end(main, &block)?]),
    }
}

/// The groups that our block names now, and that no profile is for any more, if `changes` write it anew.
pub(super) fn given_up(wanted: &Wanted, changes: &[Change]) -> Vec<String> {
    let Some(main) = main_file() else { return Vec::new() };
    let config = SshdConfig::read(main);
    let drop_in = drop_in(&config);
    let home = drop_in.as_deref().unwrap_or(main);
    let is_written = |block: &&Block| changes.iter().any(|change| change.is_of(|path| path == block.file));
    let blocks = config.blocks.iter().filter(|block| is_own(block, home, drop_in.is_some()));
    let named = blocks.filter(is_written).flat_map(|block| block.patterns("group"));
    named.filter(|group| !wanted.groups.contains(group)).cloned().collect()
}

/// Where our block goes, if there is a directory for such files.
fn drop_in(config: &SshdConfig) -> Option<PathBuf> {
    config.drop_in_directory().map(|directory| directory.join(DROP_IN))
}

fn main_file() -> Option<&'static Path> {
    MAIN.map(Path::new).into_iter().find(|path| path.is_file())
}

/// Where the keyword is given this value first, as file and line.
pub(super) fn place_of(keyword: &str, value: &str) -> Option<String> {
    let config = SshdConfig::read(main_file()?);
    let says = |setting: &&config::Setting| {
        setting.keyword.eq_ignore_ascii_case(keyword) && setting.value.eq_ignore_ascii_case(value)
    };
    config.settings().find(says).map(config::Setting::place)
}

fn put_drop_in(path: PathBuf, block: &str) -> Result<Vec<Change>, Trouble> {
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
fn put_at_end(main: &Path, block: &str) -> Result<Change, Trouble> {
    let target = Target::of_others(main)?;
    let before = target.read()?.unwrap_or_default();
    let mut text = String::from_utf8(before.clone())
        .map_err(|_| Trouble::new(format!("{} is not UTF-8", main.display()), "save it as UTF-8"))?;
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

fn uses_pam(sshd: &Sshd, config: &SshdConfig, main: &Path) -> Result<(), Trouble> {
    match sshd.usual.get("UsePAM") {
        Some("yes") => Ok(()),
        None => Err(Trouble::new(
            format!("{} is built without PAM", sshd.binary.display()),
            "install the one with PAM (openssh-server-pam on Alpine)",
        )),
        Some(_) => {
            let line = config.settings().find(|setting| setting.keyword == "usepam");
            let place = line.map_or_else(|| main.display().to_string(), |line| line.place());
            let what = format!("{place}: UsePAM is no, so PAM's modules are not asked");
            Err(Trouble::new(what, "set `UsePAM yes` there, and see that everybody can still log in"))
        }
    }
}

/// Refuses where another block says otherwise of members. What no parser can tell, `sshd -T` tells
/// before sshd is told to reload.
fn contradictions(
    wanted: &Wanted,
    config: &SshdConfig,
    settings: &[Setting],
    home: &Path,
    in_drop_in: bool,
) -> Result<(), Trouble> {
    let mut members = Vec::new();
    for group in &wanted.groups {
        members.extend(Group::by_name(group)?.into_iter().flat_map(|group| group.members));
    }
    for block in config.blocks.iter().filter(|block| !is_own(block, home, in_drop_in)) {
        let names_members = wanted.groups.iter().any(|group| block.names("group", group))
            || members.iter().any(|user| block.names("user", user));
        // In the main file, a drop-in comes before it.
        let comes_first = !in_drop_in || (block.file != config.main && block.file.as_path() < home);
        let may_win = block.is_for_anybody() && comes_first;
        if !(names_members || may_win) {
            continue;
        }
        let other = block.settings.iter().find(|setting| {
            settings.iter().any(|wanted| wanted.accepts(&setting.keyword, &setting.value) == Some(false))
        });
        if let Some(setting) = other {
            let what = format!(
                "{}: `{}` sets {} for members, in the Match block of line {}",
                setting.place(),
                pam_sftpjail::escape::one_line(&setting.value),
                setting.written,
                block.line
            );
            return Err(Trouble::new(what, "take that out, or exempt the members from that block"));
        }
    }
    Ok(())
}

fn is_own(block: &Block, home: &Path, in_drop_in: bool) -> bool {
    block.file == home && (in_drop_in || block.is_marked)
}
