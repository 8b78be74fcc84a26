//! Fixes for sshd's configuration: commands that add lines to it.

use super::{Member, Sshd};
use crate::desired;
use crate::report::location::{Location, append};

/// A command that sets `keyword` as the member requires, whatever the rest of the configuration says: sshd uses the
/// first `Match` block of those that match a login, and outside of them the first line.
pub(super) fn fix(sshd: &Sshd, member: &Member<'_>, keyword: &str) -> String {
    let reload = "reload sshd after this";
    let file = &sshd.config.main;
    if keyword == "UsePAM" {
        // In an empty file, sed has no line before which to insert it.
        let has_lines = file.metadata().is_ok_and(|stat| stat.len() > 0);
        let lines = ["UsePAM yes"];
        let command = match has_lines {
            true => Location::single(file.clone(), 1).insert(&lines),
            false => append(file, &lines),
        };
        return format!("{reload}: {command}");
    }
    match keyword {
        "AllowUsers" => return format!("{reload}: add the user to {keyword}"),
        "AllowGroups" => return format!("{reload}: add a group of the user's to {keyword}"),
        "DenyUsers" | "DenyGroups" => {
            return format!("{reload}: remove from {keyword} what matches the user");
        }
        _ => {}
    }
    let block = desired::sshd::block(&member.config.jail_root.absolute());
    let mut block: Vec<_> =
        block.iter().map(|setting| format!("    {} {}", setting.keyword, setting.value)).collect();
    // Without a chroot, the whole block is missing.
    if keyword != "ChrootDirectory" {
        block.retain(|line| line.split_whitespace().next() == Some(keyword));
        if block.is_empty() {
            let value = if keyword == "PAMServiceName" { &sshd.service } else { "no" };
            block.push(format!("    {keyword} {value}"));
        }
    }
    let groups = &member.profile.groups;
    let group = member.account.member_of.iter().find(|group| groups.contains(group));
    let is_plain = |name: &&String| {
        name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '$'))
    };
    let head = match group.filter(is_plain) {
        Some(group) => format!("Match Group {group}"),
        None if is_plain(&&member.account.name) => format!("Match User {}", member.account.name),
        None => {
            let lines: Vec<_> = block.iter().map(|line| line.trim()).collect();
            return format!(
                "put these lines into a Match block for the user, before all others: {}",
                lines.join(" / ")
            );
        }
    };
    let mut lines = vec![head.as_str()];
    lines.extend(block.iter().map(String::as_str));
    let command = match sshd.config.blocks.first() {
        Some(first) => first.location.insert(&lines),
        None => append(file, &lines),
    };
    format!("{reload}: {command}")
}
