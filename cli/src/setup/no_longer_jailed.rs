//! Whose jail ends with a setup: members of groups that a profile was for, and none is any more. A
//! misspelt group is the likeliest reason, and it would give everybody a shell.

use super::change::Change;
use super::desired_state::DesiredState;
use super::{say, sshd};
use crate::host::groups;
use crate::report::Error;
use crate::report::text::listed_first;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::Group;
use std::collections::BTreeSet;
use std::io::Write;

/// Who is jailed now and would not be after `changes`, as far as NSS lists them.
pub(super) fn members(desired: &DesiredState, changes: &[Change]) -> Result<BTreeSet<String>, Error> {
    let given_up = sshd::given_up(desired, changes);
    let mut freed = groups::all_members(given_up.iter().map(String::as_str))?;
    let stay = groups::all_members(desired.groups.iter().map(String::as_str))?;
    freed.retain(|name| !stay.contains(name));
    Ok(freed)
}

/// Says so, and what the groups may be that are about to be made.
pub(super) fn tell(freed: &BTreeSet<String>, desired: &DesiredState, out: &mut impl Write) {
    for name in desired.groups.iter().filter(|name| matches!(Group::by_name(name), Ok(None))) {
        if let Some(meant) = groups::suggested(name) {
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
    let meant = meant.find_map(|name| groups::suggested(name));
    let meant = meant.map(|meant| format!(" (did you mean {}?)", escaped(&meant))).unwrap_or_default();
    let what =
        format!("this would end the jail of {}, who would get their shells", listed_first(freed.iter()));
    Error::new(what, format!("correct `groups` in {DEFAULT_PATH}{meant}, or use --force if that is meant"))
}
