//! The options that a page has are those of its verb.

use super::{pages, plain, section, terms};
use sandbox::Sandbox;
use std::collections::{BTreeMap, BTreeSet};

/// The options of each verb, as its help has them.
fn of_help(sb: &Sandbox) -> BTreeMap<String, BTreeSet<String>> {
    let of = |name: String| {
        let words = match name.as_str() {
            "sftpjail" => "sftpjail".to_owned(),
            "sftpjail-config" => "sftpjail config check".to_owned(),
            _ => name.replacen('-', " ", 1),
        };
        let help = sb.sh(&format!("{words} --help")).stdout;
        let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let options = lines.flat_map(|line| line.split([' ', ',']).filter(|word| word.starts_with("--")));
        (name, options.map(str::to_owned).collect())
    };
    pages().into_keys().map(of).collect()
}

#[test]
fn every_option_is_in_the_page_of_its_verb() {
    let sb = Sandbox::stock();
    for (name, mut options) in of_help(&sb) {
        let page = &pages()[&name];
        // The program's own page says it once.
        if name != "sftpjail" {
            options.remove("--help");
        }
        let listed = terms(section(page, "OPTIONS"));
        let listed: BTreeSet<_> = listed
            .iter()
            .filter_map(|term| term.split(['=', ' ']).find(|word| word.starts_with("--")))
            .collect();
        assert_eq!(listed, options.iter().map(String::as_str).collect(), "{name}");
        let synopsis = plain(section(page, "SYNOPSIS"));
        for option in options.iter().filter(|_| name != "sftpjail") {
            assert!(synopsis.contains(option.as_str()), "{name}: {option}: {synopsis}");
        }
    }
}

/// Also where a page tells of another verb: `sftpjail setup --undo`.
#[test]
fn no_page_speaks_of_an_option_that_there_is_not() {
    let sb = Sandbox::stock();
    let all = of_help(&sb);
    let of = |name: &str| all.get(name).cloned().unwrap_or_default();
    let mut seen = 0;
    for (name, page) in pages() {
        // In bold it is code; what is an example is run by another test.
        for code in page.replace('\n', " ").split("\\fB").skip(1).filter_map(|rest| rest.split("\\fR").next())
        {
            let code = plain(code);
            let words: Vec<_> = code.split(' ').collect();
            let known = match words[..] {
                ["sftpjail", verb, ..] => of(&format!("sftpjail-{verb}")),
                // The program's own page speaks of all verbs.
                [first, ..] if first.starts_with("--") && name == "sftpjail" => {
                    all.values().flatten().cloned().collect()
                }
                [first, ..] if first.starts_with("--") => of(&name),
                [verb, ..] if all.contains_key(&format!("sftpjail-{verb}")) => {
                    of(&format!("sftpjail-{verb}"))
                }
                _ => continue,
            };
            for option in words.iter().filter(|word| word.starts_with("--")) {
                assert!(known.contains(*option), "{name}: {code}");
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen}");
}
