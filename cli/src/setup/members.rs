//! Whose jail begins or ends with a setup.
//!
//! It ends for members of a group that no profile is for any more. A misspelt group is the likeliest reason,
//! and it would give all of them a shell.

use super::change::Change;
use super::desired_state::DesiredState;
use super::{say, sshd};
use crate::host::groups::{all_members, group_names, suggested};
use crate::report::Error;
use crate::report::text::{listed, listed_first};
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::Group;
use std::collections::BTreeSet;
use std::io::Write;

/// Who is in the groups already will be jailed, and that must not be whoever does this.
pub(super) fn report(desired: &DesiredState, out: &mut impl Write) -> Result<(), Error> {
    let members = all_members(desired.groups.iter().map(String::as_str))?;
    // sshd's `Match Group` is for root, too, for whom the module builds no jail. The others are those whom
    // sudo and doas name; NSS may know of groups that it does not list members of.
    let callers = ["SUDO_USER", "DOAS_USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    for user in callers.chain(["root".to_owned()]) {
        let names = group_names(&user)?;
        if !members.contains(&user) && !desired.groups.iter().any(|group| names.contains(group)) {
            continue;
        }
        let groups = listed(&desired.groups);
        return Err(if user == "root" {
            let what = format!("root is a member of {groups}, and could not log in any more");
            Error::new(what, "take root out of it, or choose another group")
        } else {
            let what = match desired.exempts(&user)? {
                false => "and would be jailed",
                true => "and exempt: sshd would wait for a jail that is not built, and refuse you",
            };
            let what = format!("you, {}, are a member yourself {what}", escaped(&user));
            Error::new(what, format!("take yourself out of {groups}, or choose another group"))
        });
    }
    let (mut jailed, mut exempt) = (Vec::new(), Vec::new());
    for name in &members {
        let of = if desired.exempts(name)? { &mut exempt } else { &mut jailed };
        of.push(name);
    }
    if !jailed.is_empty() {
        say(out, format!("Members now, and jailed from their next login on: {}.", listed(&jailed)));
    }
    if !exempt.is_empty() {
        let exempt = listed(&exempt);
        say(
            out,
            format!(
                "Members now, but in an exempt group, so refused by sshd from their next login on: {exempt}."
            ),
        );
    }
    Ok(())
}

/// Who is jailed now and would not be after `changes`, as far as NSS lists them.
pub(super) fn no_longer_jailed(
    desired: &DesiredState,
    changes: &[Change],
) -> Result<BTreeSet<String>, Error> {
    let given_up = sshd::given_up(desired, changes);
    let mut freed = all_members(given_up.iter().map(String::as_str))?;
    let stay = all_members(desired.groups.iter().map(String::as_str))?;
    freed.retain(|name| !stay.contains(name));
    Ok(freed)
}

/// Says so, and what the groups may be that are about to be made.
pub(super) fn report_no_longer_jailed(
    freed: &BTreeSet<String>,
    desired: &DesiredState,
    out: &mut impl Write,
) {
    for name in desired.groups.iter().filter(|name| matches!(Group::by_name(name), Ok(None))) {
        if let Some(meant) = suggested(name) {
            let (name, meant) = (escaped(name), escaped(&meant));
            say(out, format!("Note: there is no group {name} yet; did you mean {meant}?"));
        }
    }
    if !freed.is_empty() {
        say(
            out,
            format!("No longer jailed from now on: {}: they get their shells.", listed_first(freed.iter())),
        );
    }
}

/// That nobody was asked, and it is too much to do unasked.
pub(super) fn refused(freed: &BTreeSet<String>, desired: &DesiredState) -> Error {
    let mut meant = desired.groups.iter().filter(|name| matches!(Group::by_name(name), Ok(None)));
    let meant = meant.find_map(|name| suggested(name));
    let meant = meant.map(|meant| format!(" (did you mean {}?)", escaped(&meant))).unwrap_or_default();
    let what =
        format!("this would end the jail of {}, who would get their shells", listed_first(freed.iter()));
    Error::new(what, format!("correct `groups` in {DEFAULT_PATH}{meant}, or use --force if that is meant"))
}
