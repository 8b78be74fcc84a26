//! Raw → [`Config`]: checks the values of the file, and adds the defaults. It does not read the system.

use super::keys::{HOMES, Level, NAMESPACES};
use super::problem::Problem;
use super::table::At;
use super::{Config, Create, GuardEntry, HomeAccess, Namespace, Profile, Template, Volume, raw};
use crate::escape::escaped;
use crate::path::Normalised;

pub(super) fn config(raw: raw::Config) -> Result<Config, Problem> {
    let default = Config::default();
    let jail_root = match &raw.jail_root {
        None => default.jail_root,
        Some(At { value: path, line }) => Normalised::parse(path.as_ref()).map_err(|why| {
            let what = format!("jail_root {} {why}", escaped(path));
            Problem::at(*line, what, "give the absolute path of a directory")
        })?,
    };
    let namespace = match raw.namespace {
        None => default.namespace,
        Some(word) => match word.value.as_str() {
            "private" => Namespace::Private,
            "host" => Namespace::Host,
            _ => return Err(wrong_word(Level::File, "namespace", &word, NAMESPACES)),
        },
    };
    if let Some(services) = &raw.services {
        names("services", services)?;
    }
    let profiles = match raw.profile {
        None => default.profiles,
        Some(list) if list.value.is_empty() => {
            return Err(Problem::at(
                list.line,
                "profile is empty",
                "remove it, or describe a profile below [[profile]]",
            ));
        }
        Some(list) => profiles(list.value)?,
    };
    let exempt_groups = raw.exempt_groups.unwrap_or(At { value: Vec::new(), line: 1 });
    are_names("exempt_groups", &exempt_groups)?;
    for profile in &profiles {
        if let Some(group) = profile.groups.iter().find(|group| exempt_groups.value.contains(group)) {
            let what = format!(
                "exempt_groups and the profile {} both have the group {}",
                escaped(&profile.name),
                escaped(group)
            );
            return Err(Problem::at(exempt_groups.line, what, "remove it from one of them"));
        }
    }
    let services = raw.services.map_or(default.services, |services| services.value);
    Ok(Config { jail_root, namespace, services, exempt_groups: exempt_groups.value, profiles })
}

