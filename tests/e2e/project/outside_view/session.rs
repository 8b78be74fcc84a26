//! A session, the model of what it may do, and what was found to be otherwise.

use super::client::*;
use super::model::{Led, Model};
use super::on_host::Node;
use std::fmt::{Debug, Display};
use std::path::PathBuf;

/// What has to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Done,
    Refused,
    /// The kernel or libc decides, such as protected_hardlinks.
    Either,
}

impl From<bool> for Expect {
    fn from(allowed: bool) -> Expect {
        if allowed { Expect::Done } else { Expect::Refused }
    }
}

pub(super) struct Session<'a> {
    pub(super) client: Client,
    pub(super) model: &'a Model,
    /// A directory that can be written, of each part of the jail that has one.
    pub(super) places: Vec<PathBuf>,
    /// Names of accounts and groups that the jail may know.
    pub(super) known: Vec<String>,
    pub(super) tried: usize,
    pub(super) violations: Vec<String>,
}

impl<'a> Session<'a> {
    pub(super) fn new(client: Client, model: &'a Model, known: Vec<String>) -> Session<'a> {
        let is_reached =
            |path: &PathBuf| matches!(model.lead(bytes(path), true), Led::To(led) if led == *path);
        let of_mount = |mount| {
            let mut of_it = model.nodes.iter().filter(move |(_, (_, of))| *of == mount).map(|(path, _)| path);
            of_it.find(|path| model.makes_in(path) && is_reached(path)).cloned()
        };
        let places = (0..model.mounts.len()).filter_map(of_mount).collect();
        Session { client, model, places, known, tried: 0, violations: Vec::new() }
    }

    /// Counts an answer, and notes it if it is not the one that is due. Whether the request was done.
    pub(super) fn judge(&mut self, what: impl Display, answer: &Answer, expect: impl Into<Expect>) -> bool {
        let (expect, done) = (expect.into(), !answer.is_error());
        self.tried += 1;
        if expect != Expect::Either && expect != Expect::from(done) {
            self.violations.push(format!("{what}: {answer:?}, due: {expect:?}"));
        }
        done
    }

    /// Notes what is not as it should be.
    pub(super) fn same<T: PartialEq + Debug + ?Sized>(&mut self, what: impl Display, found: &T, due: &T) {
        self.tried += 1;
        if found != due {
            self.violations.push(format!("{what}: {found:?}, due: {due:?}"));
        }
    }

    /// Notes attributes that are not those of the model.
    pub(super) fn same_attributes(&mut self, what: impl Display, answer: &Answer, due: &Node) {
        let Answer::Attributes(found) = answer else {
            self.violations.push(format!("{what}: {answer:?}, due: {due:?}"));
            return;
        };
        let kind = match due.kind {
            b'd' => 0o040_000,
            b'f' => 0o100_000,
            b'l' => 0o120_000,
            b's' => 0o140_000,
            other => panic!("a file of type {other}"),
        };
        self.same(&what, &found.mode, &Some(kind | due.mode));
        self.same(&what, &found.owner, &Some((due.uid, due.gid)));
        if due.kind == b'f' {
            self.same(&what, &found.size, &Some(due.content.len() as u64));
        }
    }

    pub(super) fn open(&mut self, path: &[u8], flags: u32) -> Answer {
        let mode = Attributes { mode: Some(0o644), ..Attributes::default() };
        self.client.ask(OPEN, &[Field::Text(path), Field::Number(flags), Field::Attributes(mode)])
    }

    pub(super) fn of_path(&mut self, kind: u8, path: &[u8]) -> Answer {
        self.client.ask(kind, &[Field::Text(path)])
    }

    pub(super) fn set(&mut self, kind: u8, path: &[u8], change: Attributes) -> Answer {
        self.client.ask(kind, &[Field::Text(path), Field::Attributes(change)])
    }

    pub(super) fn read(&mut self, handle: &[u8]) -> Answer {
        self.client.ask(READ, &[Field::Text(handle), Field::Long(0), Field::Number(32 << 10)])
    }

    pub(super) fn write(&mut self, handle: &[u8], data: &[u8]) -> Answer {
        self.client.ask(WRITE, &[Field::Text(handle), Field::Long(0), Field::Text(data)])
    }

    /// Removes what a request has made.
    pub(super) fn remove(&mut self, kind: u8, path: &[u8]) {
        let answer = self.of_path(kind, path);
        self.judge(format_args!("remove {} again", shown(path)), &answer, true);
    }

    /// Closes the handle of an answer, if it has one.
    pub(super) fn close(&mut self, answer: &Answer) {
        if let Answer::Handle(handle) = answer {
            let answer = self.client.ask(CLOSE, &[Field::Text(handle)]);
            self.judge("close", &answer, true);
        }
    }
}

pub(super) fn bytes(path: &std::path::Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

pub(super) fn shown(path: &[u8]) -> String {
    path.escape_ascii().to_string()
}
