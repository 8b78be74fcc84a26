//! Our two lines in PAM's configuration for sshd: where they belong, and what speaks against it.

use super::change::{Change, FileChange};
use super::files;
use super::trouble::Trouble;
use crate::check::pam::stack::{Line, Stack};
use crate::check::pam::{HOME_MAKERS, OURS};
use std::path::Path;

/// The lines that the repository shows, with its reasons.
const EXAMPLE: &str = include_str!("../../../pam.d/sshd");

const COMMENT: &str = "# Added by `sftpjail setup`; `sftpjail setup --undo` takes it out.\n";

/// The change that the file of `service` needs, if it needs one.
pub(super) fn change(service: &str) -> Result<Option<Change>, Trouble> {
    let (account, session) = (Lines::read(service, "account"), Lines::read(service, "session"));
    let Some(file) = &session.stack.file else {
        let what = format!("PAM has no configuration for {service}: there is no /etc/pam.d/{service}");
        return Err(Trouble::new(what, "reinstall OpenSSH's server, or enable PAM for it"));
    };
    let before = files::read(file)?.unwrap_or_default();
    let text = String::from_utf8(before.clone())
        .map_err(|_| Trouble::new(format!("{} is not UTF-8", file.display()), "save it as UTF-8"))?;

    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut inserted = Vec::new();
    if let Some(at) = account_place(&account, &session, file)? {
        insert(&mut lines, at, "account", &mut inserted);
    }
    if session_is_missing(&session)? {
        insert(&mut lines, None, "session", &mut inserted);
    }
    if inserted.is_empty() {
        return Ok(None);
    }
    let own = Path::new("/etc/pam.d").join(service);
    // A distributor's file is not to be edited: the one in /etc stands in for it.
    let change = match file.starts_with("/etc") {
        true => FileChange {
            path: files::real(file),
            before: Some(before),
            after: lines.concat().into(),
            inserted,
        },
        false => FileChange::whole(own, None, lines.concat()),
    };
    Ok(Some(Change::File(change)))
}

/// Puts our line of this kind before the one with this number, which begins with 1, or at the end.
fn insert(lines: &mut Vec<String>, before: Option<usize>, kind: &str, inserted: &mut Vec<String>) {
    let ours = EXAMPLE.lines().find(|line| line.starts_with(kind)).unwrap_or_default();
    let text = format!("{COMMENT}{ours}\n");
    match before {
        Some(number) => lines.insert(number.saturating_sub(1).min(lines.len()), text.clone()),
        None => {
            if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
                last.push('\n');
            }
            lines.push(text.clone());
        }
    }
    inserted.push(text);
}

/// The lines of one kind, and ours among them.
struct Lines {
    kind: &'static str,
    stack: Stack,
    /// Where ours is, or would be at the end.
    at: usize,
    is_there: bool,
}

impl Lines {
    fn read(service: &str, kind: &'static str) -> Self {
        let mut stack = Stack::read(service, kind);
        let found = stack.positions(OURS).first().copied();
        let at = found.unwrap_or_else(|| stack.add_end());
        Self { kind, stack, at, is_there: found.is_some() }
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

    fn skipped_by(&self, line: &Line) -> Trouble {
        let kind = self.kind;
        let what =
            format!("{}: this line may end PAM's {kind} checks, and {OURS} would not be asked", line.place);
        Trouble::new(what, format!("make it `required`, or put `{kind} required {OURS}` before it"))
    }
}

/// The session line comes last: after whatever makes the home.
fn session_is_missing(session: &Lines) -> Result<bool, Trouble> {
    if let Some(line) = session.skip() {
        return Err(session.skipped_by(line));
    }
    match session.home_maker(session.at) {
        Some(line) => Err(Trouble::new(
            format!("{}: it makes homes after the session line of {OURS} has needed them", line.place),
            format!("put the line of {OURS} after it"),
        )),
        None => Ok(!session.is_there),
    }
}

/// Where the account line is still to be put: at the end, `Some(None)`, or before a line.
fn account_place(account: &Lines, session: &Lines, file: &Path) -> Result<Option<Option<usize>>, Trouble> {
    let ours = account.stack.lines.get(account.at).filter(|_| account.is_there);
    match (ours, session.home_maker(0), account.skip()) {
        (Some(ours), Some(maker), _) => {
            let (place, maker) = (&ours.place, &maker.place);
            let what = format!("{place}: it refuses members without a home, which {maker} makes only later");
            Err(Trouble::new(what, format!("take the account line of {OURS} out")))
        }
        (Some(_), None, None) | (None, Some(_), _) => Ok(None),
        (None, None, None) => Ok(Some(None)),
        // Red Hat's and SUSE's included files end the stack for local users: ours comes before them.
        (None, None, Some(line)) if line.place != line.top && line.top.file == file => {
            Ok(Some(Some(line.top.line)))
        }
        (_, None, Some(line)) => Err(account.skipped_by(line)),
    }
}
