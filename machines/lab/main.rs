//! Runs the scenario in whole systems, and says in a table what came of it: `make machines`.
//!
//! `lab SYSTEM…` runs it in these, `lab all` in all, two at a time. The table is printed when all have ended, and what
//! happens before that goes to stderr. The exit status is 1 if a step has failed in any system.
#![forbid(unsafe_code)]

mod etc;
mod lab;
mod packages;
mod run;
mod scenario;
mod systems;
mod table;

use packages::Packages;
use std::process::ExitCode;
use systems::KINDS;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let kinds: Option<Vec<_>> = match arguments.as_slice() {
        [word] if word == "all" => Some(KINDS.iter().collect()),
        names => names.iter().map(|name| systems::named(name)).collect(),
    };
    let Some(kinds) = kinds.filter(|kinds| !kinds.is_empty()) else {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        eprintln!("lab: say which systems, or all: {}", names.join(", "));
        return ExitCode::from(2);
    };
    let packages = Packages::built();
    let columns = run::scenarios(&kinds, &packages);
    println!("{}", table::write(&columns, &packages, &arguments).trim_end());
    ExitCode::from(u8::from(columns.iter().any(run::Column::has_failed)))
}
