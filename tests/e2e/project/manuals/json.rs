//! The keys of JSON that a page has are those of the types that its verb writes, and the words in it are theirs.

use super::{pages, section, terms};
use crate::common::ROOT;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Attribute, Field, Item, Token};

/// The sources of the program and the library, by their paths in the repository.
pub(super) fn files() -> &'static BTreeMap<String, String> {
    static FILES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut files = BTreeMap::new();
        let mut directories = vec!["cli/src".to_owned(), "pam_sftpjail/src".to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in Path::new(ROOT).join(&directory).read_dir().expect("the sources").flatten() {
                let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    directories.push(path);
                } else {
                    files.insert(path, fs::read_to_string(entry.path()).expect("UTF-8"));
                }
            }
        }
        files
    })
}

/// The verbs of a file in cli/src: `audit/json.rs` is of audit, and the verbs for grants have one folder.
pub(super) fn of_verb(file: &str) -> Vec<&str> {
    let Some(below) = file.strip_prefix("cli/src/") else { return Vec::new() };
    let parts: Vec<_> = below.trim_end_matches(".rs").split('/').collect();
    match parts[..] {
        ["grants", "give", ..] => vec!["grant"],
        ["grants", "list"] => vec!["grants"],
        ["grants", verb @ ("extend" | "revoke")] => vec![verb],
        ["grants", "letter"] => vec!["grant"],
        ["grants", ..] => vec!["grant", "grants", "extend", "revoke"],
        // What they conclude of a user.
        ["report", "conclusion"] => vec!["check"],
        [verb, ..] => vec![verb],
        [] => Vec::new(),
    }
}

/// A type that serde writes.
#[derive(Debug, Default)]
struct Written {
    keys: BTreeSet<String>,
    words: BTreeSet<String>,
    /// The types of its fields, as they are named: `change::Document`.
    types: Vec<String>,
}

/// The types of all files by file and name.
fn types() -> &'static BTreeMap<(String, String), Written> {
    static TYPES: OnceLock<BTreeMap<(String, String), Written>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut types = BTreeMap::new();
        for (file, text) in files() {
            for item in syn::parse_file(text).expect("Rust").items {
                if let Some((name, written)) = read(&item) {
                    types.insert((file.clone(), name), written);
                }
            }
        }
        types
    })
}

/// What serde's attributes say, as text.
fn of_serde(attributes: &[Attribute]) -> String {
    let serde = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    serde.filter_map(|attribute| Some(attribute.meta.require_list().ok()?.tokens.to_string() + ",")).collect()
}

fn value<'s>(serde: &'s str, key: &str) -> Option<&'s str> {
    let (_, rest) = serde.split_once(&format!("{key} = \""))?;
    rest.split('"').next()
}

fn read(item: &Item) -> Option<(String, Written)> {
    let (attributes, name) = match item {
        Item::Struct(item) => (&item.attrs, &item.ident),
        Item::Enum(item) => (&item.attrs, &item.ident),
        _ => return None,
    };
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut derives =
        derives.filter_map(|attribute| Some(attribute.meta.require_list().ok()?.tokens.to_string()));
    if !derives.any(|list| list.split([' ', ',']).any(|name| name == "Serialize")) {
        return None;
    }
    let serde = of_serde(attributes);
    let mut written = Written::default();
    // It is written as another type, a text.
    if value(&serde, "into").is_some() {
        return Some((name.to_string(), written));
    }
    match item {
        Item::Struct(item) => {
            item.fields.iter().for_each(|field| written.add(field, serde.contains("transparent")))
        }
        Item::Enum(item) => {
            written
                .keys
                .extend(["tag", "content"].iter().filter_map(|key| value(&serde, key)).map(str::to_owned));
            for variant in &item.variants {
                variant.fields.iter().for_each(|field| written.add(field, false));
                written.words.insert(match value(&serde, "rename_all") {
                    Some("kebab-case") => kebab(&variant.ident.to_string()),
                    Some("lowercase") => variant.ident.to_string().to_lowercase(),
                    _ => variant.ident.to_string(),
                });
            }
        }
        _ => {}
    }
    Some((name.to_string(), written))
}

fn kebab(name: &str) -> String {
    let parts = name.char_indices().map(|(at, c)| match c.is_uppercase() && at > 0 {
        true => format!("-{}", c.to_lowercase()),
        false => c.to_lowercase().to_string(),
    });
    parts.collect()
}

impl Written {
    fn add(&mut self, field: &Field, is_transparent: bool) {
        let serde = of_serde(&field.attrs);
        // `skip`, and not `skip_serializing_if`.
        if serde.split(',').any(|word| word.trim() == "skip") {
            return;
        }
        if let (Some(name), false, false) = (&field.ident, is_transparent, serde.contains("flatten")) {
            self.keys.insert(value(&serde, "rename").map_or_else(|| name.to_string(), str::to_owned));
        }
        // A function writes it.
        if value(&serde, "serialize_with").is_none() {
            let mut names = Names(&mut self.types);
            names.visit_type(&field.ty);
        }
    }
}

/// Collects the types that a type names.
struct Names<'t>(&'t mut Vec<String>);

