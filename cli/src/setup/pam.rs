//! Our three lines in PAM's configuration for sshd: where they belong, and what speaks against it.

use super::atomic;
use super::change::{Change, FileChange};
use super::journal::Replaced;
use super::target::Target;
use crate::desired::pam::order::{below_last, location_of_first, needs_first};
use crate::desired::pam::{Example, HOME_MAKERS, OURS};
use crate::host::pam::stack::{Line, Stack};
use crate::report::Error;
use pam_sftpjail::session::SessionLine;
use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::path::Path;

const COMMENT: &str = "# Added by `sftpjail setup`; `sftpjail setup --undo` takes it out.\n";

/// The change that the file of `service` needs, if it needs one.
pub(super) fn change(service: &str) -> Result<Option<Change>, Error> {
    let account = Lines::read(service, "account");
    let session = Lines::read(service, "session");
    let Some(file) = &session.stack.file else {
        let what = format!("PAM has no configuration for {service}: there is no /etc/pam.d/{service}");
        return Err(Error::new(what, "reinstall OpenSSH's server, or enable PAM for it"));
    };
    let before = atomic::read(file)?.unwrap_or_default();
    let text = String::from_utf8(before.clone())
        .map_err(|_| Error::new(format!("{} is not UTF-8", file.display()), "save it as UTF-8"))?;

    let example = Example::new();
    let mut text = Text::of(&text);
    let mut edits = Vec::new();
    if let Some(at) = account_place(&account, &session, file)? {
        edits.push(Edit::Insert(at, example.account));
    }
    edits.extend(account.rewritten(None, file));
    session_is_right(&session)?;
    match session.first {
        Some(first) => edits.extend(session.rewritten_at(first, None, file)),
        None => {
            let place =
                location_of_first(&session.stack).filter(|place| place.file == *file && place.line > 0);
            edits.push(Edit::Insert(place.map(|place| place.line), example.close));
        }
    }
    match session.is_there {
        true => edits.extend(session.rewritten(Some("open"), file)),
        false => edits.push(Edit::Insert(None, example.open)),
    }
    // From the bottom to the top, so that the numbers of lines hold.
    edits.sort_by_key(|edit| Reverse(edit.line()));
    for edit in edits {
        text.edit(edit);
    }
    if text.inserted.is_empty() && text.replaced.is_empty() {
        return Ok(None);
    }
    let own = Path::new("/etc/pam.d").join(service);
    // A distributor's file is not to be edited: the one in /etc stands in for it.
    let change = match file.starts_with("/etc") {
        true => FileChange {
            target: Target::of_others(file)?,
            before: Some(before),
            after: text.lines.concat().into(),
            inserted: text.inserted,
            replaced: text.replaced,
        },
        false => FileChange::whole(Target::ours(&own)?, None, text.lines.concat()),
    };
    Ok(Some(Change::File(change)))
}

/// What is done to a file; lines are counted from 1.
enum Edit {
    /// Puts a line of ours before the one with this number, or at the end.
    Insert(Option<usize>, &'static str),
    /// Puts another in the place of the one that begins and ends there.
    Replace(RangeInclusive<usize>, String),
}

impl Edit {
    /// Where it is done; what replaces a line goes below what is put before it.
    fn line(&self) -> (usize, bool) {
        match self {
            Self::Insert(before, _) => (before.unwrap_or(usize::MAX), false),
            Self::Replace(lines, _) => (*lines.start(), true),
        }
    }
}

/// A file and what was done to it.
struct Text {
    lines: Vec<String>,
    inserted: Vec<String>,
    replaced: Vec<Replaced>,
}

impl Text {
    fn of(text: &str) -> Self {
        let lines = text.split_inclusive('\n').map(str::to_owned).collect();
        Self { lines, inserted: Vec::new(), replaced: Vec::new() }
    }

    fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(before, line) => {
                let text = format!("{COMMENT}{line}\n");
                let at = before.map_or(self.lines.len(), |number| self.above_comments(number));
                if let Some(above) =
                    at.checked_sub(1).and_then(|i| self.lines.get_mut(i)).filter(|l| !l.ends_with('\n'))
                {
                    above.push('\n');
                }
                self.lines.insert(at, text.clone());
                self.inserted.push(text);
            }
            Edit::Replace(lines, line) => {
                let to = (*lines.end()).min(self.lines.len());
                let from = lines.start().saturating_sub(1).min(to);
                let is = format!("{line}\n");
                let was = self.lines.splice(from..to, [is.clone()]).collect();
                self.replaced.push(Replaced { was, is });
            }
        }
    }

    /// Where to insert before a line: above what is said of it.
    fn above_comments(&self, number: usize) -> usize {
        let mut at = number.saturating_sub(1).min(self.lines.len());
        let is_comment = |line: &String| line.starts_with('#') && !line.starts_with("#%") && *line != COMMENT;
        while at.checked_sub(1).and_then(|above| self.lines.get(above)).is_some_and(is_comment) {
            at -= 1;
        }
        at
    }
}

