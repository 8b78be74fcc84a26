//! Gaps: what is missing from the log, so that nobody concludes from a missing entry that nothing happened.
//!
//! It counts them and names some as examples. It reads nothing and writes nothing.

use super::time::shown;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// How many gaps of each kind are named one by one.
const MAX_EXAMPLES: usize = 10;

/// The kinds of gap, in the order in which they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    NoEntries,
    BeginsLater,
    MissingFile,
    Truncated,
    Dropped,
    Restarted,
    TooLong,
    Unreadable,
    Forged,
    NoBeginning,
    NoEnd,
    NotLogged,
    TooManySessions,
    TooManyUsers,
    Cut,
    Ambiguous,
    Unclear,
    UnresolvedPaths,
}

/// The gaps of one kind.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    /// The first of them, escaped.
    pub(crate) examples: Vec<String>,
}

/// Writes times for people.
#[derive(Debug)]
pub(crate) struct Clock(TimeZone);

impl Clock {
    /// A time of the zone, without its offset.
    pub(crate) fn shown(&self, time: Timestamp) -> String {
        shown(time, &self.0)
    }
}

/// All gaps between two times.
#[derive(Debug)]
pub(crate) struct Gaps {
    clock: Clock,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    tallies: BTreeMap<Kind, Tally>,
}

impl Gaps {
    /// Counts the gaps between two times only. Times in examples are those of `zone`.
    pub(crate) fn between(since: Option<Timestamp>, until: Option<Timestamp>, zone: TimeZone) -> Self {
        Self { clock: Clock(zone), since, until, tallies: BTreeMap::new() }
    }

    /// Counts a gap that lasted from `first` to `last`, unless all of it is outside of the two times. The example is
    /// made only if it will be reported.
    pub(crate) fn during(
        &mut self,
        (first, last): (Timestamp, Timestamp),
        kind: Kind,
        example: impl FnOnce(&Clock) -> String,
    ) {
        if self.since.is_none_or(|since| since <= last) && self.until.is_none_or(|until| first < until) {
            self.add(kind, example);
        }
    }

    /// Counts a gap that has no time.
    pub(crate) fn add(&mut self, kind: Kind, example: impl FnOnce(&Clock) -> String) {
        let tally = self.tallies.entry(kind).or_default();
        tally.count += 1;
        if tally.examples.len() < MAX_EXAMPLES {
            tally.examples.push(example(&self.clock));
        }
    }

    /// In the order of [`Kind`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (Kind, &Tally)> {
        self.tallies.iter().map(|(kind, tally)| (*kind, tally))
    }
}

