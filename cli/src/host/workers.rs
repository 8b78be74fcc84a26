//! Checks users in child processes, several at a time. Only they touch what users own: a filesystem of a user's that
//! does not answer keeps a child waiting, and never this process.

mod mounts;

use mounts::{Mounts, Question};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::forked::{Forked, Group, fork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// How long the check of a user may take. It may have to wait for a network filesystem to be mounted.
const LIMIT: Duration = Duration::from_secs(10);

/// How long it may take until other children go on with the users that stand behind.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most children that are waited for in this way at a time: so many users that do not answer cost as much time as
/// one.
const MAX_SLOW: usize = 64;

/// The most users that one child checks.
const MAX_BATCH: usize = 256;

/// What is done for each user.
pub(crate) trait Work {
    type Result: Serialize + DeserializeOwned;

    /// Checks the user, in a child.
    fn check(&mut self, user: &str) -> Self::Result;

    /// The result for a user whose check has not ended, in this process. `why`: a clause.
    fn give_up(&mut self, user: &str, why: &str) -> Self::Result;
}

/// A child, and the users that are left to it: their places in the list, the one that it checks now first.
struct Worker {
    child: Forked,
    left: VecDeque<usize>,
    /// What it has written of the next result.
    text: Vec<u8>,
    /// When it began with the first that is left.
    since: Instant,
    is_slow: bool,
    /// Whether the mount with the home of the first that is left answers; asked once that takes long.
    question: Option<Question>,
}

/// Why a child gives no further results.
enum Failed {
    Ended,
    /// What it wrote is none.
    NoResult,
}

/// Checks the users, and calls `done` with the place and the result of each, in any order.
///
/// A child is the parent of those that check: this process keeps the results, and a fork takes time for all memory of
/// the process that forks.
pub(crate) fn run<W: Work>(
    users: &[String],
    work: &mut W,
    mut done: impl FnMut(usize, W::Result),
) -> io::Result<()> {
    if users.len() < 2 {
        return lead(users, work, done);
    }
    let mut foreman = fork(Group::Own, |mut pipe| {
        let mut write = |line: &Line<W::Result>| {
            let mut line = serde_json::to_vec(line).unwrap_or_default();
            line.push(b'\n');
            // A parent that has ended reads nothing any more.
            let _ = pipe.write_all(&line);
        };
        if let Err(error) = lead(users, work, |at, result| write(&Ok((at, result)))) {
            write(&Err(error.to_string()));
        }
    })?;
    let mut has = vec![false; users.len()];
    let mut lines = BufReader::new(&mut foreman.output);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let (at, result) = serde_json::from_slice::<Line<W::Result>>(&line)?.map_err(io::Error::other)?;
        has.get_mut(at).into_iter().for_each(|has| *has = true);
        done(at, result);
        line.clear();
    }
    let ended = foreman.ended();
    match has.iter().all(|has| *has) {
        true => Ok(()),
        false => Err(io::Error::other(format!("the child that leads the others ended: {ended}"))),
    }
}

/// What the parent of those that check writes: the place and the result of a user, or why it has to stop.
type Line<R> = Result<(usize, R), String>;

