//! `make bench`: what a login costs, beside what else gives a user a directory of their own, and beside more and more
//! sessions, mounts and files. Each contest runs in one sandbox, its contestants in turn: tests/driver/contest.rs.
//!
//! `N` is the number of rounds of the fastest contest, and sets those of all others; `ONLY` names one section. With
//! `OUT`, docs/benchmarks.md and its picture are written into that directory.

mod chart;
mod contest;
mod files;
mod growth;
mod logins;
mod machine;
mod page;
mod samples;
mod throughput;

use std::path::Path;
use std::time::Duration;

use sandbox::{Output, Sandbox, run_within};

const ROUNDS: u64 = 2000;

fn main() {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let rounds = set("N").map_or(ROUNDS, |n| n.parse().expect("N is a number"));
    let only = set("ONLY");
    let wanted = |section: &str| only.as_ref().is_none_or(|only| only == section);

    let facts = page::Facts::now(rounds, set("COMMIT"));
    let mut all = Vec::new();
    let mut show = |sections: Vec<page::Section>| {
        sections.iter().for_each(page::Section::print);
        all.extend(sections);
    };
    let (mut bars, mut lines) = (Vec::new(), Vec::new());
    if wanted("sessions") {
        show(contest::run(rounds, &mut bars));
    }
    if wanted("logins") {
        show(logins::run(rounds));
    }
    if wanted("growth") {
        show(growth::run(rounds, &mut lines));
    }
    if wanted("files") {
        show(files::run(rounds));
    }
    if wanted("throughput") {
        show(throughput::run(rounds));
    }
    if let (Some(out), None) = (set("OUT"), &only) {
        page::write(Path::new(&out), &facts, &all, &chart::draw(&bars, &lines));
    }
}

/// Runs `pam-driver` in a sandbox that has it; panics with what it said if it fails.
fn driver(sb: &Sandbox, arguments: &[&str]) -> Output {
    let mut command = sb.command("pam-driver");
    command.args(arguments);
    run_within(Duration::from_secs(1800), command, &format!("pam-driver {arguments:?}"), b"").ok()
}
