//! Whose jail ends with a setup: members of groups that a profile was for, and none is any more. A
//! misspelt group is the likeliest reason, and it would give everybody a shell.

use super::change::Change;
use super::trouble::Trouble;
use super::wanted::Wanted;
use super::{group, say, sshd};
use crate::nearest;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::Group;
use std::collections::BTreeSet;
use std::io::Write;

/// As many are named.
const MAX_NAMES: usize = 20;

/// Who is jailed now and would not be after `changes`, as far as NSS lists them.
pub(super) fn members(wanted: &Wanted, changes: &[Change]) -> Result<BTreeSet<String>, Trouble> {
    let given_up = sshd::given_up(wanted, changes);
    let mut freed = group::all_members(given_up.iter().map(String::as_str))?;
    let stay = group::all_members(wanted.groups.iter().map(String::as_str))?;
    freed.retain(|name| !stay.contains(name));
    Ok(freed)
}

/// Says so, and what the groups may be that are about to be made.
pub(super) fn tell(freed: &BTreeSet<String>, wanted: &Wanted, out: &mut impl Write) {
    for name in wanted.groups.iter().filter(|name| matches!(Group::by_name(name), Ok(None))) {
        if let Some(meant) = nearest::group(name) {
            let (name, meant) = (escaped(name), escaped(&meant));
            say(out, format!("Note: there is no group {name} yet; did you mean {meant}?"));
        }
    }
    if !freed.is_empty() {
        say(out, format!("No longer jailed from now on: {}: they get their shells.", listed(freed)));
    }
}

/// That nobody was asked, and it is too much to do unasked.
pub(super) fn refused(freed: &BTreeSet<String>, wanted: &Wanted) -> Trouble {
    let mut meant = wanted.groups.iter().filter(|name| matches!(Group::by_name(name), Ok(None)));
    let meant = meant.find_map(|name| nearest::group(name));
    let meant = meant.map(|meant| format!(" (did you mean {}?)", escaped(&meant))).unwrap_or_default();
    let what = format!("this would end the jail of {}, who would get their shells", listed(freed));
    Trouble::new(what, format!("correct `groups` in {DEFAULT_PATH}{meant}, or use --force if that is meant"))
}

fn listed(names: &BTreeSet<String>) -> String {
    let shown: Vec<_> = names.iter().take(MAX_NAMES).map(|name| escaped(name).to_string()).collect();
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
