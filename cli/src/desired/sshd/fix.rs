//! Fixes for sshd's configuration: they change the line that is wrong, or add lines. What they add never keeps sshd
//! from starting: a line of which there may be only one is added where sshd itself says that there is none.

use super::{SUBSYSTEM, Setting, block};
use crate::desired::setup;
use crate::host::sshd::daemon::Daemon;
use crate::host::sshd::files::Block;
use crate::host::sshd::logins::Sshd;
use crate::host::sshd::running::{RELOAD, Reread};
use crate::report::location::{Edit, append, append_block, prepend};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, Profile};
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::fix::Fix;
use std::path::PathBuf;

/// PAM asks for passwords as well, even with `PasswordAuthentication no`: sshd_config(5).
const PASSWORDS: &str = "see that KbdInteractiveAuthentication is no unless PAM may ask for passwords";

/// The member whom sshd does not treat as it should.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) config: &'a Config,
    /// Whether that is not the usual configuration.
    pub(crate) has_own_config: bool,
    pub(crate) profile: &'a Profile,
    pub(crate) account: &'a Account,
}

impl Member<'_> {
    /// Where sshd should chroot the user to.
    fn jail(&self) -> PathBuf {
        self.config.jail_root.absolute().join(&self.account.name)
    }
}

/// An effective setting that is not as it should be.
#[derive(Clone, Copy)]
pub(crate) struct Wrong<'a> {
    pub(crate) keyword: &'static str,
    /// As sshd prints it.
    pub(crate) value: &'a str,
    /// Whether only the log level in it is wrong.
    pub(crate) is_log_level: bool,
}

/// The fix for one setting.
pub(crate) fn fix(sshd: &Sshd, member: Member<'_>, wrong: Wrong<'_>) -> Fix {
    let keyword = wrong.keyword;
    match keyword {
        "UsePAM" => return use_pam(sshd),
        SUBSYSTEM => return subsystem(sshd),
        "AllowUsers" => return let_in(sshd, "add the user to AllowUsers"),
        "AllowGroups" => return let_in(sshd, "add a group of the user's to AllowGroups"),
        "DenyUsers" | "DenyGroups" => {
            return let_in(sshd, &format!("remove from {keyword} what matches the user"));
        }
        // sshd would take the home for the jail.
        "ChrootDirectory" if member.account.home.starts_with(member.jail()) => {
            return "set another jail_root in the configuration first, then check again".into();
        }
        _ => {}
    }
    let line = format!("    {keyword} {}", desired_value(sshd, member, wrong));
    match own_block(sshd, member) {
        Some(block) => {
            in_block(sshd, block, wrong, &line).unwrap_or_else(|| before_all(sshd, member, keyword, line))
        }
        None => before_all(sshd, member, keyword, line),
    }
}

/// A fix that changes sshd's files, with what has to follow it. `besides`: what else the admin has to see to.
fn followed(sshd: &Sshd, edit: Edit, besides: Option<&str>) -> Fix {
    let reread = reread(sshd);
    let words: Vec<_> = reread.as_deref().into_iter().chain(besides).collect();
    match words.is_empty() {
        true => edit.into(),
        false => edit.explained(words.join(", and ")),
    }
}

/// How sshd gets to read its files after the fixes. `None`: it does so by itself.
fn reread(sshd: &Sshd) -> Option<String> {
    sshd.daemon.reread().map_or_else(|| Some(RELOAD.to_owned()), Reread::after_fixes)
}

/// The admin may have kept the user out on purpose.
fn let_in(sshd: &Sshd, how: &str) -> Fix {
    let reread: String = reread(sshd).iter().map(|words| format!("; {words}")).collect();
    format!("if the user should be able to log in: {how}{reread}").into()
}

/// What to do where an option of sshd's command line says `UsePAM no`. `None`: none does.
pub(crate) fn without_option(daemon: &Daemon) -> Option<String> {
    let (name, option) = daemon.option("UsePAM", "no")?;
    let option = escaped(&format!("-o {}", option.to_string_lossy())).to_string();
    Some(format!("restart {name} without its option {option}, which wins over every file"))
}

fn use_pam(sshd: &Sshd) -> Fix {
    if let Some(fix) = without_option(&sshd.daemon) {
        return fix.into();
    }
    if let Some(location) = sshd.config.location_of("UsePAM", "no") {
        return followed(sshd, location.replace("UsePAM yes"), Some(PASSWORDS));
    }
    followed(sshd, for_everybody(sshd, "UsePAM yes"), Some(PASSWORDS))
}

/// The fix where sshd, by its own answer, has no `Subsystem sftp`: with a second one it would not start.
fn subsystem(sshd: &Sshd) -> Fix {
    followed(sshd, for_everybody(sshd, "Subsystem sftp internal-sftp"), None)
}

