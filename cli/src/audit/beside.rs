//! The journal beside log files: the entries that the files lack, each at its time, and which of the files' entries the
//! journal has as well.
//!
//! A jail has the journal's socket where rsyslog did not run at the login. journald passes on to rsyslog what it gets,
//! so both may have an entry, and each may lack one: rsyslog was stopped, or the journal is shorter. Of an entry that
//! both have, the journal's counts, since journald says who sent it. It keeps what is near in time, so that both may be
//! of any size.

use super::forwarding::Forwarding;
use super::gaps::Kind;
use super::join::longest;
use super::message;
use super::seen::{MAX_APART, Seen};
use crate::host::syslog::entry;
use crate::host::syslog::journal::{Failure, Journal, Which};
use crate::host::syslog::line::{self, Parsed};
use crate::host::syslog::lines::{Line, Lines};
use crate::host::syslog::record::{Program, Record};
use crate::host::syslog::stamp::Stamps;
use crate::host::syslog::wait::{Ready, Stop};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::process::ChildStdout;

/// How far the journal is read ahead of the files: longer than an entry needs from journald to rsyslog, and than the
/// second of a traditional stamp.
const AHEAD: SignedDuration = SignedDuration::from_secs(2);

/// A second, of which the beginning is a time of its own.
const SECOND: SignedDuration = SignedDuration::from_nanos(999_999_999);

/// How many entries may be read ahead.
const MAX_AHEAD: usize = 4096;

/// How many reports of dropped messages are remembered.
const MAX_LOSSES: usize = 10_000;

/// The journal, while it is read.
pub(super) struct Beside<'s> {
    /// `None`: it has been read to its end.
    running: Option<(Journal, Lines<Ready<'s, ChildStdout>>)>,
    /// Of `--follow`.
    stop: Option<&'s Stop>,
    /// With `--follow`: what was there before has been given.
    is_following: bool,
    /// With `--follow`, that of the last entry.
    cursor: Option<String>,
    stamps: Stamps,
    /// What was read and not yet given, in its order.
    ahead: VecDeque<Record<'static>>,
    of_journal: Seen,
    /// Those that other processes than they say have sent.
    forged: Seen,
    forwarding: Forwarding,
    of_files: Seen,
    losses: HashSet<(u64, i64)>,
    hasher: RandomState,
    /// The host as the latest entry of the journal spells it.
    host: Vec<u8>,
    /// How many lines cannot be used.
    pub(super) gaps: BTreeMap<Kind, u64>,
    failure: Option<Failure>,
}

/// Which part of an entry of a file is not in the journal. rsyslog may write one entry for many.
pub(super) enum Copies {
    All,
    InJournal,
    /// So many entries of this message.
    Some(u32, Vec<u8>),
}

impl<'s> Beside<'s> {
    /// Begins to read the journal. `stop`: that of `--follow`.
    pub(super) fn start(stop: Option<&'s Stop>) -> Self {
        let mut beside = Self {
            running: None,
            stop,
            is_following: false,
            cursor: None,
            // The journal's times need neither zone nor year.
            stamps: Stamps::new(TimeZone::UTC, 0),
            ahead: VecDeque::new(),
            of_journal: Seen::default(),
            forged: Seen::default(),
            forwarding: Forwarding::default(),
            of_files: Seen::default(),
            losses: HashSet::new(),
            hasher: RandomState::new(),
            host: Vec::new(),
            gaps: BTreeMap::new(),
            failure: None,
        };
        beside.run(Which::All, None);
        // The name of this host is needed for the first entry of a file.
        while beside.ahead.is_empty() && beside.read() {}
        beside
    }

    fn run(&mut self, which: Which<'_>, stop: Option<&'s Stop>) {
        match Journal::start(which) {
            Ok((journal, pipe)) => self.running = Some((journal, Lines::new(Ready { pipe, stop }))),
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// With `--follow`, once all that was there has been given: goes on with what comes.
    pub(super) fn follow(&mut self) {
        let Some(stop) = self.stop.filter(|_| !std::mem::replace(&mut self.is_following, true)) else {
            return;
        };
        match self.cursor.take() {
            Some(cursor) => self.run(Which::FollowingAfter(&cursor), Some(stop)),
            None => self.run(Which::Following, Some(stop)),
        }
    }

    /// The next entry of the journal that comes before one of a file of this time.
    pub(super) fn before(&mut self, time: Timestamp) -> Option<Record<'static>> {
        // A traditional stamp means the whole second.
        let rest_of_second = if time.subsec_nanosecond() == 0 { SECOND } else { SignedDuration::ZERO };
        let time = time.saturating_add(rest_of_second).unwrap_or(time);
        let limit = time.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        while self.ahead.len() < MAX_AHEAD && self.ahead.back().is_none_or(|last| last.time <= limit) {
            if !self.read() {
                break;
            }
        }
        if self.ahead.front()?.time > time {
            return None;
        }
        self.ahead.pop_front()
    }

    /// The next entry of the journal, whatever its time is. `None`: there is none, or none now.
    pub(super) fn next(&mut self) -> Option<Record<'static>> {
        while self.ahead.is_empty() && self.read() {}
        self.ahead.pop_front()
    }

