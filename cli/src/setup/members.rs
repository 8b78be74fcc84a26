//! Reports whose jail begins or ends with a setup, and refuses one that jails the admin who runs it.
//!
//! A jail ends for members of a group that no profile names any more. The likeliest reason is a misspelt
//! group, and it would give all of them a shell.

use super::change::Change;
use super::choices::Choices;
use super::say;
use super::sshd::{self, Sshd};
use crate::host::groups::{all_members, group_names, suggested};
use crate::report::Error;
use crate::report::text::{listed, listed_first};
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::Group;
use std::collections::BTreeSet;
use std::io::Write;

/// Prints who is in the groups already. The error: root or the admin who runs this is.
pub(super) fn report(choices: &Choices, out: &mut impl Write) -> Result<(), Error> {
    let members = all_members(choices.groups.iter().map(String::as_str))?;
    // sshd's `Match Group` matches root, too, and the module builds no jail for root. sudo and doas name the
    // admin. NSS need not list all members of a group, so the groups of each user are asked for, too.
    let callers = ["SUDO_USER", "DOAS_USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    for user in callers.chain(["root".to_owned()]) {
        let names = group_names(&user)?;
        if !members.contains(&user) && !choices.groups.iter().any(|group| names.contains(group)) {
            continue;
        }
        let groups = listed(&choices.groups);
        return Err(if user == "root" {
            let what = format!("root is a member of {groups}, and could no longer log in");
            Error::new(what, "remove root from it, or choose another group")
        } else {
            let what = match choices.exempts(&user)? {
                false => "and would be jailed",
                true => "and exempt: no jail would be built for you, and sshd would refuse you",
            };
            let what = format!("you, {}, are a member yourself {what}", escaped(&user));
            Error::new(what, format!("remove yourself from {groups}, or choose another group"))
        });
    }
    let (mut jailed, mut exempt) = (Vec::new(), Vec::new());
    for name in &members {
        let list = if choices.exempts(name)? { &mut exempt } else { &mut jailed };
        list.push(name);
    }
    if !jailed.is_empty() {
        say(out, format!("Members who will be jailed from their next login on: {}.", listed(&jailed)));
    }
    if !exempt.is_empty() {
        let exempt = listed(&exempt);
        say(
            out,
            format!(
                "Members who are in an exempt group, so sshd will refuse them from their next login on: {exempt}."
            ),
        );
    }
    Ok(())
}

/// The users who are jailed now and would not be after `changes`, as far as NSS lists them.
pub(super) fn no_longer_jailed(
    choices: &Choices,
    sshd: &Sshd,
    changes: &[Change],
) -> Result<BTreeSet<String>, Error> {
    let dropped = sshd::dropped_groups(choices, sshd, changes);
    let mut members = all_members(dropped.iter().map(String::as_str))?;
    let still_jailed = all_members(choices.groups.iter().map(String::as_str))?;
    members.retain(|name| !still_jailed.contains(name));
    Ok(members)
}

/// Prints these users, and a suggestion for each group that does not exist yet and looks misspelt.
pub(super) fn report_no_longer_jailed(users: &BTreeSet<String>, choices: &Choices, out: &mut impl Write) {
    for name in missing_groups(choices) {
        if let Some(meant) = suggested(name) {
            let (name, meant) = (escaped(name), escaped(&meant));
            say(out, format!("Note: there is no group {name} yet; did you mean {meant}?"));
        }
    }
    if !users.is_empty() {
        say(
            out,
            format!(
                "Users who will no longer be jailed and get their shells: {}.",
                listed_first(users.iter())
            ),
        );
    }
}

fn missing_groups(choices: &Choices) -> impl Iterator<Item = &String> {
    choices.groups.iter().filter(|name| matches!(Group::by_name(name), Ok(None)))
}

/// The error of `--yes` where these users would get their shells: that needs an answer, or `--force`.
pub(super) fn refuse(users: &BTreeSet<String>, choices: &Choices) -> Error {
    let meant = missing_groups(choices).find_map(|name| suggested(name));
    let meant = meant.map(|meant| format!(" (did you mean {}?)", escaped(&meant))).unwrap_or_default();
    let what =
        format!("these users would no longer be jailed and get their shells: {}", listed_first(users.iter()));
    Error::new(what, format!("correct `groups` in {DEFAULT_PATH}{meant}, or use --force if that is meant"))
}
