//! Writes the result of a rehearsal, as text and as JSON: what the user will see in the jail.

use crate::host::rehearsal::{Kind, Rehearsal};
use crate::report::Outside;
use serde::{Serialize, Serializer};
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
        let path = Outside::of_escaped(&entry.path);
        writeln!(out, "    {} {:>5} {:>5}  {path}{note}", entry.mode, entry.uid, entry.gid)?;
    }
    Ok(())
}

/// The rehearsal in the JSON document.
#[derive(Serialize)]
struct Document<'r> {
    microseconds: u64,
    home: String,
    /// Hexadecimal, where `home` is not UTF-8 and so not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    home_bytes: Option<String>,
    procfs: Vec<String>,
    tree: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Entry<'r> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    kind: Kind,
    writable: bool,
    mode: &'r str,
    uid: u32,
    gid: u32,
}

/// Writes it with plain values; those of [`Rehearsal`] are escaped.
pub(super) fn serialize<S: Serializer>(rehearsal: &Option<Rehearsal>, out: S) -> Result<S::Ok, S::Error> {
    let document = rehearsal.as_ref().map(|rehearsal| {
        let home = Outside::of_escaped(&rehearsal.home);
        let entries = rehearsal.tree.iter().map(|entry| {
            let path = Outside::of_escaped(&entry.path);
            Entry {
                path: path.plain().into_owned(),
                path_bytes: path.bytes(),
                kind: entry.kind,
                writable: entry.writable,
                mode: &entry.mode,
                uid: entry.uid,
                gid: entry.gid,
            }
        });
        let plain = |path: &String| Outside::of_escaped(path).plain().into_owned();
        Document {
            microseconds: rehearsal.microseconds,
            home: home.plain().into_owned(),
            home_bytes: home.bytes(),
            procfs: rehearsal.procfs.iter().map(plain).collect(),
            tree: entries.collect(),
        }
    });
    document.serialize(out)
}