/// Adds a line outside of all blocks: at the top of the main file.
fn for_everybody(sshd: &Sshd, line: &str) -> Edit {
    let file = &sshd.config.main;
    // An empty file has no top.
    match file.metadata().is_ok_and(|stat| stat.len() > 0) {
        true => prepend(file, &[line]),
        false => append(file, &[line]),
    }
}

/// The fix where no block jails the member: `sftpjail setup` adds it, and what else is missing. It reads no other
/// configuration than the usual one.
pub(crate) fn missing_block(sshd: &Sshd, member: Member<'_>) -> Fix {
    if member.has_own_config {
        return before_all(sshd, member, "ChrootDirectory", String::new());
    }
    setup::fix_of(member.config, sshd.daemon.file())
}

/// The value that the keyword should have. The admin's own options of internal-sftp stay.
fn desired_value(sshd: &Sshd, member: Member<'_>, wrong: Wrong<'_>) -> String {
    if wrong.is_log_level {
        let mut words = wrong.value.split_whitespace();
        let mut kept = Vec::new();
        while let Some(word) = words.next() {
            match word.strip_prefix("-l") {
                Some("") => drop(words.next()),
                Some(_) => {}
                None => kept.push(word),
            }
        }
        return format!("{} -l INFO", kept.join(" "));
    }
    let block = block(member.config);
    let setting = block.into_iter().find(|setting| setting.keyword == wrong.keyword);
    match (setting, wrong.keyword) {
        (Some(setting), _) => setting.value,
        (None, "PAMServiceName") => sshd.service.clone(),
        (None, _) => "no".to_owned(),
    }
}

/// The member's block: the first that names the member, or a group of theirs, and has a setting of a jail.
pub(crate) fn own_block<'s>(sshd: &'s Sshd, member: Member<'_>) -> Option<&'s Block> {
    let desired = block(member.config);
    let is_of_jail = |block: &Block| {
        let mut settings = sshd.config.of_block(block);
        settings.any(|own| {
            let accepts = |setting: &Setting| setting.accepts(&own.keyword, &own.value) == Some(true);
            desired.iter().filter(|setting| setting.is_required).any(accepts)
        })
    };
    let account = member.account;
    let names_member = |block: &Block| {
        block.names("user", &account.name)
            || account.member_of.iter().any(|group| block.names("group", group))
    };
    sshd.config.blocks.iter().find(|block| names_member(block) && (block.is_marked || is_of_jail(block)))
}

/// Changes the member's block, if the setting that is wrong stands there, or nowhere. `None`: another one comes first.
fn in_block(sshd: &Sshd, block: &Block, wrong: Wrong<'_>, line: &str) -> Option<Fix> {
    let same = |keyword: &str| keyword.eq_ignore_ascii_case(wrong.keyword);
    if let Some(setting) = sshd.config.of_block(block).find(|setting| same(&setting.keyword)) {
        let is_in_force = setting.value.eq_ignore_ascii_case(wrong.value);
        return is_in_force.then(|| followed(sshd, setting.location.replace(line), None));
    }
    let other = sshd.config.settings.iter().find(|setting| {
        same(&setting.keyword) && setting.is_in_block() && setting.value.eq_ignore_ascii_case(wrong.value)
    });
    other.is_none().then(|| followed(sshd, block.location.insert_after(&[line]), None))
}

/// Adds a block of its own for the member, before all others: sshd uses the first that matches a login.
fn before_all(sshd: &Sshd, member: Member<'_>, keyword: &str, line: String) -> Fix {
    // Without a chroot, the whole block is missing.
    let lines = match keyword {
        "ChrootDirectory" => {
            let block = block(member.config);
            block.iter().map(|setting| format!("    {} {}", setting.keyword, setting.value)).collect()
        }
        _ => vec![line],
    };
    let groups = &member.profile.groups;
    let group = member.account.member_of.iter().find(|group| groups.contains(group));
    let is_plain = |name: &&String| {
        name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '$'))
    };
    let head = match group.filter(is_plain) {
        Some(group) => format!("Match Group {group}"),
        None if is_plain(&&member.account.name) => format!("Match User {}", member.account.name),
        None => {
            let lines: Vec<_> = lines.iter().map(|line| one_line(line.trim())).collect();
            let name = escaped(&member.account.name);
            return format!(
                "put these lines into a Match block for {name}, before all others: {}",
                lines.join(" / ")
            )
            .into();
        }
    };
    let mut block = vec![head.as_str()];
    block.extend(lines.iter().map(String::as_str));
    let edit = match sshd.config.blocks.first() {
        Some(first) => first.location.insert(&block),
        None => append_block(&sshd.config.main, &block),
    };
    followed(sshd, edit, None)
}
