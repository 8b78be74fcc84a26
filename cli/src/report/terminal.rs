//! What depends on the terminal: colours and line breaks.

use anstyle::{AnsiColor, Style};
use pam_sftpjail::escape::one_line;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use unicode_width::UnicodeWidthStr;

/// All that this program writes to set or reset a colour, in the pieces in which it is written: of marks, of alarms,
/// and of setup's diff.
pub(super) const COLOURS: [&str; 6] = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"];

/// The width of the terminal in columns; `None` if standard output is no terminal.
#[expect(clippy::disallowed_methods, reason = "it writes nothing")]
pub(crate) fn columns() -> Option<usize> {
    columns_of(&io::stdout())
}

fn columns_of(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let of_terminal = rustix::termios::tcgetwinsize(stream).map_or(0, |size| usize::from(size.ws_col));
    // A serial console does not know its width.
    let of_environment = || std::env::var("COLUMNS").ok()?.parse().ok();
    Some(of_terminal).filter(|columns| *columns > 0).or_else(of_environment).filter(|columns| *columns > 0)
}

/// Breaks a text between words, so that it fits to the right of `indent` columns. Without a terminal it stays as it is.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    joined(text.split(' '), columns(), indent)
}

/// As [`wrapped`], for standard error.
#[expect(clippy::disallowed_methods, reason = "it writes nothing")]
pub(crate) fn wrapped_error(text: &str, indent: usize) -> String {
    joined(text.split(' '), columns_of(&io::stderr()), indent)
}

/// A fix behind an arrow, which stands in the column `indent`. The `command` at its end stays on one line, so that it
/// can be pasted.
pub(crate) fn advice(fix: &str, command: Option<&str>, indent: usize) -> String {
    let (fix, command) = (one_line(fix), command.map(one_line));
    let words = command.as_deref().and_then(|command| fix.strip_suffix(command)).unwrap_or(&fix);
    let words = words.split(' ').filter(|word| !word.is_empty());
    format!("→ {}", joined(words.chain(command.as_deref()), columns(), indent + 2))
}

/// Joins what is not to be broken, to the right of `indent` columns of a terminal that has so many.
fn joined<'t>(parts: impl Iterator<Item = &'t str>, columns: Option<usize>, indent: usize) -> String {
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(indent).max(20));
    let mut lines = String::new();
    let mut used = 0;
    for part in parts {
        if used > 0 && used + 1 + part.width() > room {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            used = 0;
        } else if used > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(part);
        used += part.width();
    }
    lines
}

/// The mark at the beginning of a line, in its colour. anstream removes the colour again where there should be none
/// (no terminal, NO_COLOR, TERM=dumb).
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    Good,
    Attention,
    Bad,
}

impl Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (colour, mark) = match self {
            Self::Good => (AnsiColor::Green, '✓'),
            Self::Attention => (AnsiColor::Yellow, '!'),
            Self::Bad => (AnsiColor::Red, '✗'),
        };
        let style = Style::new().fg_color(Some(colour.into())).bold();
        write!(f, "{style}{mark}{style:#}")
    }
}

/// A sentence that nobody may miss, in red; without colours, as [`Mark`].
pub(crate) struct Alarm<'a>(pub(crate) &'a str);

impl Display for Alarm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        write!(f, "{style}{}{style:#}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_and_a_command_is_not() {
        let parts = || "make an empty one:".split(' ').chain(["install -d -m 0755 /home/kim"]);
        assert_eq!(joined(parts(), None, 4), "make an empty one: install -d -m 0755 /home/kim");
        assert_eq!(joined(parts(), Some(80), 4), "make an empty one: install -d -m 0755 /home/kim");
        assert_eq!(joined(parts(), Some(40), 4), "make an empty one:\n    install -d -m 0755 /home/kim");
        assert_eq!(joined(parts(), Some(10), 4), "make an empty one:\n    install -d -m 0755 /home/kim");
        assert_eq!(joined("a b".split(' '), Some(1), 0), "a b");
    }
}