impl Kind {
    /// The `gap` of the JSON document.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::NoEntries => "no-entries",
            Self::BeginsLater => "begins-later",
            Self::MissingFile => "missing-file",
            Self::Truncated => "truncated",
            Self::Dropped => "dropped",
            Self::Restarted => "restarted",
            Self::TooLong => "too-long",
            Self::Unreadable => "unreadable",
            Self::Forged => "forged",
            Self::NoBeginning => "no-beginning",
            Self::NoEnd => "no-end",
            Self::NotLogged => "not-logged",
            Self::TooManySessions => "too-many-sessions",
            Self::TooManyUsers => "too-many-users",
            Self::Cut => "cut",
            Self::Ambiguous => "ambiguous",
            Self::Unclear => "unclear",
            Self::UnresolvedPaths => "unresolved-paths",
        }
    }

    /// What is so, for `count` gaps of this kind.
    pub(crate) fn message(self, count: u64) -> String {
        let (one, many) = match self {
            Self::NoEntries => return "the log has no entries of internal-sftp".into(),
            Self::BeginsLater => {
                return "the log begins after --since: what was done before is not in it".into();
            }
            Self::MissingFile => ("a rotated log file is missing", "rotated log files are missing"),
            Self::Truncated => ("the end of a log file is missing", "log files have lost their end"),
            Self::Dropped => (
                "a syslog daemon reported that it dropped messages",
                "times a syslog daemon reported that it dropped messages",
            ),
            Self::Restarted => (
                "a session was open while rsyslogd did not run: what was done then is not in the log",
                "sessions were open while rsyslogd did not run: what was done then is not in the log",
            ),
            Self::TooLong => ("a line is too long to be a log entry", "lines are too long to be log entries"),
            Self::Unreadable => (
                "a log entry of internal-sftp cannot be understood",
                "log entries of internal-sftp cannot be understood",
            ),
            Self::Forged => (
                "a log entry says that it is sshd's, but another process wrote it: neither it nor its copy in a log file is used",
                "log entries say that they are sshd's, but other processes wrote them: neither they nor their copies in log files are used",
            ),
            Self::NoBeginning => (
                "a session has no beginning in the log: entries before it may be missing, and only its end can name the user",
                "sessions have no beginning in the log: entries before them may be missing, and only their ends can name the users",
            ),
            Self::NoEnd => (
                "a session has no end in the log: it was killed, or its last log entries are missing, or it is still open",
                "sessions have no end in the log: they were killed, or their last log entries are missing, or they are still open",
            ),
            Self::NotLogged => (
                "a session that pam_sftpjail opened has no log entries of internal-sftp",
                "sessions that pam_sftpjail opened have no log entries of internal-sftp",
            ),
            Self::TooManySessions => (
                "a session could not be followed to its end, because too many were open at once: the rest of it is shown without a user",
                "sessions could not be followed to their end, because too many were open at once: the rest of them is shown without a user",
            ),
            Self::TooManyUsers => (
                "an entry is in no sum, because there are too many users",
                "entries are in no sum, because there are too many users",
            ),
            Self::Cut => (
                "internal-sftp cut a log entry after 500 bytes: the end of the path is missing, or what follows it",
                "log entries were cut by internal-sftp after 500 bytes: the end of the path is missing, or what follows it",
            ),
            Self::Ambiguous => (
                "a renaming or link has names with quotes in them: where one ends and the other begins is unknown",
                "renamings or links have names with quotes in them: where one ends and the other begins is unknown",
            ),
            Self::Unclear => (
                "a result is unclear (?): the operation failed, or else a look-up after it, or a write before the close",
                "results are unclear (?): the operations failed, or else look-ups after them, or writes before the close",
            ),
            Self::UnresolvedPaths => (
                "a user's paths are shown as in the log: where the volumes of that jail are on the host is unknown",
                "users' paths are shown as in the log: where the volumes of their jails are on the host is unknown",
            ),
        };
        if count == 1 { one.into() } else { format!("{count} {many}") }
    }

    /// What to do about it.
    pub(crate) fn fix(self) -> &'static str {
        match self {
            Self::NoEntries => {
                "run `sftpjail check USER`: it reports under `log` where internal-sftp's log entries go; name that file with --file"
            }
            Self::BeginsLater => "if a backup has older log files, name them with --file",
            Self::MissingFile => "restore the file from a backup, or let logrotate keep more files",
            Self::Truncated => "if a backup has the whole file, name it with --file",
            Self::Dropped => {
                "install rsyslog.d/sftpjail.conf, or raise RateLimitBurst= in journald.conf or ratelimit.burst in rsyslog.conf"
            }
            Self::Restarted => {
                "nothing brings those entries back. Where systemd's journal runs, leave the line `input(…)` out of /etc/rsyslog.d/10-sftpjail.conf: then new sessions log to the journal's socket, which stays, and audit reads the journal, too"
            }
            Self::TooLong | Self::Unreadable => {
                "look into the file: another program writes to it, or it is damaged"
            }
            Self::Forged => "find out what that user ran then: journalctl _UID=UID",
            Self::NoBeginning => "name the rotated file before it with --file as well",
            Self::NoEnd => {
                "run `sftpjail check USER`: it reports under `log` whether open sessions keep logging when rsyslog restarts"
            }
            Self::NotLogged => {
                "let sshd_config say `ForceCommand internal-sftp -l INFO`; run `sftpjail check USER`, and read the file that it reports under `log`. A client that opened no channel (ssh -N) leaves none either, nor does a session that sshd ended before: read auth.log at that time"
            }
            Self::TooManySessions | Self::TooManyUsers => "read fewer log files at once, with --file",
            Self::Cut | Self::Ambiguous => "there is none: internal-sftp does not log more",
            Self::Unclear => {
                "let sshd_config say `ForceCommand internal-sftp -l VERBOSE`, which logs look-ups as well, but no writes"
            }
            Self::UnresolvedPaths => {
                "read the log on the host that wrote it, while the user exists and the configuration is valid. Where sessions of a user had different jails at once, such as with grants for different keys, nothing brings them back: internal-sftp does not log of which session it is"
            }
        }
    }
}