fn profiles(list: Vec<raw::Profile>) -> Result<Vec<Profile>, Problem> {
    let mut profiles: Vec<Profile> = Vec::new();
    for raw in list {
        let line = raw.name.line;
        let profile = profile(raw)?;
        if profiles.iter().any(|other| other.name == profile.name) {
            let what = format!("there are two profiles named {}", escaped(&profile.name));
            return Err(Problem::at(line, what, "rename one of them"));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

fn profile(raw: raw::Profile) -> Result<Profile, Problem> {
    let only = At { value: vec![raw.name.value.clone()], line: raw.name.line };
    are_names("name", &only)?;
    let place = format!("profile {}", escaped(&raw.name.value));
    let within = |problem: Problem| problem.within(&place);
    names("groups", &raw.groups).map_err(within)?;
    let home = home(raw.home.as_ref()).map_err(within)?;
    if let Some(At { value: 0, line }) = raw.max_sessions {
        let problem = Problem::at(line, "max_sessions = 0 refuses everybody", "lock the accounts instead");
        return Err(within(problem));
    }
    let umask = raw.umask.map(|text| octal("umask", &text, 0o777)).transpose().map_err(within)?;
    let volumes = raw.volume.into_iter().map(volume).collect::<Result<Vec<_>, _>>().map_err(within)?;
    let home_owner = raw.home_owner;
    if let Some(owner) = home_owner.as_ref().filter(|_| home == HomeAccess::None) {
        let what = "home_owner is for the home, but home = \"none\"";
        return Err(within(Problem::at(owner.line, what, "remove home_owner")));
    }
    let home_owner = home_owner.map(|owner| account("home_owner", owner)).transpose().map_err(within)?;
    let guard_line = raw.guard.as_ref().map_or(raw.name.line, |list| list.line);
    let guard = raw.guard.map_or(Ok(Vec::new()), |list| guard(&list)).map_err(within)?;
    if home == HomeAccess::None && !guard.is_empty() {
        let what = "guard is for paths below the home, but home = \"none\"";
        return Err(within(Problem::at(guard_line, what, "remove the guard")));
    }
    Ok(Profile {
        line: Some(raw.line),
        home,
        home_owner,
        guard,
        umask,
        max_sessions: raw.max_sessions.map(|max| max.value),
        volumes,
        log: raw.log.unwrap_or(true),
        names: raw.names.unwrap_or(true),
        localtime: raw.localtime.unwrap_or(true),
        name: raw.name.value,
        groups: raw.groups.value,
    })
}

fn home(word: Option<&At<String>>) -> Result<HomeAccess, Problem> {
    let Some(word) = word else { return Ok(HomeAccess::ReadWrite) };
    match word.value.as_str() {
        "read-write" => Ok(HomeAccess::ReadWrite),
        "read-only" => Ok(HomeAccess::ReadOnly),
        "none" => Ok(HomeAccess::None),
        _ => Err(wrong_word(Level::Profile, "home", word, HOMES)),
    }
}

/// A word that the key does not know.
pub(crate) fn wrong_word(level: Level, name: &'static str, word: &At<String>, words: &[&str]) -> Problem {
    let what = format!("{name} {} is none of {}", escaped(&word.value), words.join(", "));
    let meant = level.key(name).map(|key| key.meant(&word.value)).unwrap_or_default();
    Problem::at(word.line, what, format!("write {meant}"))
}

/// The entries, of which no two overlap.
fn guard(texts: &At<Vec<String>>) -> Result<Vec<GuardEntry>, Problem> {
    let mut list: Vec<GuardEntry> = Vec::new();
    for text in &texts.value {
        let guarded = GuardEntry::parse(text).map_err(|why| {
            Problem::at(texts.line, format!("guard {} {why}", escaped(text)), "give a path such as \".ssh\"")
        })?;
        if let Some(other) = list.iter().find(|other| other.overlaps(guarded.components())) {
            let what = format!("guard {} and {} overlap", escaped(text), escaped(&other.path()));
            return Err(Problem::at(texts.line, what, "keep one of them"));
        }
        list.push(guarded);
    }
    Ok(list)
}

fn volume(raw: raw::Volume) -> Result<Volume, Problem> {
    if let (Some(owner), Some(create)) = (&raw.owner, &raw.create) {
        let made = &create.owner;
        // The member would see it as the other account's, and could not write to it.
        if made.value == "%u" {
            let shown = escaped(&owner.value);
            let what = format!(
                "create.owner %u gives the directory to the user, and owner what is in it to {shown}"
            );
            return Err(Problem::at(made.line, what, format!("write owner = \"{shown}\" in create, too")));
        }
    }
    let create = |raw: raw::Create| {
        Ok::<_, Problem>(Create {
            owner: template("create.owner", &raw.owner)?,
            group: template("create.group", &raw.group)?,
            mode: octal("create.mode", &raw.mode, 0o7777)?,
        })
    };
    Ok(Volume {
        source: template("source", &raw.source)?,
        source_line: raw.source.line,
        target: template("target", &raw.target)?,
        target_line: raw.target.line,
        read_only: raw.read_only.unwrap_or(false),
        owner: raw.owner.map(|owner| account("owner", owner)).transpose()?,
        create: raw.create.map(create).transpose()?,
    })
}

fn template(key: &str, text: &At<String>) -> Result<Template, Problem> {
    Template::parse(&text.value).map_err(|why| {
        let what = format!("{key} {} {why}", escaped(&text.value));
        Problem::at(text.line, what, "use the variables %u, %U, %g, %h and %% only")
    })
}

/// The name of an account.
pub(crate) fn account(key: &str, name: At<String>) -> Result<String, Problem> {
    let name = At { value: vec![name.value], line: name.line };
    are_names(key, &name).map(|()| name.value.concat())
}

/// A mode as chmod(1) takes it: a string of octal digits.
fn octal(key: &str, text: &At<String>, max: u32) -> Result<u32, Problem> {
    match u32::from_str_radix(&text.value, 8) {
        Ok(mode) if mode <= max && !text.value.starts_with('+') => Ok(mode),
        _ => {
            let what = format!("{key} {} is not an octal number up to {max:o}", escaped(&text.value));
            Err(Problem::at(text.line, what, "write for example \"027\""))
        }
    }
}

/// Checks a list that must have at least one name.
fn names(key: &str, list: &At<Vec<String>>) -> Result<(), Problem> {
    if list.value.is_empty() {
        return Err(Problem::at(list.line, format!("{key} is empty"), "name at least one"));
    }
    are_names(key, list)
}

/// Checks that no name is empty or contains a control character.
fn are_names(key: &str, list: &At<Vec<String>>) -> Result<(), Problem> {
    match list.value.iter().find(|name| name.is_empty() || name.chars().any(char::is_control)) {
        Some(name) => {
            Err(Problem::at(list.line, format!("{key}: {} is not a valid name", escaped(name)), "correct it"))
        }
        None => Ok(()),
    }
}
