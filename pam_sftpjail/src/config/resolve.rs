//! Raw → [`Config`]: checks the values of the file, and adds the defaults. It does not read the system.

use super::keys::{HOMES, Level, NAMESPACES};
use super::problem::Problem;
use super::problems::Problems;
use super::table::At;
use super::{Config, Create, GuardEntry, HomeAccess, Namespace, Profile, Template, Volume, raw};
use crate::escape::escaped;
use crate::path::Normalised;

/// `None` only where something is wrong.
pub(super) fn config(raw: raw::Config, found: &mut Problems) -> Option<Config> {
    let default = Config::default();
    let jail_root = raw.jail_root.map_or(Some(default.jail_root), |root| found.note(jail_root(&root)));
    let namespace = raw.namespace.map_or(Some(default.namespace), |word| found.note(namespace(&word)));
    if let Some(services) = &raw.services {
        found.note(names("services", services));
    }
    let exempt = raw.exempt_groups.unwrap_or(At { value: Vec::new(), line: 1 });
    found.note(are_names("exempt_groups", &exempt));
    let profiles = match raw.profile {
        Some(list) if list.value.is_empty() => {
            let fix = "remove it, or describe a profile below [[profile]]";
            found.add(Problem::at(list.line, "profile is empty", fix));
            None
        }
        Some(list) => profiles(list.value, &exempt, found),
        None => {
            // Where something else is wrong, a profile may have been meant.
            let is_default = found.is_empty();
            for profile in default.profiles.iter().filter(|_| is_default) {
                found.note(must_not_be_exempt(Some(&profile.name), &profile.groups, &exempt));
            }
            Some(default.profiles)
        }
    };
    let services = raw.services.map_or(default.services, |services| services.value);
    Some(Config {
        jail_root: jail_root?,
        namespace: namespace?,
        services,
        exempt_groups: exempt.value,
        profiles: profiles?,
    })
}

fn jail_root(path: &At<String>) -> Result<Normalised, Problem> {
    Normalised::parse(path.value.as_ref()).map_err(|why| {
        let what = format!("jail_root {} {why}", escaped(&path.value));
        Problem::at(path.line, what, "give the absolute path of a directory")
    })
}

fn namespace(word: &At<String>) -> Result<Namespace, Problem> {
    match word.value.as_str() {
        "private" => Ok(Namespace::Private),
        "host" => Ok(Namespace::Host),
        _ => Err(wrong_word(Level::File, "namespace", word, NAMESPACES)),
    }
}

/// Checks that the groups of a profile exempt nobody.
fn must_not_be_exempt(
    profile: Option<&String>,
    groups: &[String],
    exempt: &At<Vec<String>>,
) -> Result<(), Problem> {
    match groups.iter().find(|group| exempt.value.contains(group)) {
        None => Ok(()),
        Some(group) => {
            let profile = profile
                .map_or_else(|| "a profile".to_owned(), |name| format!("the profile {}", escaped(name)));
            let what = format!("exempt_groups and {profile} both have the group {}", escaped(group));
            Err(Problem::at(exempt.line, what, "remove it from one of them"))
        }
    }
}

fn profiles(list: Vec<raw::Profile>, exempt: &At<Vec<String>>, found: &mut Problems) -> Option<Vec<Profile>> {
    let mut before: Vec<String> = Vec::new();
    let mut profiles = Vec::new();
    for raw in list {
        let name = raw.name.as_ref().map(|name| (name.value.clone(), name.line));
        let groups = raw.groups.as_ref().map(|groups| groups.value.as_slice()).unwrap_or_default();
        let exempt = must_not_be_exempt(name.as_ref().map(|(name, _)| name), groups, exempt);
        profiles.push(profile(raw, found));
        if let Some((name, line)) = name {
            if before.contains(&name) {
                let what = format!("there are two profiles named {}", escaped(&name));
                found.add(Problem::at(line, what, "rename one of them"));
            }
            before.push(name);
        }
        found.note(exempt);
    }
    profiles.into_iter().collect()
}

fn profile(raw: raw::Profile, found: &mut Problems) -> Option<Profile> {
    if let Some(At { value: name, line }) = &raw.name {
        found.note(are_names("name", &At { value: vec![name.clone()], line: *line }));
    }
    let place = raw.name.as_ref().map(|name| format!("profile {}", escaped(&name.value)));
    let mut own = Problems::default();
    let profile = values(raw, &mut own);
    found.append(own, place.as_deref());
    profile
}

