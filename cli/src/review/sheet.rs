//! Writes a review as CSV: a row for each folder, grant, key and whatever else runs, of each member.

use super::Review;
use super::member::{Folder, FolderKind, GrantStanding, Granted, Key, Member, Runs};
use super::moment::Moment;
use super::text::of_runs;
use crate::report::csv::Sheet;
use std::io::{self, Write};

/// New columns come at the end, and none is renamed: CSV has no version.
const COLUMNS: [&str; 23] = [
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
}

/// Writes all rows. A member without any has one all the same.
pub(super) fn write(review: &Review, out: &mut impl Write) -> io::Result<()> {
    let mut sheet = Sheet::new(out, &COLUMNS)?;
    for member in &review.members {
        let folders = member.folders.iter().map(Row::of_folder);
        let grants = member.grants.iter().map(Row::of_grant);
        let keys = member.keys.iter().map(Row::of_key);
        let mut rows: Vec<_> =
            folders.chain(grants).chain(keys).chain(member.runs.iter().map(Row::of_runs)).collect();
        if rows.is_empty() {
            rows.push(Row { access: "none", ..Row::default() });
        }
        rows.into_iter().try_for_each(|row| sheet.row(fields(member, row)))?;
    }
    sheet.flush()
}

fn fields(member: &Member, row: Row) -> [String; COLUMNS.len()] {
    let time = |moment: Option<Moment>| moment.map(String::from).unwrap_or_default();
    let truth = |truth: Option<bool>| truth.map(|truth| truth.to_string()).unwrap_or_default();
    [
        member.user.clone(),
        member.uid.to_string(),
        member.profile.clone(),
        member.state.kind.class().to_owned(),
        member.state.why.clone().unwrap_or_default(),
        time(member.last_login),
        member.unused.days.map(|days| days.to_string()).unwrap_or_default(),
        truth(member.unused.days.map(|_| member.unused.at_least)),
        row.access.to_owned(),
        row.path,
        row.source,
        row.rights.to_owned(),
        row.owner,
        time(row.until),
        truth(row.ended),
        row.from,
        row.key,
        row.key_type,
        row.bits.map(|bits| bits.to_string()).unwrap_or_default(),
        row.comment,
        time(row.changed),
        time(row.last_used),
        row.note,
    ]
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
            ..Self::default()
        }
    }

    fn of_runs(runs: &Runs) -> Self {
        Self { access: "runs", note: of_runs(runs), ..Self::default() }
    }
}
