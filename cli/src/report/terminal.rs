//! What depends on the terminal: colours and line breaks.

use anstyle::{AnsiColor, Style};
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};
use unicode_width::UnicodeWidthStr;

/// The width of the terminal in columns; `None` if standard output is no terminal.
pub(crate) fn columns() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Breaks a text between words, so that it fits to the right of `indent` columns. Without a terminal it stays as it is.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let room = columns().map_or(usize::MAX, |columns| columns.saturating_sub(indent).max(20));
    let mut lines = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        if used > 0 && used + 1 + word.width() > room {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            used = 0;
        } else if used > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += word.width();
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
