//! What the log does not tell, so that nobody takes its silence for an answer.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Of each kind, so many are told one by one.
const MAX_EXAMPLES: usize = 10;

/// What kind of gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Nothing,
    Missing,
    Truncated,
    Lost,
    TooLong,
    Unreadable,
    NoBeginning,
    NoEnd,
    Silent,
    Crowded,
    Cut,
    Ambiguous,
    Unclear,
    Elsewhere,
}

/// The gaps of one kind.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    /// The first of them, fit to be printed.
    pub(crate) examples: Vec<String>,
}

/// Shows times to people.
#[derive(Debug)]
pub(crate) struct Clock(TimeZone);

impl Clock {
    /// As a clock on the host's wall.
    pub(crate) fn shown(&self, time: Timestamp) -> String {
        self.0.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// All gaps of a time.
#[derive(Debug)]
pub(crate) struct Gaps {
    clock: Clock,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    tallies: BTreeMap<Kind, Tally>,
}

impl Gaps {
    /// Those between two times only; examples have the time of `zone`.
    pub(crate) fn between(since: Option<Timestamp>, until: Option<Timestamp>, zone: TimeZone) -> Self {
        Self { clock: Clock(zone), since, until, tallies: BTreeMap::new() }
    }

    /// Notes one that lasted from `first` to `last`, if that matters. The example is made only if it
    /// is told.
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

    /// Notes one of no time.
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
    /// For programs.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Missing => "missing-file",
            Self::Truncated => "truncated",
            Self::Lost => "lost",
            Self::TooLong => "too-long",
            Self::Unreadable => "unreadable",
            Self::NoBeginning => "no-beginning",
            Self::NoEnd => "no-end",
            Self::Silent => "silent",
            Self::Crowded => "crowded",
            Self::Cut => "cut",
            Self::Ambiguous => "ambiguous",
            Self::Unclear => "unclear",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// What `count` of them are.
    pub(crate) fn says(self, count: u64) -> String {
        let (one, many) = match self {
            Self::Nothing => return "there is no line of internal-sftp in the log".into(),
            Self::Missing => ("a rotated file is missing", "rotated files are missing"),
            Self::Truncated => ("a file ends in the middle", "files end in the middle"),
            Self::Lost => (
                "a log daemon says that it dropped messages",
                "times a log daemon says that it dropped messages",
            ),
            Self::TooLong => ("a line is too long to be read", "lines are too long to be read"),
            Self::Unreadable => (
                "a line of internal-sftp cannot be understood",
                "lines of internal-sftp cannot be understood",
            ),
            Self::NoBeginning => (
                "a session began before the log does, or its beginning was lost: the log does not say whose its operations are",
                "sessions began before the log does, or their beginning was lost: the log does not say whose their operations are",
            ),
            Self::NoEnd => (
                "a session has no end in the log: it was killed, or the rest of it is not logged, or it is still open",
                "sessions have no end in the log: they were killed, or the rest of them is not logged, or they are still open",
            ),
            Self::Silent => (
                "a session that pam_sftpjail opened has no line of internal-sftp in the log",
                "sessions that pam_sftpjail opened have no line of internal-sftp in the log",
            ),
            Self::Crowded => (
                "a session was given up, since too many were open at once: the rest of it has no user",
                "sessions were given up, since too many were open at once: the rest of them has no user",
            ),
            Self::Cut => (
                "a line was cut by internal-sftp after 500 bytes: the end of its path is missing, or what follows that",
                "lines were cut by internal-sftp after 500 bytes: the end of their paths is missing, or what follows that",
            ),
            Self::Ambiguous => (
                "a renaming or link has names with quotes in them that cannot be told apart",
                "renamings or links have names with quotes in them that cannot be told apart",
            ),
            Self::Unclear => (
                "a result is unclear (?): the operation or a look-up after it failed, and look-ups are not logged at the level INFO",
                "results are unclear (?): the operations or look-ups after them failed, and look-ups are not logged at the level INFO",
            ),
            Self::Elsewhere => (
                "a user's paths are as the log has them: where the volumes of that jail lie is not known here",
                "users' paths are as the log has them: where the volumes of their jails lie is not known here",
            ),
        };
        if count == 1 { one.into() } else { format!("{count} {many}") }
    }

    /// What can be done.
    pub(crate) fn fix(self) -> &'static str {
        match self {
            Self::Nothing => {
                "look with `sftpjail check USER` whether and where internal-sftp logs, and name that file with --file"
            }
            Self::Missing => "bring the file back, or let logrotate keep more of them",
            Self::Truncated => "if a backup has the whole file, name that with --file",
            Self::Lost => {
                "install rsyslog.d/sftpjail.conf, or raise RateLimitBurst= in journald.conf or ratelimit.burst in rsyslog.conf"
            }
            Self::TooLong | Self::Unreadable => {
                "look at the file: something else writes to it, or it is damaged"
            }
            Self::NoBeginning => "read the file that was rotated before as well, with --file",
            Self::NoEnd => {
                "`sftpjail check USER` says under `log` whether open sessions outlive a restart of rsyslog"
            }
            Self::Silent => {
                "see that sshd_config says `ForceCommand internal-sftp -l INFO`, that `sftpjail check USER` finds a log, and that its file is read"
            }
            Self::Crowded => "read fewer files at once",
            Self::Cut | Self::Ambiguous => "none: internal-sftp does not log more",
            Self::Unclear => "`ForceCommand internal-sftp -l VERBOSE` in sshd_config logs the look-ups, too",
            Self::Elsewhere => {
                "read the log on its own host, while the user exists and the configuration is sound"
            }
        }
    }
}
