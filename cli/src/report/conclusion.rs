//! What findings say of a user in one sentence: the last line of `check USER`, and what `check --all` counts.

use crate::report::consequence::Consequence::{
    self, Closed, Hindered, KeptOut, NoJail, NotJailed, Refused, Shell, Unknown,
};
use crate::report::error::AS_ROOT;
use crate::report::findings::status;
use crate::report::terminal::{Alarm, wrapped};
use crate::report::{Finding, Findings, Outcome, Status};
use pam_sftpjail::escape::{escaped, one_line};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// What is known of a user before the findings are read.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// A profile is for the user, and all was checked.
    Member,
    /// The user is in no profile.
    InNoProfile,
    /// The user is refused before that is decided, or it is unknown; sshd was not asked about the user.
    Undecided,
}

/// What is true of a user. In JSON, an object.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Conclusion {
    pub(crate) kind: Kind,
    /// The sentence, with names that are escaped.
    sentence: String,
    #[serde(skip)]
    pub(crate) status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The user is jailed and can log in.
    Jailed,
    /// As [`Jailed`](Self::Jailed), but the user cannot work there, such as write.
    Hindered,
    /// The user is jailed, but cannot log in.
    CannotLogIn,
    /// As [`CannotLogIn`](Self::CannotLogIn), and the admin wants it so.
    Closed,
    NotJailed,
    Unknown,
    /// The user is in no profile, and no jail is meant.
    InNoProfile,
}

impl Conclusion {
    /// Concludes from the findings about a user, and from others that hold for all members. The first decisive one
    /// gives the reason.
    pub(crate) fn of(user: &str, standing: Standing, own: &Findings, about_host: &Findings) -> Self {
        let user = escaped(user).to_string();
        match standing {
            Standing::InNoProfile => Found { all: own.iter().collect() }.of_stranger(&user),
            Standing::Member | Standing::Undecided => {
                let found = Found { all: about_host.iter().chain(own.iter()).collect() };
                let (kind, sentence) = found.of_member(&user, standing);
                let status = match kind {
                    Kind::Closed => Status::CannotLogIn,
                    // What else is wrong with the host is not the user's.
                    Kind::Jailed => own.status(),
                    _ => found.status(),
                };
                Self { kind, sentence, status }
            }
        }
    }

    /// Prints the sentence; in red if the user is not jailed.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let sentence = wrapped(&format!("{}.", one_line(&self.sentence)), 0);
        match self.kind {
            Kind::NotJailed => writeln!(out, "{}", Alarm(&sentence)),
            _ => writeln!(out, "{sentence}"),
        }
    }
}

/// All findings about one user.
struct Found<'f> {
    all: Vec<&'f Finding>,
}

