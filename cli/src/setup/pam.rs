//! Puts the module's three lines into PAM's configuration for sshd, and refuses a stack that conflicts with
//! them.
//!
//! The lines and their order are in `desired::pam`.

mod text;

use super::atomic;
use super::change::{Change, FileChange};
use super::target::{Target, check_trusted};
use crate::desired::pam::closed::Closed;
use crate::desired::pam::order::{below_last, location_of_first, needs_first};
use crate::desired::pam::unloadable::{Effect, Unloadable, find};
use crate::desired::pam::{Example, HOME_MAKERS, OURS};
use crate::desired::trusted;
use crate::host::pam::stack::{Line, Stack};
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::session::SessionLine;
use std::cmp::Reverse;
use std::path::Path;
use text::{Edit, Text};

/// The change that the file of PAM's `service` needs, if it needs one.
pub(super) fn change(service: &str) -> Result<Option<Change>, Error> {
    check_trusted(&trusted::of_pam(service))?;
    let account = Lines::read(service, "account");
    let session = Lines::read(service, "session");
    check_logins(&[
        ("auth", &Stack::read(service, "auth")),
        ("account", &account.stack),
        ("session", &session.stack),
    ])?;
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
    if let Some(before) = account_line_position(&account, &session, file)? {
        let before = before.or_else(|| session.open_at_end(file, text.lines.len()));
        edits.push(Edit::Insert(before, example.account));
    }
    edits.extend(account.rewritten(None, file));
    check_session_order(&session)?;
    match session.close {
        Some(close) => edits.extend(session.rewritten_at(close, None, file)),
        None => {
            let first =
                location_of_first(&session.stack).filter(|first| first.file == *file && first.line > 0);
            edits.push(Edit::Insert(first.map(|first| first.line), example.close));
        }
    }
    match session.is_present {
        true => edits.extend(session.rewritten(Some("open"), file)),
        false => edits.push(Edit::Insert(None, example.open)),
    }
    // From the bottom to the top, so that the line numbers of the others stay right.
    edits.sort_by_key(|edit| Reverse(edit.line()));
    for edit in edits {
        text.edit(edit);
    }
    if text.inserted.is_empty() && text.replaced.is_empty() {
        return Ok(None);
    }
    text.remove_orphans();
    let own = Path::new("/etc/pam.d").join(service);
    // Packages own the files outside of /etc. libpam reads a copy in /etc instead.
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

/// The lines of one kind, and the module's among them. Positions are those in the stack.
struct Lines {
    kind: &'static str,
    stack: Stack,
    /// The position of the account line or of the session line that builds the jail. If it is missing: where
    /// it would be at the end.
    at: usize,
    is_present: bool,
    /// The position of the line `session … close`.
    close: Option<usize>,
}

impl Lines {
    fn read(service: &str, kind: &'static str) -> Self {
        let mut stack = Stack::read(service, kind);
        let is_close = |i: &usize| {
            kind == "session" && stack.lines.get(*i).is_some_and(|line| line.part() == SessionLine::Close)
        };
        let (closes, others): (Vec<_>, Vec<_>) = stack.positions(OURS).into_iter().partition(is_close);
        let found = others.first().copied();
        let at = found.unwrap_or_else(|| stack.add_end());
        Self { kind, stack, at, is_present: found.is_some(), close: closes.first().copied() }
    }

    /// The edit that makes the module's line as it should be, if it is not and stands in the service's own
    /// `file`.
    fn rewritten(&self, part: Option<&str>, file: &Path) -> Option<Edit> {
        self.rewritten_at(self.at, part, file).filter(|_| self.is_present)
    }

    /// The same for the line at this position.
    fn rewritten_at(&self, at: usize, part: Option<&str>, file: &Path) -> Option<Edit> {
        let line = self.stack.lines.get(at).filter(|line| line.location.file == file)?;
        let module = line.module.as_ref()?;
        let is_ok = module.is_sound() && (part.is_none() || line.part() != SessionLine::Single);
        (!is_ok).then(|| {
            Edit::Replace(line.location.line..=line.location.last, module.rewritten(self.kind, part))
        })
    }

    /// The number of the line that builds the jail, if it ends `file`, which has so many lines. Setup writes the account
    /// line above it.
    fn open_at_end(&self, file: &Path, lines: usize) -> Option<usize> {
        let at = &self.stack.lines.get(self.at).filter(|_| self.is_present)?.location;
        (at.file == file && at.last == lines).then_some(at.line)
    }

    /// The first line that makes homes, from this one on.
    fn home_maker(&self, from: usize) -> Option<&Line> {
        self.stack.lines.iter().skip(from).find(|line| HOME_MAKERS.iter().any(|name| line.is(name)))
    }

    /// The first line that can keep libpam from calling the module although the stack succeeds.
    fn skip(&self) -> Option<&Line> {
        let first = self.stack.skips(self.at).iter().map(|skip| skip.line).min();
        first.and_then(|at| self.stack.lines.get(at))
    }

    fn skipped_by(&self, line: &Line) -> Error {
        let kind = self.kind;
        let what = format!("{}: this line can end PAM's {kind} stack before {OURS} is called", line.location);
        Error::new(what, format!("make it `required`, or put the {kind} line of {OURS} before it"))
    }
}

/// Refuses stacks with which libpam refuses logins whatever setup does: with lines, files or modules that it does not
/// know.
fn check_logins(stacks: &[(&str, &Stack)]) -> Result<(), Error> {
    for (kind, stack) in stacks {
        if let Some((location, why)) = stack.illegal.first() {
            let what = format!("{location}: {why}, and refuses logins");
            return Err(Error::new(what, "correct that line, or remove it"));
        }
        if let Some((path, Some(at), error)) = stack.unreadable.first() {
            let what = format!("{at}: libpam cannot read {}: {error}, and refuses logins", escaped(path));
            return Err(Error::new(what, "make it readable, or remove the line that names it"));
        }
        let (unloadable, unread) = find(kind, stack);
        // It writes the module's own lines, and installs the module.
        let refuses = |one: &Unloadable<'_>| one.effect == Effect::RefusesEverybody && !one.line.is_ours();
        if let Some(one) = unloadable.into_iter().find(refuses) {
            return Err(Error::new(one.evidence, one.fix));
        }
        if let Some(one) = unread.first() {
            return Err(Error::new(format!("{}: {}", one.location, one.why), one.fix));
        }
        // Where no password is accepted, keys may be.
        let closed = if *kind == "auth" { None } else { Closed::find(kind, stack) };
        if let Some(Closed { evidence, fix, .. }) = closed {
            return Err(Error::new(evidence, fix));
        }
    }
    Ok(())
}

/// Refuses a session stack in which the line that opens is not the last, after those that make homes, or the
/// line that closes is not the first.
fn check_session_order(session: &Lines) -> Result<(), Error> {
    if let Some(line) = session.skip() {
        return Err(session.skipped_by(line));
    }
    if let Some(line) = session.home_maker(session.at) {
        return Err(Error::new(
            format!(
                "{}: it makes homes, but stands after the session line of {OURS}, which needs them",
                line.location
            ),
            format!("move the line of {OURS} below it"),
        ));
    }
    let location =
        |i: usize| session.stack.lines.get(i).map(|line| line.location.to_string()).unwrap_or_default();
    if let Some(other) = below_last(&session.stack, session.at) {
        let what = format!("{}: {other}", location(session.at));
        return Err(Error::new(what, format!("move the line of {OURS} below that one")));
    }
    match session.close {
        Some(close) if close > session.at => {
            let what =
                format!("{}: the line of {OURS} with `close` stands below this one", location(session.at));
            Err(Error::new(what, "move the line with `close` to the top of the session lines"))
        }
        Some(close) => match needs_first(&session.stack, close) {
            Some(other) => {
                let what = format!("{}: this line stands too low: {other}", location(close));
                Err(Error::new(what, "move it to the top of the session lines"))
            }
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// Where to insert the account line: before a line, or, `Some(None)`, at the end. `None`: it is there, or
/// must not be.
fn account_line_position(
    account: &Lines,
    session: &Lines,
    file: &Path,
) -> Result<Option<Option<usize>>, Error> {
    let ours = account.stack.lines.get(account.at).filter(|_| account.is_present);
    match (ours, session.home_maker(0), account.skip()) {
        (Some(ours), Some(maker), _) => {
            let (ours, maker) = (&ours.location, &maker.location);
            let what =
                format!("{ours}: this line refuses members without a home, which {maker} makes only later");
            Err(Error::new(what, format!("remove the account line of {OURS}")))
        }
        (Some(_), None, None) | (None, Some(_), _) => Ok(None),
        (None, None, None) => Ok(Some(None)),
        // The files that Red Hat and SUSE include end the stack for local users, so the line comes before
        // them.
        (None, None, Some(line)) if line.location != line.top && line.top.file == file => {
            Ok(Some(Some(line.top.line)))
        }
        (_, None, Some(line)) => Err(account.skipped_by(line)),
    }
}
