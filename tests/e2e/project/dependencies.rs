//! docs/dependencies.md has a row for each crate that a manifest names, and for no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::common::ROOT;

/// A package by its directory, and what the page calls it.
const PACKAGES: [(&str, &str); 9] = [
    ("pam_sftpjail", "module"),
    ("cli", "program"),
    ("tests", "tests"),
    ("tests/nss_spelling", "nss_spelling"),
    ("tests/clock", "clock"),
    ("machines", "machines"),
    ("tests/replay", "replay"),
    ("manuals", "manuals"),
    ("fuzz", "fuzz"),
];

#[derive(Debug, Default, PartialEq)]
struct Dependency {
    packages: BTreeSet<String>,
    features: BTreeSet<String>,
}

fn read(path: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a manifest's tables of dependencies say, each on one line: names and values. The project's own are left out.
fn named(manifest: &str) -> Vec<(String, String)> {
    let mut is_within = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_within = line.trim_end_matches(']').ends_with("dependencies");
            assert!(!line.contains("dependencies."), "{line}: write each dependency on one line");
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_within) {
            let name = key.trim().trim_end_matches(".workspace").to_owned();
            if !line.starts_with('#')
                && !value.contains("path =")
                && !["pam_sftpjail", "replay"].contains(&&*name)
            {
                found.push((name, value.to_owned()));
            }
        }
    }
    found
}

/// The features that a dependency's value asks for.
fn features(value: &str) -> BTreeSet<String> {
    let list = value.split_once("] }").map_or("", |(before, _)| before);
    let list = list.rsplit_once("features = [").map_or("", |(_, list)| list);
    list.split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// As the manifests have it.
fn in_manifests() -> BTreeMap<String, Dependency> {
    let of_workspace: BTreeMap<_, _> = named(&read("Cargo.toml")).into_iter().collect();
    let is_list = |line: &&str| line.starts_with("members = ") || line.starts_with("exclude = ");
    let members: String = read("Cargo.toml").lines().filter(is_list).collect();
    assert_eq!(members.matches('"').count() / 2, PACKAGES.len(), "PACKAGES lacks one of {members}");
    let mut found: BTreeMap<String, Dependency> = BTreeMap::new();
    for (directory, package) in PACKAGES {
        assert!(members.contains(&format!("\"{directory}\"")), "{directory} is none of {members}");
        for (name, own) in named(&read(&format!("{directory}/Cargo.toml"))) {
            let general = of_workspace.get(&name).unwrap_or(&own);
            let dependency = found.entry(name).or_default();
            dependency.packages.insert(package.to_owned());
            dependency.features.extend(features(&own));
            dependency.features.extend(features(general));
            if !general.contains("default-features = false") {
                dependency.features.insert("default".to_owned());
            }
        }
    }
    for name in of_workspace.keys() {
        assert!(found.contains_key(name), "no package needs {name} of the workspace's dependencies");
    }
    found
}

/// As the page has it; each cell must say something.
fn on_the_page() -> BTreeMap<String, Dependency> {
    let mut found = BTreeMap::new();
    for row in read("docs/dependencies.md").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, packages, features, reason, replacement, keeper] = cells[..] else {
            panic!("not six cells: {row}")
        };
        assert!([reason, replacement, keeper].iter().all(|cell| !cell.is_empty()), "an empty cell: {row}");
        let list = |cell: &str| cell.split(", ").filter(|word| *word != "none").map(str::to_owned).collect();
        let dependency = Dependency { packages: list(packages), features: list(features) };
        let twice = found.insert(name.trim_matches('`').to_owned(), dependency);
        assert_eq!(twice, None, "{name} has two rows");
    }
    found
}

#[test]
fn each_direct_dependency_has_its_row_in_the_documents() {
    let (manifests, page) = (in_manifests(), on_the_page());
    for name in manifests.keys().chain(page.keys()) {
        assert_eq!(page.get(name), manifests.get(name), "{name}: the page is left, the manifests are right");
    }
    assert!(manifests.len() > 20, "only {} found", manifests.len());
}

#[test]
fn the_module_keeps_the_packages_that_were_ordered_as_the_documents_say() {
    let manifests = in_manifests();
    for name in ["pam-bindings", "nix", "thiserror", "syslog"] {
        let of_module = manifests.get(name).is_some_and(|it| it.packages.contains("module"));
        assert!(of_module, "{name} was ordered for the module: docs/dependencies.md, In the module");
    }
}