    /// What of a file's entry the journal lacks.
    pub(super) fn copies(&mut self, record: &Record<'_>) -> Copies {
        let (times, text) = message::repeated(&record.message).unwrap_or((1, &record.message));
        let key = self.key(record, text);
        if record.program == Program::Logger {
            self.losses.extend((self.losses.len() < MAX_LOSSES).then(|| (key, bucket(record.time))));
            return Copies::All;
        }
        if times > message::MAX_REPEATED {
            return Copies::All;
        }
        let may_be_forged = self.forwarding.is_on(record.time);
        let mut own = 0;
        for _ in 0..times {
            if self.of_journal.take(key, record.time) {
                self.forwarding.arrived(key);
            } else if !may_be_forged || !self.forged.take(key, record.time) {
                own += 1;
                if self.may_have_more_near(record.time) {
                    self.of_files.add(key, record.time);
                }
            }
        }
        match own {
            0 => Copies::InJournal,
            own if own == times => Copies::All,
            own => Copies::Some(own, text.to_vec()),
        }
    }

    /// Whether the journal may still have a copy of an entry of this time.
    fn may_have_more_near(&self, time: Timestamp) -> bool {
        let is_later = |last: &Record<'_>| last.time.duration_since(time) > MAX_APART;
        self.stop.is_some() || (self.running.is_some() && !self.ahead.back().is_some_and(is_later))
    }

    /// Reads the next entry that the files do not have. Gives whether there may be more to read now.
    fn read(&mut self) -> bool {
        let Some((_, lines)) = &mut self.running else { return false };
        let line = match lines.next() {
            Ok(Some(Line::Whole(line) | Line::Unended(line))) => line,
            Ok(Some(Line::TooLong)) => {
                *self.gaps.entry(Kind::TooLong).or_default() += 1;
                return true;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
            Ok(None) | Err(_) => {
                self.end();
                return false;
            }
        };
        if self.stop.is_some() {
            self.cursor = entry::place(line).map(|place| place.cursor).or(self.cursor.take());
        }
        let record = match line::parse(line, &mut self.stamps) {
            Parsed::Record(record) => record.into_owned(),
            Parsed::Unreadable => {
                *self.gaps.entry(Kind::Unreadable).or_default() += 1;
                return true;
            }
            Parsed::Other => return true,
        };
        if self.host != *record.host {
            self.host = record.host.to_vec();
        }
        let key = self.key(&record, &record.message);
        let is_genuine = record.is_genuine();
        let is_copy = match record.program {
            _ if !is_genuine && !self.forwarding.is_on(record.time) => false,
            Program::Logger => {
                let at = bucket(record.time);
                (at - 1..=at + 1).any(|at| self.losses.contains(&(key, at)))
            }
            _ => self.of_files.take(key, record.time),
        };
        match is_genuine {
            _ if is_copy => self.forwarding.arrived(key),
            true => self.of_journal.add(key, record.time),
            false => self.forged.add(key, record.time),
        }
        let is_roots = record.sender.as_ref().is_some_and(|sender| sender.uid == 0);
        if !is_copy && is_roots && record.program == Program::Sshd {
            self.forwarding.sent(key, record.time);
        }
        // One that is forged is reported, whatever the files have.
        if !is_copy || !is_genuine {
            self.ahead.push_back(cut(record));
        }
        true
    }

    /// Keeps why the journal was not read to its end, if it was not.
    fn end(&mut self) {
        let Some((journal, _)) = self.running.take() else { return };
        if !self.stop.is_some_and(Stop::is_wanted) {
            self.failure = journal.finish().err().or(self.failure.take());
        }
    }

    /// Why entries of the journal are missing, if some are.
    pub(super) fn failure(self) -> Option<Failure> {
        self.failure
    }

    /// The host of a file's entry, as the journal spells it: syslog has the name up to the first dot.
    pub(super) fn host<'r>(&'r self, host: &'r [u8]) -> &'r [u8] {
        if short(host) == short(&self.host) { &self.host } else { host }
    }

    fn key(&self, record: &Record<'_>, text: &[u8]) -> u64 {
        // journald cuts blanks off at the end, rsyslog does not.
        let text = text.trim_ascii();
        // A log daemon names its pid in a file only.
        let pid = if record.program == Program::Logger { 0 } else { record.pid_in_file() };
        self.hasher.hash_one((record.program, pid, short(&record.host), text))
    }
}

/// What is kept of an entry. One that is too long to be used still is, so that it is reported.
fn cut(mut record: Record<'static>) -> Record<'static> {
    let most = longest(record.program) + 1;
    if let Some(begin) = record.message.get(..most) {
        record.message = begin.to_vec().into();
    }
    record
}

/// The name of a host up to the first dot.
fn short(host: &[u8]) -> &[u8] {
    host.split(|byte| *byte == b'.').next().unwrap_or_default()
}

/// Ten seconds.
fn bucket(time: Timestamp) -> i64 {
    time.as_second() / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_of_an_entry_than_shows_that_it_is_too_long() {
        let of = |length: usize| Record {
            time: Timestamp::UNIX_EPOCH,
            host: b"sandbox".as_slice().into(),
            program: Program::Sftp,
            pid: 1,
            message: vec![b'x'; length].into(),
            sender: None,
        };
        let most = longest(Program::Sftp);
        let kept = [0, most, most + 1, 64 << 10].map(|length| cut(of(length)).message.len());
        assert_eq!(kept, [0, most, most + 1, most + 1]);
    }
}
