//! What is to be said of live sessions before a grant is changed: each has the jail, and the end, with which it began.

use crate::host::sessions::{self, Session};
use crate::report::Error;
use crate::report::text::counted;
use pam_sftpjail::escape::whole;
use pam_sftpjail::fix::{Command, Name};
use pam_sftpjail::name::UserName;
use std::path::PathBuf;

/// What a session goes on with.
pub(super) enum Keeps<'f> {
    /// A jail without the new folder.
    Jail,
    /// The former end of one of these folders.
    End(&'f [PathBuf]),
}

/// Whether one of these folders is granted to the session, or that is unknown.
pub(super) fn has_one_of(session: &Session, folders: &[PathBuf]) -> bool {
    match &session.record {
        Ok(record) => folders.iter().any(|folder| record.grants.contains(&whole(folder).to_string())),
        Err(_) => true,
    }
}

/// `None`: no live session is concerned.
pub(super) fn note(user: &UserName, keeps: &Keeps<'_>) -> Result<Option<String>, Error> {
    let unknown =
        |error| Error::new(format!("the sessions of {user} are unknown: {error}"), "see what it names");
    let is_refused = |session: &Session| session.record.as_ref().is_ok_and(|record| record.refused);
    let mut sessions = sessions::recorded().map_err(unknown)?;
    sessions.retain(|session| session.user == *user && !is_refused(session));
    let what = match keeps {
        Keeps::Jail => "jail",
        Keeps::End(folders) => {
            sessions.retain(|session| has_one_of(session, folders));
            "end"
        }
    };
    let (keep, they, them) = match sessions.len() {
        0 => return Ok(None),
        1 => ("keeps", "it", "it"),
        _ => ("keep", "they", "them"),
    };
    let count = counted(sessions.len(), "live session");
    let kick = Command::new("sftpjail kick").arg(Name(user.as_str()));
    Ok(Some(format!("{count} of {user} {keep} the {what} with which {they} began; `{kick}` ends {them}")))
}
