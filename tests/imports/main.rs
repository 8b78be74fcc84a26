//! Which module may name which: the floors of the CLI, and the order of the library. And which texts may not be
//! commands, and what an older Rust does not know. Reads the sources; needs no sandbox and no root.
//!
//! What is private within a module is left to the compiler, which lets nobody outside reach it.

mod circles;
mod commands;
mod floors;
mod let_chains;
mod made_up;
mod modules;
mod references;

use circles::circles;
use floors::{Floors, violations};
use modules::Modules;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The sources of the crate whose root file is `root`, a path from the project.
fn sources(root: &str) -> BTreeMap<PathBuf, String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let mut sources = BTreeMap::new();
    walk(project.join(root).parent().expect("a directory"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).expect("UTF-8");
            sources.insert(path.strip_prefix(project).expect("it is below").to_owned(), text);
        }
    });
    sources
}

/// Visits all files below a directory.
fn walk(directory: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in directory.read_dir().expect("the sources are there") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

/// The crate whose root file is `root`, a path from the project.
fn read(root: &str) -> Modules {
    let modules = Modules::read(Path::new(root), &sources(root)).unwrap_or_else(|e| panic!("{e}"));
    assert!(modules.len() > 20, "only {} modules below {root}", modules.len());
    modules
}

#[track_caller]
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n\n{}\n", found.join("\n\n"));
}

#[test]
fn in_the_library_no_module_names_one_that_is_listed_below_it() {
    let library = read("pam_sftpjail/src/lib.rs");
    assert_none(&violations(&library, &Floors::as_listed(&library)));
}

/// Such as a pid file or a log of something that was tried by hand.
#[test]
fn nothing_but_sources_is_among_the_sources() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let mut found = Vec::new();
    for root in ["pam_sftpjail/src", "cli/src", "tests/e2e", "tests/imports"] {
        walk(&project.join(root), &mut |path| {
            if !path.extension().is_some_and(|extension| extension == "rs" || extension == "trycmd") {
                found.push(format!("{} is left of a run. Fix: remove it", path.display()));
            }
        });
    }
    assert_none(&found);
}

#[test]
fn no_modules_of_a_folder_hold_each_other() {
    for root in ["pam_sftpjail/src/lib.rs", "cli/src/lib.rs"] {
        assert_none(&circles(&read(root)));
    }
}

#[test]
fn in_the_cli_no_module_names_one_of_its_own_floor_or_above() {
    let cli = read("cli/src/lib.rs");
    assert_none(&violations(&cli, &Floors::of_cli(&cli)));
}

#[test]
fn every_fix_that_is_a_command_is_made_of_paths_that_only_root_can_redirect() {
    let mut found = Vec::new();
    for root in ["pam_sftpjail/src/lib.rs", "cli/src/lib.rs"] {
        // The type itself, and tests.
        let is_exempt = |file: &Path| {
            file.ends_with("pam_sftpjail/src/fix.rs")
                || file.iter().any(|part| part == "tests" || part == "tests.rs")
        };
        for (file, text) in sources(root).into_iter().filter(|(file, _)| !is_exempt(file)) {
            let commands = commands::commands(&file, &text);
            found.extend(commands.unwrap_or_else(|error| panic!("{}: {error}", file.display())));
        }
    }
    assert_none(&found);
}

#[test]
fn the_rust_of_debian_13_can_build_it() {
    let mut found = Vec::new();
    let crates =
        ["pam_sftpjail", "cli", "tests", "machines", "manuals"].map(|name| format!("{name}/Cargo.toml"));
    for (file, text) in crates.iter().flat_map(|manifest| sources(manifest)) {
        let chains = let_chains::let_chains(&file, &text);
        found.extend(chains.unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    }
    assert_none(&found);
}
