//! Compares the manual pages that are written by hand with the code: what is listed in one is listed in the other.
#![forbid(unsafe_code)]

mod mdoc;
mod refusals;

use crate::config::guard_entry::DIRECTORIES;
use crate::config::keys::{Kind, Level};
use crate::config::table::type_name;
use crate::config::{Config, owner_masks};
use crate::policy::never_used;
use crate::session::Arguments;
use crate::{grants, plan};
use mdoc::{Item, displays, items, section};
use refusals::{fits, literals};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

const MODULE: &str = include_str!("../../manuals/pam_sftpjail.8");
const CONFIGURATION: &str = include_str!("../../manuals/sftpjail.toml.5");
const GRANTS: &str = include_str!("../../manuals/sftpjail-grants.5");

/// The page of a level, and what it says of the level's keys.
fn keys(level: Level) -> Vec<Item<'static>> {
    let page = if level.of_file().contains(&Level::Grant) { GRANTS } else { CONFIGURATION };
    items(&section(page, &format!("Keys of {}", level.name())))
}

fn levels() -> impl Iterator<Item = Level> {
    [Level::File, Level::Grants].into_iter().flat_map(Level::of_file).copied()
}

#[test]
fn every_key_is_in_its_page_with_its_type_and_example_and_no_other_is() {
    for level in levels() {
        let found = keys(level);
        let named: Vec<_> = found.iter().map(|item| item.head.strip_prefix("Cm ").expect("Cm")).collect();
        assert_eq!(named, level.names().collect::<Vec<_>>(), "keys of {}", level.name());
        for item in found {
            let key = level.key(item.head.trim_start_matches("Cm ")).unwrap();
            assert_eq!(displays(&item.body), [key.example.replace('…', "...") + "\n"], "{}", item.head);
            let says = item.text().to_lowercase();
            let kind = match key.kind {
                Kind::Tables => "a list",
                _ => type_name(DeTable::parse(key.example).unwrap().get_ref()[key.name].get_ref()),
            };
            assert!(says.starts_with(kind), "{} is {kind}: {says}", item.head);
        }
    }
}

/// A file with the examples of all keys of a level but one.
fn file(level: Level, without: &str) -> String {
    let above = match level {
        Level::Profile => "[[profile]]\n",
        Level::Volume => "[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n[[profile.volume]]\n",
        Level::Grant => "[[grant]]\n",
        _ => "",
    };
    // A fingerprint is shown without its digits.
    let keys = level.names().filter(|name| ![without, "key"].contains(name));
    let keys =
        keys.filter_map(|name| level.key(name)).filter(|key| !matches!(key.kind, Kind::Tables | Kind::Table));
    keys.fold(above.to_owned(), |text, key| text + key.example + "\n")
}

#[test]
fn a_key_is_called_required_where_it_is() {
    for level in [Level::File, Level::Profile, Level::Volume, Level::Grant] {
        for item in keys(level) {
            let name = item.head.trim_start_matches("Cm ");
            let text = file(level, name);
            let error = match level {
                Level::Grant => grants::of_text(&text, Path::new("/f")).err(),
                _ => Config::of_text(&text, Path::new("/f")).err(),
            };
            let is_missed = match error {
                None => false,
                Some(error) => {
                    assert!(error.to_string().ends_with(&format!(" has no {name}")), "{error}: {text}");
                    true
                }
            };
            assert_eq!(item.text().contains(", required"), is_missed, "{name} of {}", level.name());
        }
    }
}

#[test]
fn every_variable_is_in_the_page_and_no_other_is() {
    let listed = items(&section(CONFIGURATION, "Variables"));
    let listed: BTreeSet<_> = listed.iter().map(|item| item.head.replace("Cm ", "")).collect();
    let is_known = |text: &String| {
        let volume = "[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n[[profile.volume]]\ntarget = \"/t\"\n";
        Config::of_text(&format!("{volume}source = '/{text}'\n"), Path::new("/f")).is_ok()
    };
    let known = (' '..='~').map(|c| format!("%{c}")).filter(is_known);
    assert_eq!(listed, known.collect());
}

/// So that nobody is surprised by an empty file where a directory was meant.
#[test]
fn every_guarded_name_that_is_made_as_a_directory_is_in_the_page() {
    let guard = section(CONFIGURATION, "Files that the host obeys");
    let (from, to) = ("It is a directory, with mode 0700", "Where the user may not write");
    let listed =
        guard.iter().skip_while(|line| !line.starts_with(from)).take_while(|line| !line.starts_with(to));
    let words = listed.filter_map(|line| line.strip_prefix(".Pa ")).flat_map(str::split_whitespace);
    let names: Vec<_> = words.filter(|word| word.len() > 1).collect();
    assert_eq!(names, DIRECTORIES);
}

