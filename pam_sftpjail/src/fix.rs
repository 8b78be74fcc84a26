//! What an admin can do about a problem: a sentence, or a command to paste.
//!
//! Admins paste commands as root, without a second thought. So a [`Command`] is built only of text of this program,
//! names, numbers, and paths that nobody but root can make lead elsewhere. Paths that users could have chosen do not
//! compile:
//!
//! ```compile_fail,E0277
//! use pam_sftpjail::fix::Command;
//! use std::path::Path;
//!
//! let file = Path::new("/home/anna/.ssh/authorized_keys");
//! Command::new("chmod").arg("u+r").arg(file);
//! ```
//!
//! nor does text that was put together at run time:
//!
//! ```compile_fail,E0277
//! use pam_sftpjail::fix::Command;
//!
//! let file = format!("/home/{}/.ssh", "anna");
//! Command::new("chmod").arg("u+rx").arg(&file);
//! ```
//!
//! What compiles is a path from [`plan::root_path`](crate::plan::root_path), which reads the disk:
//!
//! ```
//! use pam_sftpjail::fix::{Command, Fix, Name};
//! use pam_sftpjail::plan::root_path;
//! use std::path::Path;
//!
//! let path = root_path(Path::new("/etc/passwd")).expect("only root can replace it");
//! let fix = Fix::from(Command::new("chown").arg(Name("root")).arg(&path));
//! assert_eq!(fix.to_string(), "chown root /etc/passwd");
//! ```
#![forbid(unsafe_code)]

mod lines;

use crate::escape::{escaped, word};
pub use lines::{Change, Line, LineEdit};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// A sentence or a command, on one line. Names and paths in it are escaped already. A child process can hand it to its
/// parent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fix {
    text: Box<str>,
    /// How many bytes of the text come before the command, which is its end. All of them: there is no command.
    words: usize,
}

impl Fix {
    /// A command that is safe only after the admin has done what `first` says.
    pub fn after(first: impl Display, command: &Command) -> Self {
        Self::with(&format!("{first}, then: "), command)
    }

    /// `command`, if every path in it could be made a [`RootPath`]; otherwise the sentence.
    pub fn or(command: Option<Command>, sentence: impl Into<String>) -> Self {
        command.map_or_else(|| Self::from(sentence.into()), Self::from)
    }

    /// The fix with words before it, and a colon.
    #[must_use]
    pub fn explained(self, words: impl Display) -> Self {
        let before = format!("{words}: ");
        Self { words: before.len() + self.words, text: format!("{before}{}", self.text).into() }
    }

    /// The command at its end, which can be pasted as it is.
    pub fn command(&self) -> Option<&str> {
        self.text.get(self.words..).filter(|command| !command.is_empty())
    }

    fn with(words: &str, command: &Command) -> Self {
        Self { text: format!("{words}{command}").into(), words: words.len() }
    }
}

impl Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A sentence.
impl From<&str> for Fix {
    fn from(sentence: &str) -> Self {
        sentence.to_owned().into()
    }
}

/// A sentence.
impl From<String> for Fix {
    fn from(sentence: String) -> Self {
        Self { words: sentence.len(), text: sentence.into() }
    }
}

/// A sentence.
impl From<&String> for Fix {
    fn from(sentence: &String) -> Self {
        sentence.clone().into()
    }
}

impl From<&Self> for Fix {
    fn from(fix: &Self) -> Self {
        fix.clone()
    }
}

impl From<Command> for Fix {
    fn from(command: Command) -> Self {
        Self::with("", &command)
    }
}

/// A command for any POSIX shell, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// A command without arguments. `program` is text of this program, and may hold arguments.
    pub fn new(program: &'static str) -> Self {
        Self(program.to_owned())
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Argument) -> Self {
        self.0.push(' ');
        self.0.push_str(&argument.shell_word());
        self
    }

    /// Adds a command that runs if this one succeeds.
    #[must_use]
    pub fn and(self, next: &Self) -> Self {
        Self(format!("{self} && {next}"))
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path of which every directory down to the last component is owned by root and writable by nobody else, also
/// behind symlinks. So a command changes what root put there. Only [`plan::root_path`](crate::plan::root_path) makes
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootPath(PathBuf);

impl RootPath {
    /// The caller has checked it.
    pub(crate) fn checked(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

/// The name of an account, a group or a unit, as root's databases have it. A text with a slash is no name, and neither
/// is one that begins with a hyphen or holds a colon: it is shown as a placeholder, so that no command takes it for a
/// path, an option, or a user and a group.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a>(pub &'a str);

/// An octal mode of a file, for chmod(1) and install(1).
#[derive(Clone, Copy, Debug)]
pub struct Mode(pub u32);

/// What can be an argument of a [`Command`].
pub trait Argument: sealed::Sealed {
    /// The argument as one word for a shell.
    fn shell_word(&self) -> String;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &'static str {}
    impl Sealed for &super::RootPath {}
    impl Sealed for super::Name<'_> {}
    impl Sealed for super::Mode {}
    impl Sealed for u32 {}
}

/// Text of this program, as it is: it may be several words, or hold what the shell expands.
impl Argument for &'static str {
    fn shell_word(&self) -> String {
        (*self).to_owned()
    }
}

impl Argument for &RootPath {
    fn shell_word(&self) -> String {
        word(&self.0).to_string()
    }
}

impl Argument for Name<'_> {
    fn shell_word(&self) -> String {
        match self.0.starts_with('-') || self.0.contains(['/', ':']) {
            true => "NAME".to_owned(),
            false => word(self.0).to_string(),
        }
    }
}

impl Argument for Mode {
    fn shell_word(&self) -> String {
        format!("{:04o}", self.0)
    }
}

/// A uid or gid.
impl Argument for u32 {
    fn shell_word(&self) -> String {
        self.to_string()
    }
}

impl Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_for_the_shell_and_are_never_paths() {
        let command = |name| Command::new("usermod -aG sftp").arg(Name(name)).to_string();
        assert_eq!(command("anna"), "usermod -aG sftp anna");
        assert_eq!(command("a b;id"), "usermod -aG sftp 'a b;id'");
        for odd in ["/etc/shadow", "-R", "anna:shadow"] {
            assert_eq!(command(odd), "usermod -aG sftp NAME");
        }
    }

    #[test]
    fn commands_are_joined_and_numbers_written_as_programs_read_them() {
        let make = Command::new("install -d -m").arg(Mode(0o700)).arg("-g").arg(1000);
        assert_eq!(make.and(&Command::new("sync")).to_string(), "install -d -m 0700 -g 1000 && sync");
        let fix = Fix::after("see what it is", &Command::new("sync"));
        assert_eq!(fix.to_string(), "see what it is, then: sync");
        let explained = fix.explained("if it is yours");
        assert_eq!(explained.to_string(), "if it is yours: see what it is, then: sync");
        assert_eq!(explained.command(), Some("sync"));
        assert_eq!(Fix::or(None, "wait").command(), None);
    }
}
