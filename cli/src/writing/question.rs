//! Asks before something is written.

use crate::report::Error;
use std::io::{self, IsTerminal, Write};

/// Whether it is to be done. The error: there is nobody to ask.
pub(crate) fn ask(out: &mut impl Write) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::new(
            "there is no terminal to ask on",
            "use --yes, or --dry-run to see the changes only",
        ));
    }
    let _ = write!(out, "Do this? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
