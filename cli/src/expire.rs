//! `sftpjail expire`: ends the live sessions whose jail holds a folder whose grant has ended. It goes by the records of
//! the sessions, and reads no grants.

mod due;

use crate::host::sessions::{self, Session};
use crate::host::zone::moment;
use crate::report::json::{VERSION, document};
use crate::report::terminal::{Mark, advice, wrapped};
use crate::report::{Error, Outside, Status, streams};
use due::{Due, due};
use pam_sftpjail::grants::now;
use pam_sftpjail::log::Log;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Report {
    version: u32,
    sessions: Vec<Expired>,
    /// Records that could not be read; the sessions themselves go on.
    problems: Vec<String>,
}

/// A session that had to end.
#[derive(Serialize)]
struct Expired {
    user: String,
    uid: u32,
    address: String,
    /// sshd's monitor, or where that is dead another process of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    /// Whose grant has ended.
    folder: String,
    /// Hexadecimal, where `folder` is not UTF-8 and so not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder_bytes: Option<String>,
    /// RFC 3339, in UTC.
    until: String,
    ended: bool,
    /// Why it is not known whether it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip)]
    became: &'static str,
}

/// Ends them, kills what has not ended in time, and reports each. Where nothing has ended, it prints nothing. The error
/// is a registry that cannot be read.
pub(crate) fn run(json: bool, out: &mut impl Write) -> io::Result<Status> {
    let recorded = sessions::recorded()?;
    let problems: Vec<_> = recorded.iter().filter_map(|session| session.record.clone().err()).collect();
    let records: Vec<_> = recorded.iter().map(|session| session.record.clone().ok()).collect();
    let dues = due(&records, now());
    let pairs = recorded.into_iter().zip(dues).filter_map(|(session, due)| Some((session, due?)));
    let (mut sessions, dues): (Vec<_>, Vec<_>) = pairs.unzip();
    sessions::find_processes(&mut sessions);
    let ended = sessions::end(&sessions, true);
    let all = sessions.iter().zip(&dues).zip(ended);
    let expired: Vec<_> =
        all.filter_map(|((session, due), ended)| Expired::of(session, due, ended)).collect();
    expired.iter().for_each(Expired::log);
    let is_done = problems.is_empty() && expired.iter().all(|session| session.ended);
    let status = if is_done { Status::Ok } else { Status::Problems };
    let written = if json {
        document(&Report { version: VERSION, sessions: expired, problems }, out)
    } else {
        // A timer keeps what goes to stderr only: the others have log entries.
        for problem in &problems {
            let _ = writeln!(streams::stderr(), "sftpjail: {problem}");
        }
        expired.iter().try_for_each(|session| session.print(out))
    };
    status.after(written, out)
}

impl Expired {
    /// `None`: it has ended by itself before it was asked to.
    fn of(session: &Session, due: &Due<'_>, ended: bool) -> Option<Self> {
        let record = session.record.as_ref().ok()?;
        let pid = session.monitor().or_else(|| session.holders.first().copied());
        let folder = Outside::of_escaped(due.folder);
        let is_of_others = ended && pid.is_none();
        (!is_of_others).then(|| Self {
            user: session.user.as_str().to_owned(),
            uid: record.uid,
            address: Outside::of_escaped(&record.rhost).plain().into_owned(),
            pid,
            folder: folder.plain().into_owned(),
            folder_bytes: folder.bytes(),
            until: moment(due.until).to_string(),
            ended,
            problem: session.unseen.as_ref().filter(|_| !ended).map(Error::to_string),
            became: session.became(ended),
        })
    }

    /// What became of it, and why. `user`: who it was.
    fn sentence(&self, user: &str) -> String {
        let became = self.became;
        let problem: String = self.problem.iter().map(|why| format!("; {why}")).collect();
        let (folder, until) = (Outside::new(&self.folder), &self.until);
        let process = self.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
        let address = Outside::new(&self.address).address();
        format!(
            "the session of {user} from {address}{process} {became}: {folder} was granted until {until}{problem}"
        )
    }

    fn log(&self) {
        let log = Log::of_verb("expire");
        let sentence = self.sentence(&format!("user {}(uid={})", Outside::new(&self.user), self.uid));
        match self.ended {
            true => log.notice(sentence),
            false => log.error(sentence),
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let mark = if self.ended { Mark::Good } else { Mark::Bad };
        let user = Outside::new(&self.user).to_string();
        writeln!(out, "{mark} {}", wrapped(&self.sentence(&user), 2))?;
        let fix = match (self.ended, self.pid) {
            // The sentence has the fix.
            _ if self.problem.is_some() => return Ok(()),
            (true, _) => return Ok(()),
            (false, None) => "run this where sshd runs: another container shares /run with it",
            (false, Some(_)) => "see what the process waits for, such as a filesystem that does not answer",
        };
        writeln!(out, "  {}", advice(fix, None, 2))
    }
}
