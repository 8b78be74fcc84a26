//! The repository's Markdown: every link leads somewhere, and what SECURITY.md calls proven has a test.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::common::ROOT;

/// The last cell of a row of the threats table that has no test begins so, and goes on with the reason.
const NO_TEST: &str = "No test: ";

/// A Markdown file.
struct Document {
    /// Relative to the repository.
    path: PathBuf,
    /// Without fenced blocks, of which only the line breaks are left.
    prose: String,
}

/// `[label](target)`, and the line on which the target stands.
#[derive(Debug, PartialEq)]
struct Link<'d> {
    line: usize,
    label: &'d str,
    target: &'d str,
}

impl Document {
    fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        let mut is_fenced = false;
        let prose = text.lines().map(|line| {
            let is_fence = line.trim_start().starts_with("```");
            is_fenced ^= is_fence;
            if is_fenced || is_fence { "\n".to_owned() } else { format!("{line}\n") }
        });
        Self { path: path.into(), prose: prose.collect() }
    }

    /// Every Markdown file of the repository, but for what is built or hidden.
    fn all() -> Vec<Self> {
        let mut documents = Vec::new();
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            for entry in Path::new(ROOT).join(&directory).read_dir().expect("a directory").flatten() {
                let name = entry.file_name().into_string().expect("UTF-8");
                let path = directory.join(&name);
                let kind = entry.file_type().expect("a kind");
                if kind.is_dir() && name != "target" && !name.starts_with('.') {
                    directories.push(path);
                } else if kind.is_file() && name.ends_with(".md") {
                    documents.push(Self::read(path));
                }
            }
        }
        documents
    }

    fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(Path::new(ROOT).join(&path));
        Self::new(&path, &text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// Links as they are written inline; what stands in backticks is none.
    fn links(&self) -> Vec<Link<'_>> {
        let mut links = Vec::new();
        for (end, _) in self.prose.match_indices("](") {
            let before = &self.prose[..end];
            let paragraph = before.rsplit("\n\n").next().unwrap_or_default();
            if paragraph.matches('`').count() % 2 == 1 {
                continue;
            }
            // Brackets may stand in the label.
            let mut depth = 1;
            let start = before.rfind(|c| {
                depth += i32::from(c == ']') - i32::from(c == '[');
                depth == 0
            });
            let target = self.prose[end + 2..].split_once(')').map(|(target, _)| target);
            if let (Some(start), Some(target)) = (start, target) {
                let line = before.lines().count();
                links.push(Link { line, label: &before[start + 1..], target });
            }
        }
        links
    }

    /// The fragments by which its headings are found: as the hosts of repositories make them.
    fn fragments(&self) -> Vec<String> {
        let mut fragments: Vec<String> = Vec::new();
        let headings = self.prose.lines().filter(|line| line.starts_with('#'));
        for heading in headings.filter_map(|line| line.trim_start_matches('#').strip_prefix(' ')) {
            let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            let plain: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let plain = plain.to_lowercase();
            let again = (1..).map(|n| format!("{plain}-{n}"));
            let free = std::iter::once(plain.clone()).chain(again).find(|name| !fragments.contains(name));
            fragments.extend(free);
        }
        fragments
    }

    /// What is wrong with its links to this repository.
    fn broken_links(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (number, line) in self.prose.lines().enumerate() {
            if line.starts_with('[') && line.contains("]: ") {
                broken.push(self.say(number + 1, "write links inline, so that this test sees them"));
            }
        }
        for link in self.links() {
            if let Err(why) = self.follow(link.target) {
                broken.push(self.say(link.line, &format!("[{}]({}): {why}", link.label, link.target)));
            }
        }
        broken
    }

    fn follow(&self, target: &str) -> Result<(), String> {
        if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
            return Ok(());
        }
        let (path, fragment) = match target.split_once('#') {
            Some((path, fragment)) => (path, Some(fragment)),
            None => (target, None),
        };
        let path = if path.is_empty() { self.path.clone() } else { self.resolve(path)? };
        // This document itself may be one that is only an example.
        let of_this = path == self.path;
        if !of_this && !Path::new(ROOT).join(&path).exists() {
            return Err("there is no such file".into());
        }
        let Some(fragment) = fragment else { return Ok(()) };
        if path.extension().is_none_or(|extension| extension != "md") {
            return Err("only Markdown has headings".into());
        }
        let fragments = if of_this { self.fragments() } else { Self::read(path).fragments() };
        if fragments.iter().any(|one| one == fragment) {
            Ok(())
        } else {
            Err("there is no such heading".into())
        }
    }

    /// A target as a path relative to the repository.
    fn resolve(&self, target: &str) -> Result<PathBuf, String> {
        let mut path = self.path.parent().map(Path::to_owned).unwrap_or_default();
        for component in Path::new(target).components() {
            match component {
                Component::Normal(name) => path.push(name),
                Component::CurDir => {}
                Component::ParentDir if path.pop() => {}
                _ => return Err("it leads out of the repository".into()),
            }
        }
        Ok(path)
    }

    /// Links to tests whose function is not there, or is no test. A link to a source file has the file's
    /// name as its label, or the name of a test in it.
    fn missing_tests(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for link in self.links().into_iter().filter(is_of_test) {
            let path = self.resolve(link.target).map(|path| Path::new(ROOT).join(path));
            let source = path.and_then(|path| fs::read_to_string(path).map_err(|error| error.to_string()));
            let why = match source {
                Ok(source) if has_test(&source, link.label.trim_matches('`')) => continue,
                Ok(_) => "there is no such test".to_owned(),
                Err(why) => why,
            };
            missing.push(self.say(link.line, &format!("[{}]({}): {why}", link.label, link.target)));
        }
        missing
    }

    /// Rows of the table of threats, which are numbered from 1, that neither link to a test nor say why.
    fn unproven_rows(&self) -> Vec<String> {
        let mut unproven = Vec::new();
        let mut expected = 1;
        for line in self.prose.lines() {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let ["", number, .., proof, ""] = cells[..] else { continue };
            let Ok(number) = number.parse::<u32>() else { continue };
            if number != expected {
                unproven.push(format!("row {expected} is missing before row {number}"));
            }
            expected = number + 1;
            let links = Document::new(&self.path, proof);
            let is_proven = links.links().iter().any(is_of_test);
            let reason = proof.split_once(NO_TEST).map_or("", |(_, reason)| reason);
            if !is_proven && reason.split(' ').count() < 5 {
                unproven.push(format!("row {number} has neither a test nor \"{NO_TEST}\" and the reason"));
            }
        }
        if expected < 30 {
            unproven.push(format!("there are {} rows, and 29 threats at least", expected - 1));
        }
        unproven
    }

    fn say(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

fn is_of_test(link: &Link<'_>) -> bool {
    link.target.ends_with(".rs") && !link.label.trim_matches('`').ends_with(".rs")
}

/// Whether a source file has a test of this name: marked as one, or listed as one for both namespaces.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.starts_with(&format!("fn {name}("))) else {
        return false;
    };
    let mut above =
        lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    let mut lists = source.split("in_both_namespaces!(").skip(1).filter_map(|rest| rest.split_once(')'));
    above.any(|line| *line == "#[test]")
        || lists.any(|(list, _)| list.split(',').any(|listed| listed.trim() == name))
}

