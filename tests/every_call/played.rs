//! What has come of one login, or of one run of a program.

use crate::tracee::Call;

/// How a login, or a run of a program, has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Jailed,
    Refused,
    /// The module cannot read its configuration. sshd refuses, because nothing is at its ChrootDirectory.
    LeftToSshd,
    /// The process was killed, as was meant.
    Killed,
    /// The process has ended itself, for lack of memory.
    Aborted,
    /// A program did what it was asked to.
    Done,
    /// A program said that it did not.
    Failed,
}

/// What has come of one login.
pub(crate) struct Played {
    pub(crate) outcome: Outcome,
    /// Of each process.
    pub(crate) calls: Vec<Vec<Call>>,
    /// The call at which the fault was.
    pub(crate) failed: Option<Call>,
    pub(crate) wrong: Vec<String>,
    /// It is wrong, unless the call that has failed has no error of its own: state that was not restored, and modes
    /// that lack bits, as an umask takes them.
    pub(crate) excusable: Vec<String>,
    pub(crate) odd: Vec<String>,
    /// It could not be closed, and has said so.
    pub(crate) is_unclosed: bool,
    /// What its jail was, if it had one.
    pub(crate) jail: Option<Vec<String>>,
    /// What the process was in it.
    pub(crate) inside: Vec<String>,
}

impl Played {
    pub(crate) fn new(calls: Vec<Vec<Call>>, failed: Option<Call>) -> Played {
        Played {
            outcome: Outcome::Jailed,
            calls,
            failed,
            wrong: Vec::new(),
            excusable: Vec::new(),
            odd: Vec::new(),
            is_unclosed: false,
            jail: None,
            inside: Vec::new(),
        }
    }

    /// Whether the call that has failed asks for memory.
    pub(crate) fn of_memory(&self) -> bool {
        let calls = [libc::SYS_brk, libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_mremap];
        self.failed.is_some_and(|call| calls.contains(&call.number))
    }
}
