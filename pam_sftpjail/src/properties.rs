//! What must hold of every text from outside, whatever is in it: one function for each kind, which panics where it does
//! not hold. A fuzzer calls them with what it makes up (`fuzz/src/bin`), the tests with what is in `fuzz/corpus`.

use crate::account::{Account, GroupLine, UnmatchedGroup};
use crate::config::{Config, ConfigError};
use crate::escape::{escaped, is_plain, one_line, unescaped, whole};
use crate::grants::{self, Fingerprint, Grant};
use crate::name::UserName;
use crate::nss::snapshot::Snapshot;
use crate::path::Normalised;
use crate::policy::{Decision, NeverUsed, decide, never_used};
use crate::registry::Record;
use crate::session::{Arguments, SessionLine};
use nix::unistd::{Gid, Uid};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str::from_utf8;

/// A file that errors name.
const FILE: &str = "/etc/sftpjail/a file";

/// The configuration: it means the same however TOML is laid out, its values keep their promises, and errors are lines
/// that a terminal shows.
pub fn configuration(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let read = |text: &str| Config::of_text(text, Path::new(FILE));
    let config = read(text);
    if let Err(error) = &config {
        is_presentable(error);
        error.others().iter().for_each(is_presentable);
    }
    // A file without any text is refused before it is read.
    let (first, all) = (Config::parse(text).err(), Config::problems(text));
    assert!(first.as_ref() == all.first() || is_blank(text), "{first:?}, {all:?}");
    if let Some(again) = laid_out_anew(text) {
        let (here, there) = (config.as_ref().ok().map(without_lines), read(&again));
        assert_eq!(here, there.as_ref().ok().map(without_lines), "{again}\n{there:?}");
    }
    let Ok(config) = config else { return };
    assert_eq!(Normalised::parse(config.jail_root.absolute().as_os_str()).as_ref(), Ok(&config.jail_root));
    assert!(!config.profiles.is_empty() && !config.services.is_empty());
    for (at, profile) in config.profiles.iter().enumerate() {
        assert!(!profile.groups.is_empty() && profile.max_sessions != Some(0), "{profile:?}");
        assert!(profile.umask.is_none_or(|umask| umask <= 0o777), "{profile:?}");
        assert!(config.profiles.iter().skip(at + 1).all(|other| other.name != profile.name), "{profile:?}");
        assert!(profile.groups.iter().all(|group| !config.exempt_groups.contains(group)), "{profile:?}");
        for guard in &profile.guard {
            assert!(guard.path().is_relative() && guard.path().components().count() > 0, "{guard:?}");
        }
    }
    for found in never_used(&config) {
        assert!(is_plain(&found.to_string()), "{found}");
    }
    decided(&config);
}

/// How many groups are tried in all combinations.
const MOST_GROUPS: usize = 5;

/// The one decision, of hooks and of the program: the first profile with one of the groups, in whatever order NSS lists
/// them; never for root or an exempt user; refused where sshd knows none of these groups.
fn decided(config: &Config) {
    let groups: BTreeSet<_> = config.groups().map(str::to_owned).collect();
    let groups: Vec<_> = groups.into_iter().take(MOST_GROUPS).collect();
    for chosen in 0..1 << groups.len() {
        let has = |at: &usize| chosen >> at & 1 == 1;
        let own: Vec<_> =
            groups.iter().enumerate().filter(|(at, _)| has(at)).map(|(_, name)| name.clone()).collect();
        let expected =
            config.profiles.iter().find(|profile| profile.groups.iter().any(|name| own.contains(name)));
        let account = Account {
            name: "anna".into(),
            uid: Uid::from_raw(1000),
            gid: Gid::from_raw(1000),
            home: "/home/anna".into(),
            exempt_by: None,
            gids: Vec::new(),
            member_of: own.clone(),
            unmatched_by_sshd: Vec::new(),
            unknown_groups: Vec::new(),
            names: Vec::new(),
        };
        let profile = |account: &Account| match decide(config, account) {
            Decision::Jail { used, .. } => Ok(Some(used.profile.name.clone())),
            Decision::NotJailed(_) => Ok(None),
            Decision::Refuse(refusal) => Err(refusal.to_string()),
        };
        let name = expected.map(|profile| profile.name.clone());
        assert_eq!(profile(&account), Ok(name.clone()), "{own:?}");
        let is_used = |never: &NeverUsed<'_>| Some(&never.profile.name) == name.as_ref();
        assert!(!never_used(config).iter().any(is_used), "{own:?}");
        let turned = Account { member_of: own.iter().rev().cloned().collect(), ..account.clone() };
        assert_eq!(profile(&turned), Ok(name.clone()), "{own:?}");
        assert_eq!(profile(&Account { uid: Uid::from_raw(0), ..account.clone() }), Ok(None));
        assert_eq!(profile(&Account { exempt_by: Some("sudo".into()), ..account.clone() }), Ok(None));
        let unmatched = |group: &String| UnmatchedGroup { group: group.clone(), sshd_name: None };
        let unmatched = Account { unmatched_by_sshd: own.iter().map(unmatched).collect(), ..account };
        assert_eq!(profile(&unmatched).is_err(), name.is_some(), "{own:?}");
    }
}