#[track_caller]
fn none_of(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let documents = Document::all();
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/decisions.md"] {
        assert!(documents.iter().any(|document| document.path == Path::new(name)), "{name} is missing");
    }
    none_of(&documents.iter().flat_map(Document::broken_links).collect::<Vec<_>>());
}

#[test]
fn every_test_that_a_document_names_exists() {
    none_of(&Document::all().iter().flat_map(Document::missing_tests).collect::<Vec<_>>());
}

#[test]
fn every_threat_in_security_md_has_a_test_or_a_reason_why_not() {
    none_of(&Document::read("SECURITY.md").unproven_rows());
}

#[test]
fn the_example_in_contributing_md_is_a_test() {
    let (_, example) = include_str!("example.rs").split_once("\n\n").expect("an empty line");
    let contributing = fs::read_to_string(Path::new(ROOT).join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    assert!(contributing.contains(&format!("```rust\n{example}```\n")), "{example}");
}

/// So that the tests of links and of threats can fail.
#[test]
fn what_is_wrong_with_a_document_is_found() {
    let document = |text: &str| Document::new("docs/example.md", text);
    let links = "# A `b` c_d: e\n## Twice\n## Twice\n\
        [a](../README.md), [b\nb](../README.md#install), [c](#a-b-c_d-e), [d](#twice-1), [e](https://example.org)\n\
        `[f](none.md)`\n```\n[g](none.md)\n```\n[[h]](../tests)\n";
    none_of(&document(links).broken_links());
    for (wrong, why) in [
        ("[a](README.md)", "[a](README.md): there is no such file"),
        ("[a](../README.md#none)", "there is no such heading"),
        ("# One\n[a](#two)", "docs/example.md:2: "),
        ("[a](../Cargo.toml#members)", "only Markdown has headings"),
        ("[a](../../README.md)", "it leads out of the repository"),
        ("[a](/README.md)", "it leads out of the repository"),
        ("[a]: ../README.md", "write links inline"),
    ] {
        let found = document(wrong).broken_links();
        assert!(found.len() == 1 && found[0].contains(why), "{wrong}: {found:?}");
    }

    let to_this = |label: &str| {
        let (_, path) = file!().rsplit_once("e2e/").expect("below e2e");
        document(&format!("[{label}](../tests/e2e/{path})")).missing_tests()
    };
    none_of(&[to_this("`every_test_that_a_document_names_exists`"), to_this("`documents.rs`")].concat());
    for wrong in ["`every_test_that_a_document_names`", "`has_test`", "this file"] {
        assert_eq!(to_this(wrong).len(), 1, "{wrong}");
    }
    assert!(has_test("in_both_namespaces!(\n    one,\n    two,\n);\nfn two(n: Namespace) {}\n", "two"));
    assert!(!has_test("in_both_namespaces!(one);\nfn two(n: Namespace) {}\n", "two"));

    let rows = |odd: &str| -> String {
        let test = "[`x`](tests/e2e/x.rs)";
        (1..30).map(|n| format!("| {n} | where | what | {} |\n", if n == 7 { odd } else { test })).collect()
    };
    none_of(&document(&rows("No test: nobody has a kernel for it here")).unproven_rows());
    for odd in ["", "later", "No test: later", "[x](README.md)", "`x`"] {
        assert_eq!(document(&rows(odd)).unproven_rows().len(), 1, "{odd}");
    }
    let gap = rows("[`x`](x.rs)").replace("| 7 |", "| seven |");
    assert_eq!(document(&gap).unproven_rows(), ["row 7 is missing before row 8"]);
}
