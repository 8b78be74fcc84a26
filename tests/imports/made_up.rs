//! Small made-up crates, in which one arrow after the other is turned.

use crate::circles::circles;
use crate::floors::{Floors, violations};
use crate::modules::Modules;
use std::path::Path;

/// A command line in which everything points down.
const CLI: [(&str, &str); 11] = [
    (
        "main.rs",
        "mod arguments;\nmod check;\nmod desired;\nmod host;\nmod report;\nmod setup;\nuse arguments::Arguments;\n",
    ),
    ("arguments.rs", "pub struct Arguments { check: crate::check::Options, setup: super::setup::Options }\n"),
    ("check.rs", "mod pam;\nuse crate::{desired, host::sshd::{self, Settings}};\npub struct Options;\n"),
    (
        "check/pam.rs",
        "use super::*;\nuse crate::report::json::line;\nuse pam_sftpjail::setup::x;\nmod tests { use super::*; }\n",
    ),
    (
        "setup.rs",
        "/// Fixes what [`crate::check`] finds.\npub fn f() { desired::drop_in(\"crate::check::x\") }\nuse crate::desired;\n",
    ),
    ("desired.rs", "use crate::host;\npub struct DropIn;\n"),
    ("host.rs", "pub mod check;\npub mod sshd;\nuse ::setup::other;\nuse std::io::{self, Write};\n"),
    ("host/check.rs", "pub struct Answer;\n"),
    (
        "host/sshd.rs",
        "use crate::report::Location;\nuse super::check::Answer;\nfn f() { Vec::<u8>::setup() }\n",
    ),
    ("report.rs", "pub mod json;\npub mod location;\npub use location::Location;\n"),
    ("report/location.rs", "pub struct Location;\n"),
];

fn read(files: &[(&str, &str)], root: &str) -> Result<Modules, String> {
    let file = |(path, text): &(&str, &str)| (Path::new("src").join(path), (*text).to_owned());
    Modules::read(&Path::new("src").join(root), &files.iter().map(file).collect())
}

/// What is found once `line` stands at the end of `file`.
fn with_line(file: &str, line: &str) -> Vec<String> {
    let text = CLI.iter().find(|(path, _)| *path == file).expect("a file").1;
    let text = format!("{text}{line}\n");
    let mut files: Vec<_> = CLI.iter().copied().filter(|(path, _)| *path != file).collect();
    files.extend([(file, &*text), ("report/json.rs", "pub fn line() {}\n")]);
    let cli = read(&files, "main.rs").unwrap_or_else(|error| panic!("{error}"));
    violations(&cli, &Floors::of_cli(&cli))
}

/// `line` at the end of `file` is found once, with where it stands and with both ends.
#[track_caller]
fn is_found(file: &str, line: &str, ends: &str) {
    let text = CLI.iter().find(|(path, _)| *path == file).expect("a file").1;
    let found = with_line(file, line);
    let [one] = &found[..] else { panic!("{line}: not one, but {found:#?}") };
    let at = text.lines().count() + line.lines().count();
    assert!(one.starts_with(&format!("src/{file}:{at}: {ends} (")), "{line}: {one}");
    assert!(one.contains("Fix: "), "{one}");
}

#[test]
fn what_points_down_is_as_it_should_be() {
    assert_eq!(with_line("main.rs", ""), [""; 0]);
}

#[test]
fn each_arrow_that_points_up_is_found() {
    for (file, line, ends) in [
        ("setup.rs", "use crate::check::Finding;", "setup → check"),
        ("check/pam.rs", "use crate::setup::Plan;", "check::pam → setup"),
        ("setup.rs", "use crate::arguments::Arguments;", "setup → arguments"),
        ("arguments.rs", "use crate::Status;", "arguments → main"),
        ("setup.rs", "use super::*;", "setup → main"),
        ("check/pam.rs", "use super::super::Status;", "check::pam → main"),
        ("desired.rs", "use crate::check::Finding;", "desired → check"),
        ("host.rs", "use crate::desired::DropIn;", "host → desired"),
        ("host/sshd.rs", "use crate::check::pam::Stack;", "host::sshd → check::pam"),
        ("report/location.rs", "use crate::host::sshd::Settings;", "report::location → host::sshd"),
        ("report.rs", "use super::setup;", "report → setup"),
    ] {
        is_found(file, line, ends);
    }
}