/// The lines of one kind, and ours among them.
struct Lines {
    kind: &'static str,
    stack: Stack,
    /// Where the one that does the work is, or would be at the end.
    at: usize,
    is_there: bool,
    /// Where `session … close` is.
    first: Option<usize>,
}

impl Lines {
    fn read(service: &str, kind: &'static str) -> Self {
        let mut stack = Stack::read(service, kind);
        let is_first = |i: &usize| {
            kind == "session" && stack.lines.get(*i).is_some_and(|line| line.part() == SessionLine::Close)
        };
        let (firsts, others): (Vec<_>, Vec<_>) = stack.positions(OURS).into_iter().partition(is_first);
        let found = others.first().copied();
        let at = found.unwrap_or_else(|| stack.add_end());
        Self { kind, stack, at, is_there: found.is_some(), first: firsts.first().copied() }
    }

    /// What makes our line what it should be, if it is another and stands in the service's own `file`.
    fn rewritten(&self, part: Option<&str>, file: &Path) -> Option<Edit> {
        self.rewritten_at(self.at, part, file).filter(|_| self.is_there)
    }

    fn rewritten_at(&self, at: usize, part: Option<&str>, file: &Path) -> Option<Edit> {
        let line = self.stack.lines.get(at).filter(|line| line.location.file == file)?;
        let module = line.module.as_ref()?;
        let is_right = module.ignores_unloadable() && (part.is_none() || line.part() != SessionLine::Single);
        (!is_right).then(|| {
            Edit::Replace(line.location.line..=line.location.last, module.rewritten(self.kind, part))
        })
    }

    /// The first line that makes homes, from this one on.
    fn home_maker(&self, from: usize) -> Option<&Line> {
        self.stack.lines.iter().skip(from).find(|line| HOME_MAKERS.iter().any(|name| line.is(name)))
    }

    /// The first line that may keep ours from being asked, though all succeeds.
    fn skip(&self) -> Option<&Line> {
        let first = self.stack.skips(self.at).iter().map(|skip| skip.line).min();
        first.and_then(|at| self.stack.lines.get(at))
    }

    fn skipped_by(&self, line: &Line) -> Error {
        let kind = self.kind;
        let what = format!(
            "{}: this line may end PAM's {kind} checks, and {OURS} would not be asked",
            line.location
        );
        Error::new(what, format!("make it `required`, or put the {kind} line of {OURS} before it"))
    }
}

/// The session line that opens comes last, after whatever makes the home; the one that closes first.
fn session_is_right(session: &Lines) -> Result<(), Error> {
    if let Some(line) = session.skip() {
        return Err(session.skipped_by(line));
    }
    if let Some(line) = session.home_maker(session.at) {
        return Err(Error::new(
            format!("{}: it makes homes after the session line of {OURS} has needed them", line.location),
            format!("put the line of {OURS} after it"),
        ));
    }
    let place =
        |i: usize| session.stack.lines.get(i).map(|line| line.location.to_string()).unwrap_or_default();
    if let Some(other) = below_last(&session.stack, session.at) {
        let what = format!("{}: {}", place(session.at), other.told());
        return Err(Error::new(what, format!("put the line of {OURS} after it")));
    }
    match session.first {
        Some(first) if first > session.at => {
            let what = format!("{}: {OURS} opens above the line that is to close first", place(session.at));
            Err(Error::new(what, "put the line with `close` at the top of the session lines"))
        }
        Some(first) => match needs_first(&session.stack, first) {
            Some(other) => {
                let what = format!("{}: is too late: {}", place(first), other.told());
                Err(Error::new(what, "put it at the top of the session lines"))
            }
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// Where the account line is still to be put: at the end, `Some(None)`, or before a line.
fn account_place(account: &Lines, session: &Lines, file: &Path) -> Result<Option<Option<usize>>, Error> {
    let ours = account.stack.lines.get(account.at).filter(|_| account.is_there);
    match (ours, session.home_maker(0), account.skip()) {
        (Some(ours), Some(maker), _) => {
            let (place, maker) = (&ours.location, &maker.location);
            let what = format!("{place}: it refuses members without a home, which {maker} makes only later");
            Err(Error::new(what, format!("take the account line of {OURS} out")))
        }
        (Some(_), None, None) | (None, Some(_), _) => Ok(None),
        (None, None, None) => Ok(Some(None)),
        // Red Hat's and SUSE's included files end the stack for local users: ours comes before them.
        (None, None, Some(line)) if line.location != line.top && line.top.file == file => {
            Ok(Some(Some(line.top.line)))
        }
        (_, None, Some(line)) => Err(account.skipped_by(line)),
    }
}
