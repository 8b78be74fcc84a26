//! What a review says of a member, as plain values: in JSON, an object. Texts are as they are outside, and whoever
//! shows them to people escapes them.

use super::moment::Moment;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) user: String,
    pub(super) uid: u32,
    pub(super) profile: String,
    pub(super) state: State,
    /// Whether shadow has a password for the user that is not locked. `None`: that is unknown.
    pub(super) password: Option<bool>,
    /// The home and the volumes of the profile.
    pub(super) folders: Vec<Folder>,
    pub(super) grants: Vec<Granted>,
    pub(super) keys: Vec<Key>,
    /// Lines in files of keys that sshd uses for nobody: the place, and why; escaped.
    pub(super) unusable_lines: Vec<String>,
    /// Other settings of sshd's by which it takes keys of this user.
    pub(super) other_keys: Vec<String>,
    pub(super) last_login: Option<Moment>,
    pub(super) unused: Unused,
    pub(super) live_sessions: usize,
    pub(super) transfers: Option<Transfers>,
    /// What else runs, or may run, as the user.
    pub(super) runs: Vec<Runs>,
    /// What could not be read: sentences.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) kind: StateKind,
    /// A clause, escaped.
    pub(super) why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StateKind {
    CanLogIn,
    /// The admin wants it so.
    Closed,
    Refused,
    Unknown,
}

impl Member {
    /// What the user moved, if it was anything.
    pub(super) fn moved(&self) -> Option<&Transfers> {
        self.transfers.as_ref().filter(|moved| moved.uploaded_bytes > 0 || moved.downloaded_bytes > 0)
    }
}

impl StateKind {
    /// As in documents.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::CanLogIn => "can-log-in",
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::CanLogIn => "can log in",
            Self::Closed => "closed on purpose",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

impl Access {
    pub(super) fn of(read_only: bool) -> Self {
        if read_only { Self::ReadOnly } else { Self::ReadWrite }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Folder {
    pub(super) kind: FolderKind,
    /// Its path in the jail.
    pub(super) path: String,
    /// Where it is on the host.
    pub(super) source: String,
    /// Hexadecimal, where `source` is not UTF-8 and so not exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_bytes: Option<String>,
    pub(super) access: Access,
    /// Whose it is on disk. `None`: that is unknown, or the first login makes it.
    pub(super) owner: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FolderKind {
    Home,
    Volume,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Granted {
    pub(super) folder: String,
    /// Its path in the jail.
    pub(super) at: String,
    pub(super) access: Access,
    /// The account to which everything in it belongs on disk. `None`: it is as on disk.
    pub(super) owner: Option<String>,
    /// `None`: when it was given is not on record.
    pub(super) since: Option<Moment>,
    pub(super) until: Option<Moment>,
    pub(super) standing: GrantStanding,
    pub(super) from: Vec<String>,
    pub(super) key: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GrantStanding {
    Holds,
    /// It has not begun.
    Later,
    /// Address or key of the login decide.
    Depends,
    Ended,
    /// The folder cannot be shown.
    Unusable,
}

impl GrantStanding {
    /// As in documents.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Later => "later",
            Self::Depends => "depends",
            Self::Ended => "ended",
            Self::Unusable => "unusable",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) file: String,
    pub(super) line: usize,
    #[serde(rename = "type")]
    pub(super) key_type: String,
    pub(super) bits: Option<usize>,
    pub(super) fingerprint: Option<String>,
    pub(super) comment: String,
    /// Whether it is the key of an authority, which signs keys of the user's.
    pub(super) authority: bool,
    /// When its file was changed last.
    pub(super) changed: Option<Moment>,
    /// How many days ago that was: the key is at least as old.
    pub(super) age_days: Option<i64>,
    pub(super) last_used: Option<Moment>,
    pub(super) unused: Unused,
    pub(super) expires: Option<Moment>,
    pub(super) expired: bool,
}

impl Key {
    /// Such as `at least 36 days old (2026-10-23)`.
    pub(super) fn age(&self) -> Option<String> {
        let (changed, days) = (self.changed?, self.age_days?);
        Some(match days {
            0 => "changed today".to_owned(),
            days => format!("at least {} old ({})", counted_days(days), changed.date()),
        })
    }
}

/// For how many days something was not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unused {
    /// `None`: that is unknown.
    pub(super) days: Option<i64>,
    /// Whether it may have been longer: the logs do not reach further back.
    pub(super) at_least: bool,
}

impl Unused {
    /// `last`: the last use that is known; `begin`: where the logs begin.
    pub(super) fn since(last: Option<Moment>, begin: Option<Moment>, now: Moment) -> Self {
        Self { days: last.or(begin).map(|then| then.days_until(now)), at_least: last.is_none() }
    }

    /// Such as `unused for more than 92 days`; `None`: it was used today, or in a session that lives.
    pub(super) fn words(self) -> String {
        match self {
            Self { days: None, .. } => "no log says when it was used".to_owned(),
            Self { days: Some(0), at_least: true } => "not used since the logs begin, today".to_owned(),
            Self { days: Some(days), at_least: true } => {
                format!("unused for more than {}", counted_days(days))
            }
            Self { days: Some(0), at_least: false } => "used today".to_owned(),
            Self { days: Some(days), at_least: false } => format!("unused for {}", counted_days(days)),
        }
    }
}

fn counted_days(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

/// What `audit --summary` counts.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Transfers {
    pub(super) sessions: u64,
    pub(super) uploaded_files: u64,
    pub(super) uploaded_bytes: u64,
    pub(super) downloaded_files: u64,
    pub(super) downloaded_bytes: u64,
}

/// What else runs, or may run, as the user.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Runs {
    Crontab {
        file: String,
    },
    AtJobs {
        count: usize,
    },
    UserManager,
    Lingers,
    Process {
        pid: i32,
        program: String,
    },
    /// Further ones, which are not named.
    MoreProcesses {
        count: usize,
    },
}
