//! How the program ends where the command line alone decides: a help, or a mistake.

use crate::report::status::unwritten;
use crate::report::streams;
use pam_sftpjail::escape::is_plain;
use std::io::{self, Write};

/// Prints the help, or what is wrong on the command line, and ends the program. The words of a script can be anything.
pub(super) fn with(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    if error.use_stderr() && !text.lines().all(is_plain) {
        let _ = write!(streams::stderr(), "{text}");
        std::process::exit(error.exit_code());
    }
    // The reader of a help may close the pipe, such as `head`.
    match error.print() {
        Err(failure) if failure.kind() != io::ErrorKind::BrokenPipe && !error.use_stderr() => {
            let _ = writeln!(streams::stderr(), "sftpjail: {}", unwritten(&failure));
            std::process::exit(2)
        }
        _ => std::process::exit(error.exit_code()),
    }
}