/// A file of grants: as [`configuration`], and what a grant prints of itself reads as what it is.
pub fn grants(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let read = |text: &str| grants::of_text(text, Path::new(FILE));
    let found = read(text);
    if let Err(error) = &found {
        is_presentable(error);
    }
    if let Some(again) = laid_out_anew(text) {
        let (here, there) = (found.as_deref().ok().map(on_line_0), read(&again));
        assert_eq!(here, there.as_deref().ok().map(on_line_0), "{again}\n{there:?}");
    }
    for grant in found.iter().flatten() {
        let from: Vec<_> = grant.from.iter().map(|network| format!("\"{network}\"")).collect();
        let key = grant.key.map(|key| format!("key = \"{key}\"\n")).unwrap_or_default();
        let from = if from.is_empty() { String::new() } else { format!("from = [{}]\n", from.join(", ")) };
        let printed = format!("[[grant]]\nfolder = \"/srv\"\naccess = \"read-only\"\n{key}{from}");
        let again = read(&printed).unwrap_or_default();
        let terms = again.first().map(|again| (&again.from, again.key));
        assert_eq!(terms, Some((&grant.from, grant.key)), "{printed}");
        assert!(grant.until.is_none_or(|until| is_plain(&until.with_zone())), "{grant:?}");
        assert!(!grant.note.iter().any(|note| note.contains('\n')), "{grant:?}");
    }
}

/// The arguments of the module's line, one on each line: their order is nothing, and what is unknown can be logged.
pub fn arguments(data: &[u8]) {
    let words: Vec<_> = data.split(|byte| *byte == b'\n').collect();
    let read = Arguments::parse(words.iter().copied());
    let turned = Arguments::parse(words.iter().rev().copied());
    assert_eq!((read.line, read.debug), (turned.line, turned.debug));
    assert_eq!(read.unknown.is_some(), turned.unknown.is_some());
    assert!(read.unknown.iter().all(|word| is_plain(word)), "{:?}", read.unknown);
    let known = |word: &&[u8]| matches!(*word, b"debug" | b"close" | b"open") || word.starts_with(b"config=");
    assert_eq!(read.unknown.is_none(), words.iter().all(known));
    let paths: Vec<_> = words.iter().filter_map(|word| word.strip_prefix(b"config=")).collect();
    assert_eq!(read.config.as_deref(), paths.last().map(|path| Path::new(OsStr::from_bytes(path))));
    let has = |word: &[u8]| words.contains(&word);
    assert_eq!(read.line == SessionLine::Single, has(b"open") == has(b"close"));
}

