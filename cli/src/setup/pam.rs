//! Our two lines in PAM's configuration for sshd: where they belong, and what speaks against it.

mod stack;

use super::change::{Change, FileChange};
use super::files;
use super::trouble::Trouble;
use stack::{Line, Stack};
use std::path::{Path, PathBuf};

const OURS: &str = "pam_sftpjail.so";

/// They make homes, in the session.
const HOME_MAKERS: [&str; 2] = ["pam_mkhomedir.so", "pam_oddjob_mkhomedir.so"];

/// The lines that the repository shows, with its reasons.
const EXAMPLE: &str = include_str!("../../../pam.d/sshd");

const COMMENT: &str = "# Added by `sftpjail setup`; `sftpjail setup --undo` takes it out.\n";

/// The change that the file of `service` needs, if it needs one.
pub(super) fn change(service: &str) -> Result<Option<Change>, Trouble> {
    let account = Stack::read(service, "account");
    let session = Stack::read(service, "session");
    let Some(file) = &session.file else {
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

/// The session line comes last: after whatever makes the home.
fn session_is_missing(session: &Stack) -> Result<bool, Trouble> {
    let ours = session.position(OURS);
    let end = ours.unwrap_or(session.lines.len());
    if let Some(line) = session.skip(end) {
        return Err(skipped(line, "session"));
    }
    let later = session.lines.iter().skip(end).find(|line| HOME_MAKERS.iter().any(|name| line.names(name)));
    match later {
        Some(line) => Err(Trouble::new(
            format!("{}: it makes homes after the session line of {OURS} has needed them", line.place),
            format!("put the line of {OURS} after it"),
        )),
        None => Ok(ours.is_none()),
    }
}

/// Where the account line is still to be put: at the end, `Some(None)`, or before a line.
fn account_place(account: &Stack, session: &Stack, file: &PathBuf) -> Result<Option<Option<usize>>, Trouble> {
    let maker = session.lines.iter().find(|line| HOME_MAKERS.iter().any(|name| line.names(name)));
    let ours = account.position(OURS);
    match (ours, maker) {
        (Some(at), Some(maker)) => {
            let place = account.lines.get(at).map(|line| line.place.to_string()).unwrap_or_default();
            let what =
                format!("{place}: it refuses members without a home, which {} makes only later", maker.place);
            Err(Trouble::new(what, format!("take the account line of {OURS} out")))
        }
        (Some(at), None) => match account.skip(at) {
            Some(line) => Err(skipped(line, "account")),
            None => Ok(None),
        },
        (None, Some(_)) => Ok(None),
        (None, None) => match account.skip(account.lines.len()) {
            None => Ok(Some(None)),
            // Red Hat's and SUSE's included files end the stack for local users: ours comes before them.
            Some(line) if line.place != line.top && line.top.file == *file => Ok(Some(Some(line.top.line))),
            Some(line) => Err(skipped(line, "account")),
        },
    }
}

fn skipped(line: &Line, kind: &str) -> Trouble {
    Trouble::new(
        format!(
            "{}: this line ends PAM's {kind} checks when it succeeds, so that {OURS} would not be asked",
            line.place
        ),
        format!("make it `required`, or put `{kind} required {OURS}` before it"),
    )
}
