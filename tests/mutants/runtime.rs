//! Which mutants this process is. Not compiled here: it goes, as it stands, into a copy of each crate.

use std::ffi::c_void;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// How many mutants there can be, a bit for each.
const MUTANTS: usize = 8 * 1024;
const MARK: [u8; 16] = *b"sftpjail-mutant:";

/// The bits are written into the file of a program or a library, which keeps them however it is started. `MUTANT` in
/// the environment is for test programs, of which one file is many mutants.
static BITS: [u8; MARK.len() + MUTANTS / 8] = {
    let mut bits = [0; MARK.len() + MUTANTS / 8];
    let mut at = 0;
    while at < MARK.len() {
        bits[at] = MARK[at];
        at += 1;
    }
    bits
};

fn is(mutant: usize) -> bool {
    static OURS: OnceLock<Option<usize>> = OnceLock::new();
    match OURS.get_or_init(|| std::env::var("MUTANT").ok()?.parse().ok()) {
        Some(ours) => mutant == *ours,
        None => {
            let byte = black_box(&BITS).get(MARK.len() + mutant / 8);
            byte.is_some_and(|byte| byte >> (mutant % 8) & 1 == 1)
        }
    }
}

/// Where the mutants are noted that a test comes to, if they are. sshd closes what it inherits, but PID 1 of a sandbox
/// does not.
const NOTED: [&str; 2] = ["/proc/self/fd/999", "/proc/1/fd/999"];
const READ_AND_WRITE: i32 = 3;
const SHARED: i32 = 1;

unsafe extern "C" {
    fn mmap(place: *mut c_void, length: usize, protection: i32, flags: i32, file: i32, offset: i64) -> *mut c_void;
}

/// A byte for each mutant. Memory, since a process may have lost its privileges or its system calls by then.
fn notes() -> Option<&'static [AtomicU8]> {
    static NOTES: OnceLock<Option<&'static [AtomicU8]>> = OnceLock::new();
    *NOTES.get_or_init(|| {
        let open = |path: &&str| OpenOptions::new().read(true).write(true).open(path).ok();
        let file = NOTED.iter().find_map(open)?;
        let length = usize::try_from(file.metadata().ok()?.len()).ok().filter(|length| *length > 0)?;
        // SAFETY: a new mapping of a file that is never shortened.
        let place = unsafe { mmap(null_mut(), length, READ_AND_WRITE, SHARED, file.as_raw_fd(), 0) };
        // SAFETY: it is that long, and is never unmapped.
        (place as isize != -1).then(|| unsafe { slice::from_raw_parts(place.cast(), length) })
    })
}

/// Whether this process is that mutant. It may be several at once.
pub(crate) fn on(mutant: usize) -> bool {
    if mutant == 0 {
        return false;
    }
    if let Some(note) = notes().and_then(|notes| notes.get(mutant)) {
        note.store(1, Ordering::Relaxed);
    }
    is(mutant)
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

/// What a function returns whose type has no name, or what a mutant returns instead.
#[derive(Clone)]
pub(crate) enum Either<A, B> {
    Mutant(A),
    Original(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Either<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Self::Mutant(items) => items.next(),
            Self::Original(items) => items.next(),
        }
    }
}

impl<T, A, B> DoubleEndedIterator for Either<A, B>
where
    A: DoubleEndedIterator<Item = T>,
    B: DoubleEndedIterator<Item = T>,
{
    fn next_back(&mut self) -> Option<T> {
        match self {
            Self::Mutant(items) => items.next_back(),
            Self::Original(items) => items.next_back(),
        }
    }
}