#[test]
fn an_arrow_is_found_however_it_is_written() {
    for line in [
        "use crate::check::{self};",
        "use crate::{report,\n    check::{pam as stack, Finding}};",
        "use crate::check as report;",
        "use crate::check::*;",
        "pub use crate::check::Finding;",
        "use super::{check, report};",
        "use self::super::check;",
        "fn g() { use crate::check; }",
        "fn g() { super::check::run(); }",
        "fn g() -> Vec<crate::check::Finding> { Vec::new() }",
        "fn g() { <crate::check::Finding as Clone>::clone(&x); }",
        "fn g() -> impl crate::check::Judge {}",
        "fn g(x: u8) { if let crate::check::MOST = x {} }",
        "crate::check::made!();",
        "fn g() { println!(\"{}\", crate::check::MOST) }",
        "fn g() { vec![Some(u8::from(super::check::MOST))]; }",
        "macro_rules! g { () => { use $crate::{report, check::{Finding}}; } }",
        "#[arg(value_parser = crate::check::parse)]\nstruct G;",
        "struct G(#[serde(with = \"crate::check::text\")] u8);",
        "impl crate::check::Judge for G {}",
        "mod inside { use super::super::check; }",
    ] {
        let found = with_line("setup.rs", line);
        assert!(!found.is_empty(), "not found: {line}");
        for one in &found {
            assert!(one.contains(": setup") && one.contains(" → check"), "{line}: {one}");
        }
    }
}

#[test]
fn host_names_no_writer_of_report() {
    is_found("host/sshd.rs", "use crate::report::json::line;", "host::sshd → report::json");
    is_found("host.rs", "fn f() { crate::report::json::line() }", "host → report::json");
    let by_an_alias = with_line("host/sshd.rs", "use crate::report as r;\nfn g() { r::json::line() }");
    assert!(by_an_alias.iter().any(|one| one.contains("host::sshd → report::json")), "{by_an_alias:?}");
}

#[test]
fn a_re_export_hides_no_arrow() {
    let files = [
        ("main.rs", "mod host;\nmod report;\nmod check;\n"),
        ("check.rs", "pub struct Found;\n"),
        ("report.rs", "pub use crate::check::Found as Finding;\npub use super::check;\n"),
        ("host.rs", "use crate::report::Finding;\nfn f() { crate::report::check::run() }\n"),
    ];
    let cli = read(&files, "main.rs").expect("it can be read");
    let found = violations(&cli, &Floors::of_cli(&cli)).join("\n");
    assert!(found.contains("src/host.rs:1: host → check (crate::report::Finding)"), "{found}");
    assert!(found.contains("src/report.rs:1: report → check (crate::check::Found)"), "{found}");
}

#[test]
fn the_order_of_a_library_is_that_of_its_list() {
    let files = [
        ("lib.rs", "pub mod sys;\npub mod plan;\n\npub mod jail;\n"),
        ("sys.rs", ""),
        ("plan.rs", "mod home;\nuse crate::sys::open;\n"),
        ("plan/home.rs", "use super::Plan;\nuse crate::jail::Jail;\n"),
        ("jail.rs", "use crate::plan::Plan;\n"),
    ];
    let library = read(&files, "lib.rs").expect("it can be read");
    let found = violations(&library, &Floors::as_listed(&library));
    let [one] = &found[..] else { panic!("not one, but {found:#?}") };
    assert!(one.starts_with("src/plan/home.rs:2: plan::home → jail (crate::jail::Jail)\n"), "{one}");
    assert!(
        one.contains("`plan` may not name `jail`, which stands above it")
            && one.contains("as lib.rs lists them"),
        "{one}"
    );
}

#[test]
fn modules_that_hold_each_other_are_found_with_the_whole_way_round() {
    let files = [
        ("lib.rs", "mod audit;\n"),
        ("audit.rs", "mod json;\nmod output;\nmod table;\nuse output::Output;\n"),
        ("audit/json.rs", "use super::output::Row;\n"),
        ("audit/output.rs", "mod row;\n"),
        ("audit/output/row.rs", "use crate::audit::table::Table;\n"),
        ("audit/table.rs", "use super::Audit;\n\nfn f() { super::json::line() }\n"),
    ];
    let found = circles(&read(&files, "lib.rs").expect("it can be read"));
    let [one] = &found[..] else { panic!("not one, but {found:#?}") };
    for step in [
        "src/audit/json.rs:1: audit::json → audit::output\n",
        "src/audit/output/row.rs:1: audit::output::row → audit::table\n",
        "src/audit/table.rs:3: audit::table → audit::json\n",
    ] {
        assert!(one.contains(step), "{one}");
    }
}

#[test]
fn what_cannot_be_followed_is_an_error() {
    for (text, error) in [
        ("mod gone;", "`mod gone` has no file"),
        ("#[path = \"x.rs\"]\nmod y;", "`mod y` has a #[path]"),
        ("fn f() {\n    include!(\"x.rs\");\n}", "lib.rs:2: include!"),
        ("fn f() { mod x {} }", "lib.rs:1: a module in a function"),
        ("extern crate self as me;", "lib.rs:1: the crate has a second name"),
        ("#[macro_use]\nmod x;", "`mod x` has a #[macro_use]"),
        ("macro_rules! m { () => {} }\nmod x;", "the root defines the macro m"),
        ("fn f( {", "lib.rs:1: "),
    ] {
        let read = read(&[("lib.rs", text), ("x.rs", "")], "lib.rs");
        let said = read.err().unwrap_or_else(|| panic!("{text}: no error"));
        assert!(said.contains(error), "{text}: {said}");
    }
}
