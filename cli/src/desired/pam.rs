//! PAM's lines for the module: their text, the control field that they must have, and what is wrong with another.

pub(crate) mod closed;
pub(crate) mod order;
pub(crate) mod service;
pub(crate) mod unloadable;

use crate::host::pam::control::{Action, Control};
use crate::host::pam::module::directory;
use crate::host::pam::stack::{Line, Module, Stack, written};
use pam_sftpjail::session::{Arguments, SessionLine};
use std::path::PathBuf;

/// The name of the module in a line.
pub(crate) const OURS: &str = "pam_sftpjail.so";

/// The modules that make a missing home when a session opens.
pub(crate) const HOME_MAKERS: [&str; 2] = ["pam_mkhomedir.so", "pam_oddjob_mkhomedir.so"];

/// The file in the repository. Its comments explain the lines; `sftpjail setup` leaves them out.
const EXAMPLE: &str = include_str!("../../../pam.d/sshd");

/// The three lines in it.
pub(crate) struct Example {
    /// The account line.
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

    /// The control field, which is the same in all of them.
    pub(crate) fn control(&self) -> &'static str {
        self.account.find('[').zip(self.account.rfind(']')).map_or("", |(from, to)| &self.account[from..=to])
    }
}

/// The answers of the module that refuse a login.
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

/// What is wrong with the control field of one of the module's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A login can go on after the module has refused it.
    RefusalIsNotFinal,
    /// It refuses everybody, whatever the module answers.
    RefusesEverybody,
    /// It refuses members whom the module lets in.
    RefusesMembers,
    /// It refuses users who are not members.
    RefusesOthers,
    /// It refuses everybody if the module's file is missing or cannot be loaded: libpam answers `module_unknown` then.
    RefusesIfUnloadable,
}

/// The worst flaw of the control field of one of the module's lines.
pub(crate) fn flaw(control: &Control) -> Option<Flaw> {
    let refuses = |answer| control.refuses_on(answer);
    let refuses_others = control.on("ignore") != Action::Ignore;
    if refuses("success") && refuses_others {
        Some(Flaw::RefusesEverybody)
    } else if refuses("success") {
        Some(Flaw::RefusesMembers)
    } else if refuses_others {
        Some(Flaw::RefusesOthers)
    } else if !REFUSALS.iter().all(|answer| refuses(answer)) {
        Some(Flaw::RefusalIsNotFinal)
    } else if control.on("module_unknown") != Action::Ignore {
        Some(Flaw::RefusesIfUnloadable)
    } else {
        None
    }
}

impl Line {
    /// Whether it names the module.
    pub(crate) fn is_ours(&self) -> bool {
        self.is(OURS)
    }

    /// The part of a session that one of the module's lines is for.
    pub(crate) fn part(&self) -> SessionLine {
        self.module.as_ref().map_or(SessionLine::Single, |module| module.parsed().line)
    }
}

impl Stack {
    /// Whether one of these session lines asks the module, whose file is there, to build jails. Its line with `close`
    /// alone builds none.
    pub(crate) fn builds_jails(&self) -> bool {
        let is_there = |line: &Line| line.module.as_ref().is_some_and(|module| module.file().is_some());
        let mut ours = self.lines.iter().filter(|line| line.is_ours());
        ours.any(|line| line.part() != SessionLine::Close && is_there(line))
    }
}

impl Module {
    /// The arguments as sftpjail's module reads them.
    pub(crate) fn parsed(&self) -> Arguments {
        Arguments::parse(self.arguments.iter().map(String::as_bytes))
    }

    /// Whether the control field does what the module's line needs.
    pub(crate) fn is_sound(&self) -> bool {
        flaw(&self.control).is_none()
    }

    /// The line with the control field that it should have. `part`: `open` or `close`, if it should say that instead
    /// of what it says now.
    pub(crate) fn rewritten(&self, kind: &str, part: Option<&str>) -> String {
        let is_kept = |word: &&str| part.is_none() || !["open", "close"].contains(word);
        let words = self.arguments.iter().map(String::as_str).filter(is_kept).chain(part);
        let arguments: String = words.map(|argument| format!(" {}", written(argument))).collect();
        format!("{kind} {} {}{arguments}", Example::new().control(), written(&self.path))
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
    fn a_refusal_of_the_module_is_final_and_nobody_else_is_refused() {
        for (text, expected) in [
            ("[success=ok ignore=ignore module_unknown=ignore default=bad]", None),
            ("[success=ok ignore=ignore module_unknown=ignore default=die]", None),
            ("[success=1 ignore=ignore module_unknown=ignore default=bad]", None),
            ("required", Some(Flaw::RefusesIfUnloadable)),
            ("Requisite", Some(Flaw::RefusesIfUnloadable)),
            ("[success=ok ignore=ignore default=bad]", Some(Flaw::RefusesIfUnloadable)),
            ("optional", Some(Flaw::RefusalIsNotFinal)),
            ("sufficient", Some(Flaw::RefusalIsNotFinal)),
            ("[success=ok ignore=ignore session_err=ok default=bad]", Some(Flaw::RefusalIsNotFinal)),
            ("[success=ok default=ignore]", Some(Flaw::RefusalIsNotFinal)),
            ("requird", Some(Flaw::RefusesEverybody)),
            ("[default=bad]", Some(Flaw::RefusesEverybody)),
            ("[success=bad ignore=ignore module_unknown=ignore default=bad]", Some(Flaw::RefusesMembers)),
            ("[success=ok module_unknown=ignore default=bad]", Some(Flaw::RefusesOthers)),
        ] {
            assert_eq!(flaw(&Control::parse(text)), expected, "{text}");
        }
    }
}
