//! What only a terminal gets: colours and a width.

use anstyle::{AnsiColor, Style};
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};

/// The terminal's width, if there is one.
pub(crate) fn columns() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The mark at the beginning of a line, in its colour. Where none is wanted (no terminal, NO_COLOR,
/// TERM=dumb), anstream takes it away again.
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
