//! The exit statuses that a page has are those that the code of its verb can name.

use super::json::{files, of_verb};
use super::{pages, section, terms};
use std::collections::{BTreeMap, BTreeSet};

/// The numbers of a type's variants, from the function that turns it into an exit status.
fn numbers(kind: &str, file: &str) -> BTreeMap<String, u8> {
    let text = &files()[file];
    let (_, body) = text.split_once(&format!("impl From<{kind}> for ExitCode")).expect("a conversion");
    let (body, _) = body.split_once("\n}\n").expect("its end");
    let arms = body.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" => "));
    let of_arm = |(variants, number): (&str, &str)| {
        let number: u8 = number.parse().expect("a number");
        variants.split(" | ").map(move |variant| (variant.to_owned(), number)).collect::<Vec<_>>()
    };
    arms.flat_map(of_arm).collect()
}

#[test]
fn every_exit_status_of_a_verb_is_in_its_page_and_no_other() {
    let mut known = numbers("Status", "cli/src/report/status.rs");
    known.extend(numbers("Ending", "cli/src/setup/report.rs"));
    assert_eq!(known.len(), 9, "{known:?}");
    for (name, page) in pages().into_iter().filter(|(name, _)| name != "sftpjail") {
        let verb = name.trim_start_matches("sftpjail-");
        let mut possible: BTreeSet<u8> = BTreeSet::new();
        for (file, text) in files().iter().filter(|(file, _)| of_verb(file).contains(&verb)) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (variant, number) in &known {
                // A whole word.
                let found = code.match_indices(variant.as_str()).any(|(at, _)| {
                    !code[at + variant.len()..].starts_with(|c: char| c.is_alphanumeric())
                        && !code[..at].ends_with(|c: char| c.is_alphanumeric())
                });
                if found && !file.ends_with("status.rs") {
                    possible.insert(*number);
                }
            }
        }
        // What the program ends with where a verb gives an error, or its words are wrong.
        possible.insert(2);
        let documented: BTreeSet<u8> =
            terms(section(&page, "EXIT STATUS")).iter().map(|term| term.parse().expect(term)).collect();
        assert_eq!(documented, possible, "{name}");
    }
}