#[test]
fn the_examples_of_files_can_be_used() {
    let examples = displays(&section(CONFIGURATION, "EXAMPLES"));
    assert!(examples.len() > 2, "{examples:?}");
    let mut default = Config::of_text(&examples[0], Path::new("/f")).unwrap();
    default.profiles[0].line = None;
    assert_eq!(default, Config::default());
    for text in &examples {
        let config = Config::of_text(text, Path::new("/f")).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(plan::faults(&config).is_empty() && owner_masks(&config).is_empty(), "{text}");
        assert!(never_used(&config).is_empty(), "{text}");
    }
    let examples = displays(&section(GRANTS, "EXAMPLES"));
    let examples: Vec<_> = examples.iter().filter(|text| text.starts_with("[[grant]]")).collect();
    assert!(examples.len() > 1, "{examples:?}");
    for text in examples {
        let read = grants::of_text(text, Path::new("/f")).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read.len(), text.matches("[[grant]]").count(), "{text}");
    }
}

#[test]
fn every_argument_of_the_module_is_in_its_page_and_no_other_is() {
    let listed: BTreeSet<_> = items(&section(MODULE, "ARGUMENTS"))
        .iter()
        .map(|item| item.head.replace("Cm ", "").replace(" Ns ", ""))
        .collect();
    for argument in &listed {
        assert_eq!(Arguments::parse([argument.as_bytes()].into_iter()).unknown, None, "{argument}");
    }
    let (code, _) = include_str!("session/login.rs").split_once("#[cfg(test)]").unwrap();
    let known = code.split("b\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let known: BTreeSet<_> = known.map(|(word, _)| word.replace("config=", "config=Ar path")).collect();
    assert_eq!(listed, known);
}

/// The sources, but for this module.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut directories) = (Vec::new(), vec![root.clone()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => directories.push(path),
                false if path.starts_with(root.join("manuals")) || path == root.join("manuals.rs") => {}
                false => found.push((path.clone(), fs::read_to_string(path).unwrap())),
            }
        }
    }
    found
}

#[test]
fn every_answer_to_pam_is_in_the_page_and_no_other_is() {
    let listed = items(&section(MODULE, "RETURN CODES"));
    let listed: BTreeSet<_> = listed.iter().map(|item| item.head.replace("Dv ", "")).collect();
    // What pam-bindings makes of a panic.
    let mut given = BTreeSet::from(["PAM_ABORT".to_owned()]);
    for (_, text) in sources() {
        let codes = text.split("PamResultCode::").skip(1);
        let codes = codes.filter_map(|rest| rest.split(|c: char| !c.is_ascii_uppercase() && c != '_').next());
        given.extend(codes.filter(|code| code.starts_with("PAM_")).map(str::to_owned));
    }
    assert_eq!(listed, given);
}

#[test]
fn every_field_of_a_log_entry_is_in_the_page_and_no_other_is() {
    let log = section(MODULE, "LOG ENTRIES");
    let listed = items(&log).into_iter().filter_map(|item| item.head.strip_prefix("Va ").map(str::to_owned));
    let listed: BTreeSet<_> = listed.collect();
    let mut written = BTreeSet::new();
    let mut texts = Vec::new();
    for (path, text) in sources() {
        if path.components().any(|part| part.as_os_str() == "session" || part.as_os_str() == "session.rs") {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            texts.extend(literals(code));
        }
    }
    for literal in &texts {
        let names = literal.split("={").filter_map(|before| before.rsplit([' ', '(']).next());
        let fields = names.take(literal.matches("={").count());
        written.extend(fields.map(str::to_owned));
    }
    assert_eq!(listed, written);
    for item in items(&log).iter().filter(|item| !item.head.starts_with("Va ")) {
        let is_capital = |word: &str| word.len() > 1 && word.starts_with(|c: char| c.is_ascii_uppercase());
        let begin: Vec<_> = item.head.split(' ').take_while(|word| !is_capital(word)).collect();
        let begin = begin.join(" ");
        let is_begin =
            |literal: &String| literal.starts_with(&begin) && begin.len() > 8 || fits(literal, &item.head);
        assert!(texts.iter().any(is_begin), "{} begins no entry", item.head);
    }
}