impl Found<'_> {
    fn of_member(&self, user: &str, standing: Standing) -> (Kind, String) {
        let why = self.first(|c| matches!(c, KeptOut(_) | Closed(_) | Refused(_) | NoJail(_)));
        let unknown = self.unknown();
        if let Some(sentence) = self.not_jailed(user) {
            (Kind::NotJailed, sentence)
        } else if let Some(why) = why {
            let is_closed = self.consequences().all(|c| matches!(c, Closed(_))) && unknown.is_none();
            let sentence = match (standing, self.doubt()) {
                (_, Some(unknown)) => {
                    format!("{user} cannot log in: {why}. Whether {user} is jailed is unknown: {unknown}")
                }
                (Standing::Member, None) => format!("{user} is jailed but cannot log in: {why}"),
                (_, None) => format!("{user} cannot log in: {why}"),
            };
            (if is_closed { Kind::Closed } else { Kind::CannotLogIn }, sentence)
        } else if let Some(unknown) = unknown {
            (Kind::Unknown, format!("{user} cannot be judged: {unknown}"))
        } else if let Some(but) = self.first(|c| matches!(c, Hindered(_))) {
            (Kind::Hindered, format!("{user} is jailed and can log in, but {but}"))
        } else if self.status() == Status::Problems {
            (Kind::Jailed, format!("{user} is jailed and can log in. Fix what is marked ✗ all the same"))
        } else {
            (Kind::Jailed, format!("{user} is jailed and can log in"))
        }
    }

    /// The sentence where the user is not jailed.
    fn not_jailed(&self, user: &str) -> Option<String> {
        let shell = self.first(|c| matches!(c, Shell(_)));
        let why = shell
            .or_else(|| self.not_jailed_by_sshd())
            .or_else(|| self.first(|c| matches!(c, NotJailed(_))))?;
        // Where the module is not asked, it refuses nobody.
        let is_asked = !self.consequences().any(|c| matches!(c, NoJail(_)));
        let only = self.first(|c| matches!(c, KeptOut(_) | Closed(_)) || is_asked && matches!(c, Refused(_)));
        Some(match (only, shell) {
            (Some(only), _) => format!("{user} IS NOT JAILED: {why}. Only this keeps {user} out now: {only}"),
            (None, Some(_)) => format!("{user} IS NOT JAILED and gets a shell: {why}"),
            (None, None) => format!("{user} IS NOT JAILED: {why}"),
        })
    }

    /// Why sshd does not jail the user: without sshd's chroot, nothing else matters.
    fn not_jailed_by_sshd(&self) -> Option<&str> {
        let mut of_sshd = self.all.iter().filter(|finding| finding.is_about_sshd());
        of_sshd.find_map(|finding| match &finding.consequence {
            Some(consequence @ NotJailed(_)) => Some(consequence.reason()),
            _ => None,
        })
    }

    /// Of a user who is in no profile: no jail is meant, and sshd must not want one.
    fn of_stranger(&self, user: &str) -> Conclusion {
        let (kind, sentence) = match (self.first(|c| matches!(c, KeptOut(_))), self.unknown()) {
            (Some(why), _) => {
                (Kind::CannotLogIn, format!("{user} is in no profile, and cannot log in: {why}"))
            }
            (None, Some(unknown)) => {
                (Kind::Unknown, format!("{user} is in no profile, but cannot be judged: {unknown}"))
            }
            (None, None) => (Kind::InNoProfile, format!("{user} is in no profile, so {user} is not jailed")),
        };
        let status = match self.status() {
            Status::Ok => Status::InNoProfile,
            other => other,
        };
        Conclusion { kind, sentence, status }
    }

    fn consequences(&self) -> impl Iterator<Item = &Consequence> {
        self.all.iter().filter_map(|finding| finding.consequence.as_ref())
    }

    /// The reason of the first consequence that is wanted.
    fn first(&self, is_wanted: impl Fn(&Consequence) -> bool) -> Option<&str> {
        self.consequences().find(|consequence| is_wanted(consequence)).map(Consequence::reason)
    }

    /// Why it cannot be known whether the user is jailed, if so.
    fn doubt(&self) -> Option<String> {
        let others = self.all.iter().filter(|finding| !finding.check.is_about_keys());
        Found { all: others.copied().collect() }.unknown()
    }

    /// Why it cannot be known whether the user is jailed and can log in, if so.
    fn unknown(&self) -> Option<String> {
        let mut unknown = self.all.iter().filter(|finding| finding.outcome == Outcome::Unknown);
        if unknown.clone().any(|finding| finding.fix.as_deref() == Some(AS_ROOT)) {
            return Some("only root can check all of it".to_owned());
        }
        let failed = self.first(|c| matches!(c, Unknown(_))).map(str::to_owned);
        failed.or_else(|| {
            // That finding names files and times.
            unknown.next().map(|finding| match finding.reloads_sshd {
                true => "sshd may not have read its files as they are".to_owned(),
                false => one_line(&finding.evidence),
            })
        })
    }

    fn status(&self) -> Status {
        status(self.all.iter().copied())
    }
}

#[cfg(test)]
mod tests;
