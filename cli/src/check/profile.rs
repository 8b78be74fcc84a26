//! Says which profile a member has and which further ones are not used, and finds profiles that nobody can get. The
//! decision itself is the library's.

use crate::report::text::listed;
use crate::report::{Findings, Location};
use pam_sftpjail::config::{Config, DEFAULT_PATH, HomeAccess, Profile, Volume, owner_masks};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::policy::{Match, never_used};
use std::path::Path;

const CHECK: &str = "profile";

/// Reports each profile that no user can get, and each with a umask that users cannot work with. `path`: of the
/// configuration, if it is not the usual one.
pub(super) fn examine_all(config: &Config, path: Option<&Path>, findings: &mut Findings) {
    for never in never_used(config) {
        let at = location(never.profile, path);
        findings.warned(CHECK, format!("{at}: {never}"), never.fix());
    }
    for mask in owner_masks(config) {
        let at = location(mask.profile, path);
        findings.warned(CHECK, format!("{at}: {mask}"), mask.fix());
    }
}

/// Reports the profile of the member `name`. The others are a warning where one would allow less: somebody may have put
/// the user into its group for that.
pub(super) fn examine(
    name: &str,
    used: &Match<'_>,
    unused: &[Match<'_>],
    path: Option<&Path>,
    findings: &mut Findings,
) {
    let mut evidence = format!("{}, as a member of {}", escaped(&used.profile.name), listed(&used.groups));
    let mut fix = None;
    for other in unused {
        let (profile, groups) = (escaped(&other.profile.name), listed(&other.groups));
        let stricter = stricter(used.profile, other.profile);
        let which = match stricter.is_empty() {
            true => String::new(),
            false => format!(", which is stricter ({}),", stricter.join(", ")),
        };
        let at = location(other.profile, path);
        evidence +=
            &format!("; also in {groups}, whose profile {profile}{which} comes later ({at}) and is not used");
        if !stricter.is_empty() && fix.is_none() {
            let (name, own, used) = (escaped(name), listed(&used.groups), escaped(&used.profile.name));
            fix = Some(format!(
                "if {profile} is meant for {name}: remove {name} from {own}, or move the profile {profile} above {used}"
            ));
        }
    }
    match fix {
        Some(fix) => findings.warned(CHECK, evidence, fix),
        None => findings.passed(CHECK, evidence),
    }
}

/// What a member may do less in `other` than in `used`.
fn stricter(used: &Profile, other: &Profile) -> Vec<String> {
    let mut all = Vec::new();
    match (used.home, other.home) {
        (HomeAccess::ReadWrite | HomeAccess::ReadOnly, HomeAccess::None) => all.push("no home".to_owned()),
        (HomeAccess::ReadWrite, HomeAccess::ReadOnly) => all.push("the home is read-only".to_owned()),
        _ => {}
    }
    if used.home != HomeAccess::None {
        let added: Vec<_> = other.guard.iter().map(|entry| entry.path()).collect();
        let added = added.iter().filter(|path| !used.guard.iter().any(|own| own.covers(path)));
        let added = listed(added);
        if !added.is_empty() {
            all.push(format!("it guards {added}"));
        }
    }
    let is_read_only_there =
        |own: &Volume| other.volumes.iter().any(|volume| volume.target == own.target && volume.read_only);
    if used.volumes.iter().any(|own| !own.read_only && is_read_only_there(own)) {
        all.push("a volume is read-only".to_owned());
    }
    if let Some(max) = other.max_sessions.filter(|max| used.max_sessions.is_none_or(|own| *max < own)) {
        all.push(format!("at most {max} sessions"));
    }
    all
}

/// Where the profile begins in the configuration.
fn location(profile: &Profile, path: Option<&Path>) -> Location {
    // The built-in profile is the only one, so nothing is said of it.
    Location::single(path.unwrap_or(Path::new(DEFAULT_PATH)).to_owned(), profile.line.unwrap_or(1))
}
