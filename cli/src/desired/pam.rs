//! Our lines, as the repository shows them and as they are written in a stack.

pub(crate) mod order;

use crate::host::pam::control::{Action, Control};
use crate::host::pam::module::directory;
use crate::host::pam::stack::{Line, Module};
use pam_sftpjail::session::{Arguments, SessionLine};
use std::path::PathBuf;

pub(crate) const OURS: &str = "pam_sftpjail.so";

/// They make homes, in the session.
pub(crate) const HOME_MAKERS: [&str; 2] = ["pam_mkhomedir.so", "pam_oddjob_mkhomedir.so"];

/// With our reasons, which `sftpjail setup` leaves out.
const EXAMPLE: &str = include_str!("../../../pam.d/sshd");

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

/// With which our module refuses.
const REFUSALS: [&str; 8] = [
    "perm_denied",
    "session_err",
    "system_err",
    "user_unknown",
    "buf_err",
    "abort",
    "service_err",
    "auth_err",
];

/// What is wrong with the control field of a line of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A refusal is not final.
    LetsIn,
    /// Who is let in, or is none of the module's business, is refused.
    KeepsOut,
    /// A module file that is missing or cannot be loaded, which libpam answers for with
    /// `module_unknown`, keeps everybody out.
    Unloadable,
}

/// The worst that is wrong with the control field of a line of ours.
pub(crate) fn flaw(control: &Control) -> Option<Flaw> {
    let refuses = |answer| matches!(control.on(answer), Action::Bad | Action::Die);
    if refuses("success") || control.on("ignore") != Action::Ignore {
        Some(Flaw::KeepsOut)
    } else if !REFUSALS.iter().all(|answer| refuses(answer)) {
        Some(Flaw::LetsIn)
    } else if control.on("module_unknown") != Action::Ignore {
        Some(Flaw::Unloadable)
    } else {
        None
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
    pub(crate) fn parsed(&self) -> Arguments {
        Arguments::parse(self.arguments.iter().map(String::as_bytes))
    }

    /// Whether libpam goes on where it cannot load the module.
    pub(crate) fn ignores_unloadable(&self) -> bool {
        flaw(&self.control) != Some(Flaw::Unloadable)
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
    pub(crate) fn file(&self) -> Option<PathBuf> {
        directory()?.join(&self.path).canonicalize().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ours_lets_nobody_in_and_keeps_nobody_else_out() {
        for (text, expected) in [
            ("[success=ok ignore=ignore module_unknown=ignore default=bad]", None),
            ("[success=ok ignore=ignore module_unknown=ignore default=die]", None),
            ("[success=1 ignore=ignore module_unknown=ignore default=bad]", None),
            ("required", Some(Flaw::Unloadable)),
            ("Requisite", Some(Flaw::Unloadable)),
            ("[success=ok ignore=ignore default=bad]", Some(Flaw::Unloadable)),
            ("optional", Some(Flaw::LetsIn)),
            ("sufficient", Some(Flaw::LetsIn)),
            ("[success=ok ignore=ignore session_err=ok default=bad]", Some(Flaw::LetsIn)),
            ("[success=ok default=ignore]", Some(Flaw::LetsIn)),
            ("requird", Some(Flaw::KeepsOut)),
            ("[default=bad]", Some(Flaw::KeepsOut)),
            ("[success=ok module_unknown=ignore default=bad]", Some(Flaw::KeepsOut)),
        ] {
            assert_eq!(flaw(&Control::parse(text)), expected, "{text}");
        }
    }
}
