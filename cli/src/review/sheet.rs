//! Writes a review as CSV: a row for each folder, grant and key of each member, for whatever else runs, and for what
//! could not be read.

use super::Review;
use super::member::{Folder, FolderKind, GrantStanding, Granted, Key, Member, Transfers, Unused};
use super::moment::Moment;
use super::text::of_runs;
use crate::report::csv::Sheet;
use std::io::{self, Write};

/// New columns come at the end, and none is renamed: CSV has no version.
const COLUMNS: [&str; 34] = [
    "user",
    "uid",
    "profile",
    "state",
    "why",
    "last_login",
    "unused_days",
    "at_least",
    "access",
    "path",
    "source",
    "rights",
    "owner",
    "until",
    "ended",
    "from",
    "key",
    "type",
    "bits",
    "comment",
    "changed",
    "last_used",
    "note",
    "since",
    "standing",
    "row_unused_days",
    "row_at_least",
    "age_days",
    "password",
    "live_sessions",
    "uploaded_files",
    "uploaded_bytes",
    "downloaded_files",
    "downloaded_bytes",
];

/// What is special of a row; the other fields are those of the member.
#[derive(Default)]
struct Row {
    access: &'static str,
    path: String,
    source: String,
    rights: &'static str,
    owner: String,
    until: Option<Moment>,
    ended: Option<bool>,
    from: String,
    key: String,
    key_type: String,
    bits: Option<usize>,
    comment: String,
    changed: Option<Moment>,
    last_used: Option<Moment>,
    note: String,
    since: Option<Moment>,
    standing: &'static str,
    unused: Unused,
    age_days: Option<i64>,
}

/// Writes all rows. A member without any has one all the same. What could not be read is a row, too: without it, a
/// sheet would look complete.
pub(super) fn write(review: &Review, out: &mut impl Write) -> io::Result<()> {
    let mut sheet = Sheet::new(out, &COLUMNS)?;
    for member in &review.members {
        let folders = member.folders.iter().map(Row::of_folder);
        let grants = member.grants.iter().map(Row::of_grant);
        let keys = member.keys.iter().map(Row::of_key);
        let lines = member.unusable_lines.iter().map(|line| Row::of_note("unusable-key", line));
        let others = member.other_keys.iter().map(|keyword| Row::of_note("other-keys", keyword));
        let runs = member.runs.iter().map(|runs| Row::of_note("runs", &of_runs(runs)));
        let problems = member.problems.iter().map(|problem| Row::of_note("problem", problem));
        let keys = keys.chain(lines).chain(others);
        let mut rows: Vec<_> = folders.chain(grants).chain(keys).chain(runs).chain(problems).collect();
        if rows.is_empty() {
            rows.push(Row { access: "none", ..Row::default() });
        }
        rows.into_iter().try_for_each(|row| sheet.row(fields(Some(member), row)))?;
    }
    let problems = review.problems.iter().map(|problem| Row::of_note("problem", problem));
    problems.into_iter().try_for_each(|row| sheet.row(fields(None, row)))?;
    sheet.flush()
}

/// `member`: whose row it is, unless it is about all of them.
fn fields(member: Option<&Member>, row: Row) -> [String; COLUMNS.len()] {
    let of = |value: &dyn Fn(&Member) -> String| member.map(value).unwrap_or_default();
    let moved = |value: fn(&Transfers) -> u64| of(&|member| shown(member.transfers.as_ref().map(value)));
    [
        of(&|member| member.user.clone()),
        of(&|member| member.uid.to_string()),
        of(&|member| member.profile.clone()),
        of(&|member| member.state.kind.class().to_owned()),
        of(&|member| member.state.why.clone().unwrap_or_default()),
        of(&|member| time(member.last_login)),
        of(&|member| shown(member.unused.days)),
        of(&|member| shown(member.unused.days.map(|_| member.unused.at_least))),
        row.access.to_owned(),
        row.path,
        row.source,
        row.rights.to_owned(),
        row.owner,
        time(row.until),
        shown(row.ended),
        row.from,
        row.key,
        row.key_type,
        shown(row.bits),
        row.comment,
        time(row.changed),
        time(row.last_used),
        row.note,
        time(row.since),
        row.standing.to_owned(),
        shown(row.unused.days),
        shown(row.unused.days.map(|_| row.unused.at_least)),
        shown(row.age_days),
        of(&|member| shown(member.password)),
        of(&|member| member.live_sessions.to_string()),
        moved(|moved| moved.uploaded_files),
        moved(|moved| moved.uploaded_bytes),
        moved(|moved| moved.downloaded_files),
        moved(|moved| moved.downloaded_bytes),
    ]
}

fn time(moment: Option<Moment>) -> String {
    moment.map(String::from).unwrap_or_default()
}

/// Empty where it is unknown.
fn shown(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl Row {
    fn of_folder(folder: &Folder) -> Self {
        Self {
            access: match folder.kind {
                FolderKind::Home => "home",
                FolderKind::Volume => "volume",
            },
            path: folder.path.clone(),
            source: folder.source.clone(),
            rights: folder.access.words(),
            owner: folder.owner.clone().unwrap_or_default(),
            ..Self::default()
        }
    }

    fn of_grant(grant: &Granted) -> Self {
        Self {
            access: "grant",
            path: grant.at.clone(),
            source: grant.folder.clone(),
            rights: grant.access.words(),
            owner: grant.owner.clone().unwrap_or_default(),
            until: grant.until,
            ended: Some(grant.standing == GrantStanding::Ended),
            from: grant.from.join(" "),
            key: grant.key.clone().unwrap_or_default(),
            note: grant.note.clone().unwrap_or_default(),
            since: grant.since,
            standing: grant.standing.word(),
            ..Self::default()
        }
    }

    fn of_key(key: &Key) -> Self {
        Self {
            access: if key.authority { "authority" } else { "key" },
            source: format!("{}:{}", key.file, key.line),
            until: key.expires,
            ended: Some(key.expired),
            key: key.fingerprint.clone().unwrap_or_default(),
            key_type: key.key_type.clone(),
            bits: key.bits,
            comment: key.comment.clone(),
            changed: key.changed,
            last_used: key.last_used,
            unused: key.unused,
            age_days: key.age_days,
            ..Self::default()
        }
    }

    /// A row that only says something.
    fn of_note(access: &'static str, note: &str) -> Self {
        Self { access, note: note.to_owned(), ..Self::default() }
    }
}
