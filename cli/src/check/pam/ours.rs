//! Our lines, as the repository shows them and as they are written in a stack.

use super::control::Flaw;
use super::stack::{Line, Module};
use pam_sftpjail::session::{Arguments, SessionLine};
use std::path::PathBuf;

pub(crate) const OURS: &str = "pam_sftpjail.so";

/// With our reasons, which `sftpjail setup` leaves out.
const EXAMPLE: &str = include_str!("../../../../pam.d/sshd");

/// The three lines.
pub(crate) struct Example {
    pub(crate) account: &'static str,
    /// The first session line.
    pub(crate) close: &'static str,
    /// The last session line.
    pub(crate) open: &'static str,
}

impl Example {
    pub(crate) fn new() -> Self {
        let find = |is: &dyn Fn(&&str) -> bool| EXAMPLE.lines().find(is).unwrap_or_default();
        let session = |line: &&str, part: &str| line.starts_with("session ") && line.ends_with(part);
        Self {
            account: find(&|line| line.starts_with("account ")),
            close: find(&|line| session(line, " close")),
            open: find(&|line| session(line, " open")),
        }
    }

    /// The control field of all of them.
    pub(crate) fn control(&self) -> &'static str {
        self.account.find('[').zip(self.account.rfind(']')).map_or("", |(from, to)| &self.account[from..=to])
    }
}

impl Line {
    pub(crate) fn is_ours(&self) -> bool {
        self.is(OURS)
    }

    /// Which part of a session a line of ours is for.
    pub(crate) fn part(&self) -> SessionLine {
        self.module.as_ref().map_or(SessionLine::Single, |module| module.parsed().line)
    }
}

impl Module {
    /// The arguments as our module reads them.
    pub(super) fn parsed(&self) -> Arguments {
        Arguments::parse(self.arguments.iter().map(String::as_bytes))
    }

    /// Whether libpam goes on where it cannot load the module.
    pub(crate) fn ignores_unloadable(&self) -> bool {
        self.control.flaw() != Some(Flaw::Unloadable)
    }

    /// The line with the control field that it should have and, if `part` is given, with that instead of
    /// what it says of its part.
    pub(crate) fn rewritten(&self, kind: &str, part: Option<&str>) -> String {
        let stays = |word: &&str| part.is_none() || !["open", "close"].contains(word);
        let words = self.arguments.iter().map(String::as_str).filter(stays).chain(part);
        let arguments = words.map(|argument: &str| match argument.contains(' ') {
            true => format!(" [{argument}]"),
            false => format!(" {argument}"),
        });
        format!("{kind} {} {}{}", Example::new().control(), self.path, arguments.collect::<String>())
    }

    /// The file that libpam loads.
    pub(super) fn file(&self) -> Option<PathBuf> {
        super::module::directory()?.join(&self.path).canonicalize().ok()
    }
}