impl Visit<'_> for Names<'_> {
    fn visit_path(&mut self, path: &syn::Path) {
        let segments: Punctuated<_, Token![::]> =
            path.segments.iter().map(|segment| &segment.ident).collect();
        self.0.push(segments.iter().map(ToString::to_string).collect::<Vec<_>>().join("::"));
        syn::visit::visit_path(self, path);
    }
}

/// The type that `name` means in `file`: of the module that it or a `use` names, or the nearest one.
fn find(file: &str, name: &str) -> Option<&'static (String, String)> {
    let (module, name) = name.rsplit_once("::").map_or(("", name), |(module, name)| (module, name));
    let all = types().keys().filter(|(_, of)| of == name);
    let shared = |other: &str| {
        let modules = [file, other].map(|path| path.trim_end_matches(".rs").split('/'));
        let [one, other] = modules;
        one.zip(other).take_while(|(one, other)| one == other).count()
    };
    let uses = files()[file].split(';').map(str::trim).filter(|line| line.starts_with("use "));
    let near = |key: &&(String, String)| {
        let stem = key.0.trim_end_matches(".rs").rsplit('/').next().unwrap_or_default();
        let is_named = match module {
            "" => uses.clone().any(|line| line.contains(&format!("::{stem}::")) && line.contains(name)),
            module => module.ends_with(stem),
        };
        (key.0 == file && module.is_empty(), is_named, shared(&key.0))
    };
    all.max_by_key(near)
}

/// The documents of the verbs: types with a version; and what the types of fields do not lead to.
fn roots(verb: &str) -> Vec<(String, String)> {
    const ELSEWHERE: [(&str, &str); 3] = [
        ("cli/src/check.rs", "Report"),
        ("cli/src/check/all.rs", "Everybody"),
        ("cli/src/check/rehearsal.rs", "Document"),
    ];
    // A file that setup writes for itself has a version, too.
    let documents = types().iter().filter(|((file, _), written)| {
        written.keys.contains("version") && !file.starts_with("cli/src/setup/journal")
    });
    let documents = documents.map(|(key, _)| key.clone());
    let elsewhere = ELSEWHERE.iter().map(|(file, name)| ((*file).to_owned(), (*name).to_owned()));
    documents.chain(elsewhere).filter(|(file, _)| of_verb(file) == [verb]).collect()
}

/// The keys of a verb's documents, the words, and which of the words its page must have.
fn written_by(verb: &str) -> [BTreeSet<String>; 3] {
    let [mut keys, mut words, mut own] = [const { BTreeSet::new() }; 3];
    let mut seen = BTreeSet::new();
    let mut left = roots(verb);
    while let Some(key) = left.pop() {
        let Some(written) = types().get(&key) else { panic!("{key:?} is gone") };
        if seen.insert(key.clone()) {
            keys.extend(written.keys.iter().cloned());
            words.extend(written.words.iter().cloned());
            // What several verbs write is in the page of the one that writes all of it.
            if verb == "check" || of_verb(&key.0).contains(&verb) {
                own.extend(written.words.iter().cloned());
            }
            left.extend(written.types.iter().filter_map(|name| find(&key.0, name)).cloned());
        }
    }
    [keys, words, own]
}

#[test]
fn every_key_and_word_of_json_is_in_the_page_of_its_verb_and_no_other() {
    let mut with_json = 0;
    let mut unknown = Vec::new();
    for (name, page) in pages().into_iter().filter(|(name, _)| name != "sftpjail") {
        let verb = name.trim_start_matches("sftpjail-");
        let [keys, words, needed] = written_by(verb);
        let part = section(&page, "JSON");
        let documented: BTreeSet<_> = terms(part).into_iter().collect();
        assert_eq!(documented, keys, "{name}");
        with_json += usize::from(!keys.is_empty());
        let in_bold = |text: &str| -> BTreeSet<String> {
            let bold = text.split("\\fB").skip(1).filter_map(|rest| rest.split("\\fR").next());
            bold.map(super::plain).collect()
        };
        let everywhere = in_bold(&page);
        for word in &needed {
            assert!(everywhere.contains(word), "{name}: the word {word} is missing");
        }
        let code = in_bold(part);
        // Others are texts of the verb's own.
        let own: String = files()
            .iter()
            .filter(|(file, _)| of_verb(file).contains(&verb))
            .map(|(_, text)| text.as_str())
            .collect();
        let is_word = |code: &&String| {
            !code.starts_with('-')
                && !code.starts_with("sftpjail")
                && code.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_')
        };
        for code in code.iter().filter(is_word).filter(|code| !keys.contains(*code) && !words.contains(*code))
        {
            if !own.contains(&format!("\"{code}\"")) {
                unknown.push(format!("{name}: nothing writes {code}"));
            }
        }
    }
    assert_eq!(unknown, [""; 0]);
    assert_eq!(with_json, 13, "verbs with --json");
}

#[test]
fn each_type_with_a_version_is_the_document_of_a_page() {
    let pages = pages();
    for ((file, name), _) in types().iter().filter(|(_, written)| written.keys.contains("version")) {
        let [verb] = of_verb(file)[..] else { continue };
        assert!(pages.contains_key(&format!("sftpjail-{verb}")), "{file}: {name}");
    }
}