/// The fields of passwd(5) and group(5): the module's reader of a line and the program's reader of all of them agree,
/// and what may name a file is one entry of a directory.
pub fn entries(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        let all = Snapshot::parse(line, line);
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let of_line = GroupLine::parse(line);
        let of_all = from_utf8(name).ok().and_then(|name| all.group(name));
        if from_utf8(name).is_ok() {
            let gids = (of_line.as_ref().map(|line| line.gid), of_all.map(|group| group.gid.as_raw()));
            assert_eq!(gids.0, gids.1, "{}", escaped(OsStr::from_bytes(line)));
        }
        for member in of_line.iter().flat_map(GroupLine::members) {
            assert!(!member.is_empty() && !member.contains(&b','), "{}", escaped(OsStr::from_bytes(line)));
        }
        // getent(1), from which the program has its lines, leaves no blanks before a name.
        if let Some(group) = of_line.filter(|_| !line.iter().any(u8::is_ascii_whitespace)) {
            for member in group.members().filter_map(|member| from_utf8(member).ok()) {
                let gids = all.gids(member, Gid::from_raw(u32::MAX));
                assert!(gids.contains(&Gid::from_raw(group.gid)), "{}", escaped(OsStr::from_bytes(line)));
            }
        }
        if let Ok(name) = UserName::parse(OsStr::from_bytes(name)) {
            let path = Path::new("/jail").join(&name);
            assert_eq!((path.parent(), path.file_name()), (Some(Path::new("/jail")), Some(name.as_ref())));
        }
        if let Ok(home) = Normalised::parse(OsStr::from_bytes(line)) {
            assert_eq!(Normalised::parse(home.absolute().as_os_str()), Ok(home));
        }
    }
}

/// What PAM says of a login goes into its record and comes out of it as it was, and fingerprints are of its keys only.
pub fn records(data: &[u8]) {
    let said = String::from_utf8_lossy(data);
    let keys = Fingerprint::of_login(&said);
    assert!(keys.len() <= said.lines().filter(|line| line.starts_with("publickey ")).count());
    let as_read = toml::from_str::<Record>(&said).ok();
    let texts: Vec<_> = said.split('\u{1f}').map(str::to_owned).collect();
    let first = texts.first().cloned().unwrap_or_default();
    let made = Record {
        version: Record::VERSION,
        user: first.clone(),
        uid: u32::MAX,
        pid: 1,
        since: 0,
        rhost: escaped(&first).to_string(),
        service: first.clone(),
        profile: first.clone(),
        namespace: crate::config::Namespace::Host,
        jail: first.clone(),
        home: first,
        until: i64::try_from(data.len()).ok(),
        ends_with: texts.last().cloned(),
        grants: texts.clone(),
        authentication: texts,
        refused: data.len() % 2 == 1,
    };
    for record in as_read.into_iter().chain([made]) {
        let text = toml::to_string(&record);
        let again = text.as_ref().ok().and_then(|text| toml::from_str::<Record>(text).ok());
        assert_eq!(again.as_ref(), Some(&record), "{text:?}");
    }
}

/// What is escaped is one word that a terminal shows, and the whole of it can be had back.
pub fn escapes(data: &[u8]) {
    let text = OsStr::from_bytes(data);
    let shown = whole(text).to_string();
    assert!(is_plain(&shown) && is_plain(&escaped(text).to_string()), "{shown}");
    assert_eq!(unescaped(&shown).as_deref(), Some(text));
    assert!(shown.starts_with('"') || !shown.contains([' ', '=', ',', '"']), "{shown}");
    assert!(crate::escape::word(text).to_string().lines().count() == 1, "{shown}");
    let Ok(text) = from_utf8(data) else { return };
    assert!(is_plain(&one_line(text)));
    // What says that it was escaped is what escaping makes, but for the ways to write a byte.
    if let Some(bytes) = unescaped(text) {
        assert_eq!(unescaped(&whole(&bytes).to_string()), Some(bytes));
    }
}

/// The same TOML as a printer lays it out, for a text that is TOML.
fn laid_out_anew(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    // A file without a single character is refused as one that a full disk has left, and one of comments is not.
    (!is_blank(text)).then(|| format!("#\n{table}"))
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c == '\0')
}

fn is_presentable(error: &ConfigError) {
    for text in [error.to_string(), error.fix().to_string()] {
        assert!(is_plain(&text), "{text:?}");
    }
}

fn without_lines(config: &Config) -> Config {
    let mut config = config.clone();
    for profile in &mut config.profiles {
        profile.line = None;
        for volume in &mut profile.volumes {
            (volume.source_line, volume.target_line) = (0, 0);
        }
    }
    config
}

fn on_line_0(grants: &[Grant]) -> Vec<Grant> {
    grants.iter().map(|grant| Grant { line: 0, ..grant.clone() }).collect()
}

#[cfg(test)]
mod tests {
    replay::replayed!(configuration grants arguments entries records escapes);
}
