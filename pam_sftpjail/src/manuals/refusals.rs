//! The page of the module lists the sentences for users, and below each the reasons in the log: those of the code.

use super::MODULE;
use super::mdoc::{items, section};
use std::collections::BTreeMap;

/// The texts in quotes of a source, without those in comments.
pub(super) fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "");
    let mut rest = code.as_str();
    while let Some((_, after)) = rest.split_once('"') {
        let mut is_escaped = false;
        let end = after.find(|c| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let (text, after) = after.split_at(end.expect("a closing quote"));
        // A backslash at the end of a line joins it with the next.
        let mut parts = text.split("\\\n");
        let first = parts.next().unwrap_or_default().to_owned();
        found.push(parts.fold(first, |text, part| text + part.trim_start()).replace("\\\"", "\""));
        rest = &after[1..];
    }
    found
}

/// The parts of a text for format! between what is filled in.
fn pieces(format: &str) -> Vec<&str> {
    format.split('{').enumerate().map(|(i, piece)| if i == 0 { piece } else { after_brace(piece) }).collect()
}

fn after_brace(piece: &str) -> &str {
    piece.split_once('}').expect("a closing brace").1
}

/// Whether a text is what a format comes to.
pub(super) fn fits(format: &str, text: &str) -> bool {
    let pieces = pieces(format);
    let [first, between @ .., last] = &pieces[..] else { return pieces == [text] };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for piece in between {
        match rest.split_once(piece) {
            Some((filled, after)) if !filled.is_empty() => rest = after,
            _ => return false,
        }
    }
    rest.strip_suffix(last).is_some_and(|filled| !filled.is_empty())
}

/// The variants of a refusal, each with the texts of its reason.
fn reasons() -> BTreeMap<String, Vec<String>> {
    let after_errors = |source: &'static str| {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        code.split("#[error(").skip(1).collect::<Vec<_>>()
    };
    let first = |code: &str| literals(code).remove(0);
    let mut found = BTreeMap::new();
    for rest in after_errors(include_str!("../error.rs")) {
        let (attribute, declared) = rest.split_once(")]\n").expect("an attribute");
        let variant: String = declared.trim_start().chars().take_while(char::is_ascii_alphanumeric).collect();
        let texts = match (attribute, variant.as_str()) {
            ("transparent", "Lookup") => {
                let errors = after_errors(include_str!("../nss.rs"));
                errors
                    .iter()
                    .filter_map(|rest| rest.split_once(")]\n"))
                    .map(|(attribute, _)| first(attribute))
                    .collect()
            }
            ("transparent", "Kernel") => {
                let (_, code) =
                    include_str!("../sys/needed.rs").split_once("fn sentence(").expect("a sentence");
                literals(code.split("\n    }\n").next().unwrap_or_default())
            }
            ("transparent", other) => panic!("where are the reasons of {other}?"),
            (attribute, _) => vec![first(attribute)],
        };
        found.insert(variant, texts);
    }
    found
}

/// The sentence of each variant, and that of all others.
fn sentences() -> (BTreeMap<String, String>, String) {
    let (mut named, mut of_others) = (BTreeMap::new(), None);
    // A literal ends an arm, after the variants that it is for.
    let mut code = include_str!("../error/for_user.rs");
    for text in literals(code) {
        let begin = text.split(['{', '.']).next().unwrap_or_default();
        let (arm, after) = code.split_once(&format!("\"{begin}")).expect("the literal");
        let variants: Vec<_> = arm.split("Self::").skip(1).collect();
        let variants =
            variants.iter().map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect());
        let variants: Vec<String> = variants.collect();
        if variants.is_empty() {
            of_others = Some(text.clone());
        }
        named.extend(variants.into_iter().map(|variant| (variant, text.clone())));
        code = after;
    }
    (named, of_others.expect("a sentence for all others"))
}

#[test]
fn every_sentence_for_a_user_is_in_the_page_with_its_reasons_and_no_other_is() {
    let (named, of_others) = sentences();
    let reasons = reasons();
    let mut left: Vec<_> = reasons
        .iter()
        .flat_map(|(variant, texts)| {
            let sentence = named.get(variant).unwrap_or(&of_others);
            texts.iter().map(move |text| (sentence.as_str(), text.as_str()))
        })
        .collect();
    assert!(left.len() > 30, "{left:#?}");
    for shown in items(&section(MODULE, "DIAGNOSTICS")) {
        for reason in items(&shown.body) {
            let reason = reason.text();
            // The most particular one that fits.
            let all = left.iter().enumerate().filter(|(_, (_, format))| fits(format, &reason));
            let best = all.max_by_key(|(_, (_, format))| format.len());
            let (at, (sentence, _)) = best.unwrap_or_else(|| panic!("no refusal says {reason:?}"));
            assert!(fits(sentence, &shown.head), "{reason:?} belongs below {sentence:?}");
            left.remove(at);
        }
    }
    assert!(left.is_empty(), "not in the page: {left:#?}");
}
