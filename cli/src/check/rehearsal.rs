//! Prints the result of a rehearsal: what the user will see in the jail.

use crate::host::rehearsal::{Kind, Rehearsal};
use std::io::{self, Write};

/// Prints the tree of the jail, with what can be written in it.
pub(super) fn print(rehearsal: &Rehearsal, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  What the user will see:")?;
    for entry in &rehearsal.tree {
        let note = match (entry.kind, entry.writable) {
            (Kind::Home, true) => "  ← the home, writable",
            (Kind::Home, false) => "  ← the home, read-only",
            (Kind::Volume, true) => "  ← a volume, writable",
            (Kind::Volume, false) => "  ← a volume, read-only",
            (Kind::Syslog, _) => "  ← the host's, for internal-sftp's log",
            (_, true) => "  ← WRITABLE",
            (_, false) => "",
        };
        writeln!(out, "    {} {:>5} {:>5}  {}{note}", entry.mode, entry.uid, entry.gid, entry.path)?;
    }
    Ok(())
}