/// The values of a profile.
fn values(raw: raw::Profile, found: &mut Problems) -> Option<Profile> {
    if let Some(groups) = &raw.groups {
        found.note(names("groups", groups));
    }
    let home = found.note(home(raw.home.as_ref()));
    if let Some(At { value: 0, line }) = raw.max_sessions {
        found.add(Problem::at(line, "max_sessions = 0 refuses everybody", "lock the accounts instead"));
    }
    let umask = raw.umask.map(|text| octal("umask", &text, 0o777)).transpose();
    let umask = found.note(umask);
    let volumes: Vec<_> = raw.volume.into_iter().map(|raw| volume(raw, found)).collect();
    let has_none = home == Some(HomeAccess::None);
    if let Some(owner) = raw.home_owner.as_ref().filter(|_| has_none) {
        let what = "home_owner is for the home, but home = \"none\"";
        found.add(Problem::at(owner.line, what, "remove home_owner"));
    }
    let home_owner = found.note(raw.home_owner.map(|owner| account("home_owner", owner)).transpose());
    let guard = raw.guard.map_or(Some(Vec::new()), |list| {
        if has_none && !list.value.is_empty() {
            let what = "guard is for paths below the home, but home = \"none\"";
            found.add(Problem::at(list.line, what, "remove the guard"));
        }
        guard(&list, found)
    });
    Some(Profile {
        line: Some(raw.line),
        home: home?,
        home_owner: home_owner?,
        guard: guard?,
        umask: umask?,
        max_sessions: raw.max_sessions.map(|max| max.value),
        volumes: volumes.into_iter().collect::<Option<_>>()?,
        log: raw.log.unwrap_or(true),
        names: raw.names.unwrap_or(true),
        localtime: raw.localtime.unwrap_or(true),
        name: raw.name?.value,
        groups: raw.groups?.value,
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
fn guard(texts: &At<Vec<String>>, found: &mut Problems) -> Option<Vec<GuardEntry>> {
    let mut list: Vec<GuardEntry> = Vec::new();
    for text in &texts.value {
        let parsed = GuardEntry::parse(text).map_err(|why| {
            Problem::at(texts.line, format!("guard {} {why}", escaped(text)), "give a path such as \".ssh\"")
        });
        let Some(guarded) = found.note(parsed) else { continue };
        if let Some(other) = list.iter().find(|other| other.overlaps(guarded.components())) {
            let what = format!("guard {} and {} overlap", escaped(text), escaped(&other.path()));
            found.add(Problem::at(texts.line, what, "keep one of them"));
        }
        list.push(guarded);
    }
    Some(list)
}

fn volume(raw: raw::Volume, found: &mut Problems) -> Option<Volume> {
    let made = raw.create.as_ref().and_then(|create| create.owner.as_ref());
    if let (Some(owner), Some(made)) = (&raw.owner, made) {
        // The member would see it as the other account's, and could not write to it.
        if made.value == "%u" {
            let shown = escaped(&owner.value);
            let what = format!(
                "create.owner %u gives the directory to the user, and owner what is in it to {shown}"
            );
            found.add(Problem::at(made.line, what, format!("write owner = \"{shown}\" in create, too")));
        }
    }
    let source = raw.source.as_ref().map(|source| found.note(template("source", source)));
    let target = raw.target.as_ref().map(|target| found.note(template("target", target)));
    let owner = found.note(raw.owner.map(|owner| account("owner", owner)).transpose());
    let create = raw.create.map(|raw| create(&raw, found));
    Some(Volume {
        source: source??,
        source_line: raw.source?.line,
        target: target??,
        target_line: raw.target?.line,
        read_only: raw.read_only.unwrap_or(false),
        owner: owner?,
        create: match create {
            Some(create) => Some(create?),
            None => None,
        },
    })
}

fn create(raw: &raw::Create, found: &mut Problems) -> Option<Create> {
    let owner = raw.owner.as_ref().map(|owner| found.note(template("create.owner", owner)));
    let group = raw.group.as_ref().map(|group| found.note(template("create.group", group)));
    let mode = raw.mode.as_ref().map(|mode| found.note(octal("create.mode", mode, 0o7777)));
    Some(Create { owner: owner??, group: group??, mode: mode?? })
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
