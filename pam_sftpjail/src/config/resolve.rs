//! Raw → [`Config`]: checks the values of the file, and adds the defaults. It does not read the system.

use super::{Config, Create, GuardEntry, HomeAccess, Profile, Template, Volume, raw};
use crate::escape::escaped;
use crate::path::Normalised;

/// The error is a sentence that names the key and says how to correct it.
pub(super) fn config(raw: raw::Config) -> Result<Config, String> {
    let default = Config::default();
    let jail_root = match raw.jail_root {
        None => default.jail_root,
        Some(path) => Normalised::parse(path.as_ref()).map_err(|why| {
            format!("jail_root {} {why}; give the absolute path of a directory", escaped(&path))
        })?,
    };
    let services = raw.services.unwrap_or(default.services);
    names("services", &services)?;
    let profiles = match raw.profile {
        None => default.profiles,
        Some(list) if list.is_empty() => return Err("profile is empty; remove it or describe one".into()),
        Some(list) => list.into_iter().map(profile).collect::<Result<_, _>>()?,
    };
    let mut seen: Vec<&str> = Vec::new();
    for profile in &profiles {
        if seen.contains(&profile.name.as_str()) {
            return Err(format!("there are two profiles named {}; rename one", escaped(&profile.name)));
        }
        seen.push(&profile.name);
    }
    let exempt_groups = raw.exempt_groups.unwrap_or_default();
    are_names("exempt_groups", &exempt_groups)?;
    for profile in &profiles {
        if let Some(group) = profile.groups.iter().find(|group| exempt_groups.contains(group)) {
            let (group, profile) = (escaped(group), escaped(&profile.name));
            return Err(format!(
                "exempt_groups and the profile {profile} both have the group {group}; remove it from one"
            ));
        }
    }
    let namespace = raw.namespace.unwrap_or(default.namespace);
    Ok(Config { jail_root, namespace, services, exempt_groups, profiles })
}

fn profile(raw: raw::Profile) -> Result<Profile, String> {
    names("profile.name", std::slice::from_ref(&raw.name))?;
    let within = |problem: String| format!("profile {}: {problem}", escaped(&raw.name));
    names("groups", &raw.groups).map_err(within)?;
    let home = match raw.home {
        None | Some(raw::HomeAccess::ReadWrite) => HomeAccess::ReadWrite,
        Some(raw::HomeAccess::ReadOnly) => HomeAccess::ReadOnly,
        Some(raw::HomeAccess::None) => HomeAccess::None,
    };
    if raw.max_sessions == Some(0) {
        return Err(within("max_sessions = 0 refuses everybody; lock the accounts instead".into()));
    }
    let umask = raw.umask.map(|text| octal("umask", &text, 0o777)).transpose().map_err(within)?;
    let volumes = raw
        .volume
        .unwrap_or_default()
        .into_iter()
        .map(volume)
        .collect::<Result<Vec<_>, _>>()
        .map_err(within)?;
    if home == HomeAccess::None && volumes.is_empty() {
        return Err(within(
            "home = \"none\" without a volume leaves the jail empty; add a [[profile.volume]]".into(),
        ));
    }
    let guard = guard(&raw.guard.unwrap_or_default()).map_err(within)?;
    if home == HomeAccess::None && !guard.is_empty() {
        return Err(within(
            "guard is for paths below the home, but home = \"none\"; remove the guard".into(),
        ));
    }
    Ok(Profile {
        home,
        guard,
        umask,
        max_sessions: raw.max_sessions,
        volumes,
        log: raw.log.unwrap_or(true),
        names: raw.names.unwrap_or(true),
        localtime: raw.localtime.unwrap_or(true),
        name: raw.name,
        groups: raw.groups,
    })
}

/// The entries, of which no two overlap.
fn guard(texts: &[String]) -> Result<Vec<GuardEntry>, String> {
    let mut list: Vec<GuardEntry> = Vec::new();
    for text in texts {
        let guarded = GuardEntry::parse(text)
            .map_err(|why| format!("guard {} {why}; give a path such as \".ssh\"", escaped(text)))?;
        if let Some(other) = list.iter().find(|other| other.overlaps(guarded.components())) {
            let other = escaped(&other.path()).to_string();
            return Err(format!("guard {} and {other} overlap; keep one", escaped(text)));
        }
        list.push(guarded);
    }
    Ok(list)
}

fn volume(raw: raw::Volume) -> Result<Volume, String> {
    let template = |key: &str, text: &str| {
        Template::parse(text)
            .map_err(|why| format!("{key} {} {why}; the variables are %u, %U, %g, %h and %%", escaped(text)))
    };
    let create = |raw: raw::Create| {
        Ok::<_, String>(Create {
            owner: template("create.owner", &raw.owner)?,
            group: template("create.group", &raw.group)?,
            mode: octal("create.mode", &raw.mode, 0o7777)?,
        })
    };
    Ok(Volume {
        source: template("source", &raw.source)?,
        target: template("target", &raw.target)?,
        read_only: raw.read_only.unwrap_or(false),
        create: raw.create.map(create).transpose()?,
    })
}

/// A mode as chmod(1) takes it: a string of octal digits.
fn octal(key: &str, text: &str, max: u32) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= max && !text.starts_with('+') => Ok(mode),
        _ => Err(format!(
            "{key} {} is not an octal number up to {max:o}; write for example \"027\"",
            escaped(text)
        )),
    }
}

/// Checks a list that must have at least one name.
fn names(key: &str, list: &[String]) -> Result<(), String> {
    if list.is_empty() {
        return Err(format!("{key} is empty; name at least one"));
    }
    are_names(key, list)
}

/// Checks that no name is empty or contains a control character.
fn are_names(key: &str, list: &[String]) -> Result<(), String> {
    match list.iter().find(|name| name.is_empty() || name.chars().any(char::is_control)) {
        Some(name) => Err(format!("{key}: {} is not a valid name; correct it", escaped(name))),
        None => Ok(()),
    }
}