fn lead<W: Work>(users: &[String], work: &mut W, mut done: impl FnMut(usize, W::Result)) -> io::Result<()> {
    let most = available_parallelism().map_or(1, usize::from);
    let size = users.len().div_ceil(most * 8).clamp(1, MAX_BATCH);
    let places: Vec<_> = (0..users.len()).collect();
    let mut queue: VecDeque<VecDeque<usize>> =
        places.chunks(size).map(|batch| batch.iter().copied().collect()).collect();
    let mut workers: Vec<Worker> = Vec::new();
    let mut mounts = Mounts::default();
    let name = |at: usize| users.get(at).map_or("", String::as_str);
    loop {
        while workers.iter().filter(|worker| !worker.is_slow).count() < most {
            let Some(mut batch) = queue.pop_front() else { break };
            batch.retain(|at| {
                let Some(why) = mounts.is_silent(name(*at)) else { return true };
                let why = format!("the check of {} was not made: {why}", escaped(name(*at)));
                done(*at, work.give_up(name(*at), &why));
                false
            });
            if !batch.is_empty() {
                workers.push(Worker::start(users, batch, work)?);
            }
        }
        if workers.is_empty() {
            return Ok(());
        }
        wait(&workers);
        for mut worker in std::mem::take(&mut workers) {
            let has_failed = worker.read(&mut done).err();
            let Some(at) = worker.left.front().copied() else { continue };
            let user = name(at);
            let time = worker.since.elapsed();
            let limit = if mounts.is_silent(user).is_some() { PATIENCE } else { LIMIT };
            if has_failed.is_none() && time <= limit {
                let slow = workers.iter().filter(|worker| worker.is_slow).count();
                if time > PATIENCE && !worker.is_slow && slow < MAX_SLOW {
                    worker.is_slow = true;
                    worker.question = mounts.ask(user);
                    queue.push_front(worker.left.split_off(1));
                }
                workers.push(worker);
                continue;
            }
            worker.left.pop_front();
            queue.push_front(std::mem::take(&mut worker.left));
            let shown = escaped(user);
            let why = match has_failed {
                Some(Failed::Ended) => {
                    format!("the check of {shown} ended without a result: {}", worker.child.ended())
                }
                Some(Failed::NoResult) => format!("the check of {shown} gave what is no result"),
                None => {
                    worker.child.abandon();
                    let known = mounts.is_silent(user);
                    if let Some(question) = worker.question {
                        mounts.end(question, user);
                    }
                    let seconds = limit.as_secs();
                    let why = known.unwrap_or_else(|| "a filesystem does not answer".to_owned());
                    format!("the check of {shown} took more than {seconds} s: {why}")
                }
            };
            done(at, work.give_up(user, &why));
        }
    }
}

/// Waits until a child has written something or ended, or its time is over.
fn wait(workers: &[Worker]) {
    let limit = |worker: &Worker| if worker.is_slow { LIMIT } else { PATIENCE };
    let left = workers.iter().map(|worker| limit(worker).saturating_sub(worker.since.elapsed())).min();
    // Where no more children may be slow, this asks ten times a second.
    let left = left.unwrap_or_default().max(Duration::from_millis(100));
    let timeout = Timespec {
        tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    };
    let pipes = workers.iter().map(|worker| PollFd::new(&worker.child.output, PollFlags::IN));
    // After an error, what is there is read all the same.
    let _ = poll(&mut pipes.collect::<Vec<_>>(), Some(&timeout));
}

impl Worker {
    fn start<W: Work>(users: &[String], left: VecDeque<usize>, work: &mut W) -> io::Result<Self> {
        let child = fork(Group::Own, |mut pipe| {
            for user in left.iter().filter_map(|at| users.get(*at)) {
                let mut line = serde_json::to_vec(&work.check(user)).unwrap_or_default();
                line.push(b'\n');
                // A parent that has ended reads nothing any more.
                if pipe.write_all(&line).is_err() {
                    return;
                }
            }
        })?;
        fcntl_setfl(&child.output, OFlags::NONBLOCK)?;
        Ok(Self { child, left, text: Vec::new(), since: Instant::now(), is_slow: false, question: None })
    }

    /// Reads what the child has written so far.
    fn read<R: DeserializeOwned>(&mut self, done: &mut impl FnMut(usize, R)) -> Result<(), Failed> {
        let mut buffer = vec![0; 64 << 10];
        while !self.left.is_empty() {
            match self.child.output.read(&mut buffer) {
                Ok(0) => return Err(Failed::Ended),
                Ok(n) => self.text.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Failed::NoResult),
            }
            let Some(end) = self.text.iter().rposition(|byte| *byte == b'\n') else { continue };
            let rest = self.text.split_off(end + 1);
            for line in std::mem::replace(&mut self.text, rest).split_inclusive(|byte| *byte == b'\n') {
                let result = serde_json::from_slice(line).map_err(|_| Failed::NoResult)?;
                if let Some(at) = self.left.pop_front() {
                    done(at, result);
                    self.question = None;
                    self.since = Instant::now();
                }
            }
        }
        Ok(())
    }
}
