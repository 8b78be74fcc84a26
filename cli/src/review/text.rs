//! Writes a review for people, one block for each member, for a terminal of 80 columns.

use super::Review;
use super::member::{Folder, GrantStanding, Granted, Key, Member, Runs, StateKind, Transfers, Unused};
use crate::report::Outside;
use crate::report::terminal::{Mark, wrapped};
use crate::report::text::{counted, listed, size};
use pam_sftpjail::escape::one_line;
use std::io::{self, Write};

/// The column in which values begin.
const INDENT: usize = 14;

/// Prints all members, and then what could not be read.
pub(super) fn print(review: &Review, out: &mut impl Write) -> io::Result<()> {
    for member in &review.members {
        print_member(member, out)?;
        writeln!(out)?;
    }
    let begin = match review.logs.begin {
        Some(begin) => format!("The logs of logins begin on {}.", begin.date()),
        None => "There are no logs of logins.".to_owned(),
    };
    let gaps = match review.logs.gaps {
        0 => "",
        _ => " The log of transfers has gaps, which `sftpjail audit --summary` names.",
    };
    let last = format!("{}. {begin}{gaps}", counted(review.members.len(), "member"));
    writeln!(out, "{}", wrapped(&last, 0))?;
    let of_members = review.members.iter().flat_map(|member| &member.problems);
    for problem in of_members.chain(&review.problems) {
        writeln!(out, "{} {}", Mark::Attention, wrapped(&one_line(problem), 2))?;
    }
    Ok(())
}

fn print_member(member: &Member, out: &mut impl Write) -> io::Result<()> {
    let mark = match member.state.kind {
        StateKind::CanLogIn => Mark::Good,
        StateKind::Closed | StateKind::Unknown => Mark::Attention,
        StateKind::Refused => Mark::Bad,
    };
    writeln!(out, "{mark} {}", headline(member))?;
    let mut lines = Lines { out, label: "" };
    lines.label = "last login";
    lines.write(&last_login(member))?;
    lines.label = "folders";
    member.folders.iter().try_for_each(|folder| lines.write(&of_folder(folder)))?;
    lines.label = "grants";
    member.grants.iter().try_for_each(|grant| lines.write(&of_grant(grant)))?;
    lines.label = "keys";
    member.keys.iter().try_for_each(|key| of_key(key).iter().try_for_each(|line| lines.write(line)))?;
    lines.label = "unusable";
    member.unusable_lines.iter().try_for_each(|line| lines.write(line))?;
    lines.label = "other keys";
    if !member.other_keys.is_empty() {
        lines.write(&format!("by sshd's {}", member.other_keys.join(", ")))?;
    }
    lines.label = "password";
    if member.password == Some(true) {
        lines.write("yes")?;
    }
    lines.label = "transfers";
    if let Some(transfers) = &member.transfers {
        lines.write(&of_transfers(transfers))?;
    }
    lines.label = "also runs";
    member.runs.iter().try_for_each(|runs| lines.write(&of_runs(runs)))
}

/// Lines with a label before the first of them.
struct Lines<'o, W> {
    out: &'o mut W,
    /// Empty: it was written.
    label: &'static str,
}

impl<W: Write> Lines<'_, W> {
    fn write(&mut self, text: &str) -> io::Result<()> {
        let label = std::mem::take(&mut self.label);
        writeln!(self.out, "  {label:<12}{}", wrapped(&one_line(text), INDENT))
    }
}

/// Such as `anna: profile home, can log in`.
pub(super) fn headline(member: &Member) -> String {
    let profile = match member.profile.as_str() {
        "" => String::new(),
        profile => format!("profile {}, ", Outside::new(profile)),
    };
    let why = member.state.why.as_deref().map(|why| format!(": {}", one_line(why))).unwrap_or_default();
    let text = format!("{}: {profile}{}{why}", Outside::new(&member.user), member.state.kind.words());
    wrapped(&text, 2)
}

pub(super) fn last_login(member: &Member) -> String {
    match (member.live_sessions, member.last_login) {
        (0, None) => member.unused.words(),
        (0, Some(last)) => format!("{}, {}", last.minute(), member.unused.words()),
        (live, last) => {
            let since = last.map(|last| format!("{}, ", last.minute())).unwrap_or_default();
            format!("{since}{} now", counted(live, "session"))
        }
    }
}

