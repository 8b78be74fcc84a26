//! Which mutant this process is. Not compiled here: it goes, as it stands, into a copy of each crate.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The number is written into the file of a program or a library, which keeps it however it is started. `MUTANT` in the
/// environment is for test programs, of which one file is many mutants.
static NUMBER: [u8; 24] = *b"sftpjail-mutant:00000000";

fn number() -> usize {
    static OURS: OnceLock<usize> = OnceLock::new();
    *OURS.get_or_init(|| {
        let digits = |text: &str| text.parse().unwrap_or(0);
        match std::env::var("MUTANT") {
            Ok(text) => digits(&text),
            Err(_) => black_box(&NUMBER).get(16..).and_then(|text| std::str::from_utf8(text).ok()).map_or(0, digits),
        }
    })
}

/// Where each mutant that a process comes to is noted once, if there is such a file.
const NOTED: &str = "/proc/self/fd/999";

/// Whether this process is that mutant.
pub(crate) fn on(mutant: usize) -> bool {
    if mutant == 0 {
        return false;
    }
    static REACHED: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];
    if REACHED.get(mutant).is_some_and(|reached| !reached.swap(true, Ordering::Relaxed)) {
        let file = OpenOptions::new().append(true).open(NOTED);
        let _ = file.and_then(|mut file| file.write_all(format!("{mutant}\n").as_bytes()));
    }
    mutant == number()
}

/// `left operator right`, or with the operator of the mutant that this process is.
pub(crate) fn compare<A, B>(left: &A, operator: &str, right: &B, mutants: &[(usize, &str)]) -> bool
where
    A: PartialOrd<B> + ?Sized,
    B: ?Sized,
{
    let mutated = mutants.iter().find(|(mutant, _)| on(*mutant)).map(|(_, operator)| *operator);
    match mutated.unwrap_or(operator) {
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        "==" => left == right,
        _ => left != right,
    }
}
