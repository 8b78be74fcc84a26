//! The words of `--op`: those that people use, and the operations as internal-sftp names them.

use super::operation::{Operation, Verb};
use super::queue::Event;
use clap::ValueEnum;
use clap::builder::PossibleValue;

/// What `--op` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Download,
    Upload,
    Delete,
    List,
    Chmod,
    Chown,
    /// One operation of internal-sftp.
    Only(Verb),
}

/// In the order of the help.
const ALL: [Wanted; 25] = [
    Wanted::Download,
    Wanted::Upload,
    Wanted::Delete,
    Wanted::List,
    Wanted::Chmod,
    Wanted::Chown,
    Wanted::Only(Verb::Open),
    Wanted::Only(Verb::Close),
    Wanted::Only(Verb::Opendir),
    Wanted::Only(Verb::Closedir),
    Wanted::Only(Verb::Remove),
    Wanted::Only(Verb::Mkdir),
    Wanted::Only(Verb::Rmdir),
    Wanted::Only(Verb::Rename),
    Wanted::Only(Verb::Symlink),
    Wanted::Only(Verb::Link),
    Wanted::Only(Verb::Set),
    Wanted::Only(Verb::Statvfs),
    Wanted::Only(Verb::Read),
    Wanted::Only(Verb::Write),
    Wanted::Only(Verb::Stat),
    Wanted::Only(Verb::Lstat),
    Wanted::Only(Verb::Realpath),
    Wanted::Only(Verb::Readlink),
    Wanted::Only(Verb::Fsync),
];

impl ValueEnum for Wanted {
    fn value_variants<'a>() -> &'a [Self] {
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let value = |name, help| PossibleValue::new(name).help(help);
        Some(match self {
            Self::Download => value("download", "Files opened for reading, and closed after it").alias("get"),
            Self::Upload => value("upload", "Files opened for writing, and closed after it").alias("put"),
            Self::Delete => value("delete", "remove and rmdir").aliases(["rm", "unlink"]),
            Self::List => value("list", "opendir and closedir").alias("ls"),
            Self::Chmod => value("chmod", "set, of a mode"),
            Self::Chown => value("chown", "set, of an owner and group").alias("chgrp"),
            Self::Only(verb) => {
                let only = PossibleValue::new(verb.name());
                let only = verb.help().map_or(only.clone(), |help| only.help(help));
                if *verb == Verb::Rename { only.alias("mv") } else { only }
            }
        })
    }
}

impl Wanted {
    /// Whether this is one of those that are asked for. Of an operation about which the log does not say enough, it
    /// is: an auditor must miss none.
    pub(crate) fn has(self, event: &Event) -> bool {
        let operation = &event.operation;
        match self {
            Self::Download => operation.opens_to_read() || may_have_moved(event, |(read, _)| read, false),
            Self::Upload => operation.opens_to_write() || may_have_moved(event, |(_, written)| written, true),
            Self::Delete => matches!(operation.verb, Verb::Remove | Verb::Rmdir),
            Self::List => matches!(operation.verb, Verb::Opendir | Verb::Closedir),
            Self::Chmod => is_set(operation, "mode "),
            Self::Chown => is_set(operation, "owner "),
            Self::Only(verb) => operation.verb == verb,
        }
    }
}

/// Whether it closes a file into which, or from which, this many bytes were moved; or one that was opened for that, but
/// is empty; or its log entry is cut.
fn may_have_moved(event: &Event, bytes: impl Fn((u64, u64)) -> u64, for_writing: bool) -> bool {
    let operation = &event.operation;
    let is_failure = matches!((operation.verb, for_writing), (Verb::Read, false) | (Verb::Write, true));
    let is_close = operation.verb == Verb::Close;
    is_failure
        || is_close
            && (operation.bytes.is_none_or(|moved| bytes(moved) > 0)
                || event.was_written == Some(for_writing))
}

fn is_set(operation: &Operation, what: &str) -> bool {
    operation.verb == Verb::Set && (operation.cut || operation.detail.starts_with(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_parsed_and_misses_nothing_that_it_means() {
        for (word, verbs) in [
            ("delete", &[Verb::Remove, Verb::Rmdir][..]),
            ("rm", &[Verb::Remove, Verb::Rmdir]),
            ("list", &[Verb::Opendir, Verb::Closedir]),
            ("mv", &[Verb::Rename]),
            ("rename", &[Verb::Rename]),
            ("mkdir", &[Verb::Mkdir]),
            ("open", &[Verb::Open]),
            ("fsync", &[Verb::Fsync]),
        ] {
            let wanted = Wanted::from_str(word, false).unwrap();
            for other in ALL {
                if let Wanted::Only(verb) = other {
                    assert_eq!(wanted.has(&Event::made(verb)), verbs.contains(&verb), "{word} {verb:?}");
                }
            }
        }
    }

    #[test]
    fn uploads_and_downloads_are_told_apart_by_flags_and_bytes() {
        let open = |flags: &str| {
            let mut event = Event::made(Verb::Open);
            event.operation.detail = flags.into();
            event
        };
        let close = |bytes, was_written| {
            let mut event = Event::made(Verb::Close);
            event.operation.bytes = bytes;
            event.was_written = was_written;
            event
        };
        for (event, is_download, is_upload) in [
            (open("READ"), true, false),
            (open("WRITE,CREATE,TRUNCATE"), false, true),
            (open("READ,WRITE"), true, true),
            (close(Some((7, 0)), None), true, false),
            (close(Some((0, 7)), None), false, true),
            (close(Some((0, 0)), Some(true)), false, true),
            (close(Some((0, 0)), Some(false)), true, false),
            (close(Some((0, 0)), None), false, false),
            // Its end is cut.
            (close(None, None), true, true),
            (Event::made(Verb::Write), false, true),
            (Event::made(Verb::Remove), false, false),
        ] {
            assert_eq!(
                (Wanted::Download.has(&event), Wanted::Upload.has(&event)),
                (is_download, is_upload),
                "{event:?}"
            );
        }
    }
}
