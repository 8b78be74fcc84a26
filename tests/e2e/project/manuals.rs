//! The manual pages, built as `make build-release` does it: mandoc finds nothing wrong, they say what there is and
//! nothing else, and what they show comes out.

mod checks;
mod completions;
mod examples;
mod exit_statuses;
mod json;
mod options;

use crate::common::ROOT;
use sandbox::{Sandbox, artifact};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where they are built, as they are below PREFIX.
pub(super) fn share() -> &'static Path {
    static SHARE: OnceLock<PathBuf> = OnceLock::new();
    SHARE.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manuals");
        let sources = format!("{ROOT}/manuals");
        let program = artifact("sftpjail-manuals");
        let out =
            Command::new(program).arg(sources).arg(&directory).arg("2026-11-28").output().expect("it runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        directory.join("share")
    })
}

/// The paths of all that is built, below there and in order.
pub(super) fn all_files() -> Vec<String> {
    let mut files = Vec::new();
    let mut directories = vec![share().to_owned()];
    while let Some(directory) = directories.pop() {
        for path in directory.read_dir().expect("it is readable").map(|entry| entry.expect("an entry").path())
        {
            match path.is_dir() {
                true => directories.push(path),
                false => {
                    files.push(path.strip_prefix(share()).expect("below").to_str().expect("UTF-8").to_owned())
                }
            }
        }
    }
    files.sort();
    files
}

/// The pages in section 8 of the program and its verbs, by name, in roff.
fn pages() -> BTreeMap<String, String> {
    let of_program = |name: &str| name == "sftpjail" || name.starts_with("sftpjail-");
    all_pages()
        .into_iter()
        .filter_map(|(path, text)| {
            let name = path.file_name()?.to_str()?.strip_suffix(".8")?.to_owned();
            of_program(&name).then_some((name, text))
        })
        .collect()
}

fn all_pages() -> Vec<(PathBuf, String)> {
    let pages = all_files().into_iter().filter(|path| path.starts_with("man/")).map(PathBuf::from);
    pages.map(|path| (path.clone(), fs::read_to_string(share().join(path)).expect("UTF-8"))).collect()
}

/// What a page has under a heading.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let Some((_, rest)) = page.split_once(&format!("\n.SH {heading}\n")) else { return "" };
    rest.split("\n.SH ").next().unwrap_or_default()
}

/// What stands in a manual page's line, without its macros and fonts.
fn plain(line: &str) -> String {
    ["\\fB", "\\fI", "\\fR", "\\&"].iter().fold(line.replace("\\-", "-"), |line, font| line.replace(font, ""))
}

/// The terms of the lists in a part of a page.
fn terms(part: &str) -> Vec<String> {
    let lines: Vec<_> = part.lines().collect();
    let terms = lines.windows(2).filter(|pair| pair[0] == ".TP").map(|pair| plain(pair[1]));
    terms.flat_map(|line| line.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Those that are written by hand have a test of their own.
#[test]
fn mandoc_finds_nothing_wrong_with_any_page() {
    let sb = Sandbox::stock();
    sb.unpack("mandoc");
    for (name, text) in pages() {
        sb.write(format!("/root/{name}.8"), text);
        let out = sb.try_sh(&format!("cd /root; mandoc -T lint {name}.8"));
        assert_eq!((out.stdout.as_str(), out.code), ("", Some(0)), "{out}");
    }
}

#[test]
fn every_verb_that_people_may_use_has_a_page_and_no_other() {
    let sb = Sandbox::stock();
    let verbs = verbs(&sb);
    let mut expected: Vec<_> = verbs.iter().map(|verb| format!("sftpjail-{verb}")).collect();
    expected.push("sftpjail".to_owned());
    expected.sort();
    assert_eq!(pages().into_keys().collect::<Vec<_>>(), expected);
    let program = &pages()["sftpjail"];
    for name in expected.iter().filter(|name| *name != "sftpjail") {
        assert!(plain(section(program, "COMMANDS")).contains(&format!("{name}(8)")), "{name}");
    }
}

/// A page that another one names is there, if it is one of ours.
#[test]
fn pages_name_pages_that_there_are() {
    let all = all_pages();
    let names: Vec<_> = all.iter().filter_map(|(path, _)| path.file_stem()?.to_str()).collect();
    for (path, text) in &all {
        let text = plain(text);
        for (at, _) in text.match_indices("(8)").chain(text.match_indices("(5)")) {
            let name =
                text[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).next().unwrap();
            let is_ours = name.contains("sftpjail");
            assert!(!is_ours || names.contains(&name), "{} names {name}", path.display());
        }
    }
}

/// As the help lists them.
fn verbs(sb: &Sandbox) -> Vec<String> {
    let help = sb.sh("sftpjail --help").stdout;
    let (_, list) = help.split_once("\nCommands:\n").expect("a list");
    let list = list.lines().take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}