fn of_folder(folder: &Folder) -> String {
    let from = match folder.path == folder.source {
        true => String::new(),
        false => format!(" from {}", Outside::new(&folder.source)),
    };
    format!(
        "{}{from}, {}{}",
        Outside::new(&folder.path),
        folder.access.words(),
        owned(folder.owner.as_deref())
    )
}

fn owned(owner: Option<&str>) -> String {
    owner.map(|owner| format!(", of {}", Outside::new(owner))).unwrap_or_default()
}

fn of_grant(grant: &Granted) -> String {
    let Granted { folder, at, access, owner, since, until, standing, from, key, note } = grant;
    let place = if at == folder { String::new() } else { format!(" at {}", Outside::new(at)) };
    let mut text = format!("{}{place}, {}{}", Outside::new(folder), access.words(), owned(owner.as_deref()));
    match (since, standing) {
        (Some(begin), GrantStanding::Later) => text += &format!(", BEGINS {}", begin.minute()),
        (Some(begin), _) => text += &format!(", since {}", begin.date()),
        (None, _) => {}
    }
    match (until, standing) {
        (Some(end), GrantStanding::Ended) => text += &format!(", ended {}", end.minute()),
        (Some(end), _) => text += &format!(", until {}", end.minute()),
        (None, _) => text += ", without end",
    }
    if *standing == GrantStanding::Unusable {
        text += ", CANNOT BE USED";
    }
    if !from.is_empty() {
        text += &format!(", only from {}", listed(from));
    }
    if let Some(key) = key {
        text += &format!(", only with {}", one_line(key));
    }
    if let Some(note) = note {
        text += &format!(" ({})", one_line(note));
    }
    text
}

/// The fingerprint on a line, and the rest on another.
fn of_key(key: &Key) -> [String; 2] {
    let Key { file, line, key_type, bits, fingerprint, comment, authority, last_used, expires, .. } = key;
    let bits = bits.map(|bits| format!(" {bits}")).unwrap_or_default();
    let fingerprint = fingerprint.as_deref().unwrap_or_default();
    let comment = if comment.is_empty() { String::new() } else { format!("{}, ", Outside::new(comment)) };
    let whose = if *authority { ", of an authority" } else { "" };
    let end = match expires {
        Some(end) if key.expired => format!(", EXPIRED {}", end.date()),
        Some(end) => format!(", expires {}", end.date()),
        None => String::new(),
    };
    let age = key.age().map(|age| format!(", {age}")).unwrap_or_default();
    let used = match (key.unused, last_used) {
        (Unused { days: Some(0), at_least: false }, _) | (_, None) => key.unused.words(),
        (unused, Some(last)) => format!("{} ({})", unused.words(), last.date()),
    };
    [
        format!("{}{bits} {}", Outside::new(key_type), one_line(fingerprint)),
        format!("{comment}{used}{end}{whose}, in {}:{line}{age}", Outside::new(file)),
    ]
}

fn of_transfers(transfers: &Transfers) -> String {
    let Transfers { sessions, uploaded_files, uploaded_bytes, downloaded_files, downloaded_bytes } =
        *transfers;
    format!(
        "{}; {} up ({}), {} down ({})",
        many(sessions, "session"),
        many(uploaded_files, "file"),
        size(uploaded_bytes),
        many(downloaded_files, "file"),
        size(downloaded_bytes)
    )
}

fn many(count: u64, what: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), what)
}

pub(super) fn of_runs(runs: &Runs) -> String {
    match runs {
        Runs::Crontab { file } => format!("the crontab {}", Outside::new(file)),
        Runs::AtJobs { count } => counted(*count, "at job"),
        Runs::UserManager => "a user manager of systemd".to_owned(),
        Runs::Lingers => "a user manager from the boot on (it lingers)".to_owned(),
        Runs::Process { pid, program } => {
            format!("the process {pid} outside of a jail ({})", Outside::new(program))
        }
        Runs::MoreProcesses { count } => {
            let processes = if *count == 1 { "process" } else { "processes" };
            format!("{count} further {processes} outside of jails")
        }
    }
}
