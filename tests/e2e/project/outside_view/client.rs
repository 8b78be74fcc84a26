//! Requests of SFTP version 3 as a hostile client sends them: any bytes for a path, any flags, any handle. Crates for
//! SFTP take paths for UTF-8 and keep back what makes no sense, so this is draft-ietf-secsh-filexfer-02 and OpenSSH's
//! PROTOCOL, written down.

use sandbox::{Sandbox, end};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const OPEN: u8 = 3;
pub(super) const CLOSE: u8 = 4;
pub(super) const READ: u8 = 5;
pub(super) const WRITE: u8 = 6;
pub(super) const LSTAT: u8 = 7;
pub(super) const FSTAT: u8 = 8;
pub(super) const SETSTAT: u8 = 9;
pub(super) const FSETSTAT: u8 = 10;
pub(super) const OPENDIR: u8 = 11;
pub(super) const READDIR: u8 = 12;
pub(super) const REMOVE: u8 = 13;
pub(super) const MKDIR: u8 = 14;
pub(super) const RMDIR: u8 = 15;
pub(super) const REALPATH: u8 = 16;
pub(super) const STAT: u8 = 17;
pub(super) const RENAME: u8 = 18;
pub(super) const READLINK: u8 = 19;
pub(super) const SYMLINK: u8 = 20;
const EXTENDED: u8 = 200;

/// The flags of [`OPEN`].
pub(super) mod flags {
    pub(in super::super) const READ: u32 = 1;
    pub(in super::super) const WRITE: u32 = 2;
    pub(in super::super) const APPEND: u32 = 4;
    pub(in super::super) const CREATE: u32 = 8;
    pub(in super::super) const TRUNCATE: u32 = 16;
    pub(in super::super) const EXCLUSIVE: u32 = 32;
}

/// A part of a request.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Text(&'a [u8]),
    Number(u32),
    Long(u64),
    Attributes(Attributes),
}

/// What a request sets, or an answer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    pub(super) owner: Option<(u32, u32)>,
    /// With the type, in an answer.
    pub(super) mode: Option<u32>,
    /// Of access and of change.
    pub(super) times: Option<(u32, u32)>,
}

#[derive(Debug)]
pub(super) enum Answer {
    /// 0 if it was done.
    Status(u32),
    Handle(Vec<u8>),
    Data(Vec<u8>),
    /// Each with a line as `ls -l` has it.
    Names(Vec<(Vec<u8>, Attributes, Vec<u8>)>),
    Attributes(Attributes),
    Extended(Vec<u8>),
}

impl Answer {
    pub(super) fn is_error(&self) -> bool {
        matches!(self, Answer::Status(status) if *status != 0)
    }
}

/// A session over the real ssh.
pub(super) struct Client {
    entered: Child,
    to: ChildStdin,
    packets: Receiver<Vec<u8>>,
    /// What the server offers beside version 3.
    pub(super) offered: BTreeSet<Vec<u8>>,
    /// Which of these were tried.
    pub(super) tried: BTreeSet<Vec<u8>>,
    /// How many requests were answered, by their kind.
    pub(super) requests: BTreeMap<u8, usize>,
    id: u32,
}

impl Client {
    #[track_caller]
    pub(super) fn log_in(sb: &Sandbox, user: &str) -> Client {
        let mut command = sb.login(user).client("ssh");
        command.args(["-s", "127.0.0.1", "sftp"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut entered = command.spawn().expect("sandbox-enter");
        let (to, from) = (entered.stdin.take().expect("piped"), entered.stdout.take().expect("piped"));
        let (sender, packets) = channel();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut length = [0; 4];
            while from.read_exact(&mut length).is_ok() {
                let mut packet = vec![0; u32::from_be_bytes(length) as usize];
                if from.read_exact(&mut packet).is_err() || sender.send(packet).is_err() {
                    return;
                }
            }
        });
        let (offered, tried, requests) = Default::default();
        let mut client = Client { entered, to, packets, offered, tried, requests, id: 0 };
        client.send(&[1, 0, 0, 0, 3]);
        let version = client.packet();
        assert_eq!(version[..5], [2, 0, 0, 0, 3], "version 3");
        let mut rest = Reader(&version[5..]);
        while !rest.0.is_empty() {
            client.offered.insert(rest.text().to_vec());
            rest.text();
        }
        client
    }

    /// Sends a request and gives its answer.
    #[track_caller]
    pub(super) fn ask(&mut self, kind: u8, fields: &[Field<'_>]) -> Answer {
        self.id += 1;
        *self.requests.entry(kind).or_default() += 1;
        let mut packet = vec![kind];
        packet.extend(self.id.to_be_bytes());
        for field in fields {
            field.write(&mut packet);
        }
        self.send(&packet);
        let answer = self.packet();
        let mut rest = Reader(&answer[1..]);
        assert_eq!(rest.number(), self.id, "an answer to another request");
        match answer[0] {
            101 => Answer::Status(rest.number()),
            102 => Answer::Handle(rest.text().to_vec()),
            103 => Answer::Data(rest.text().to_vec()),
            104 => Answer::Names((0..rest.number()).map(|_| rest.name()).collect()),
            105 => Answer::Attributes(rest.attributes()),
            201 => Answer::Extended(rest.0.to_vec()),
            other => panic!("an answer of kind {other}"),
        }
    }

    /// Sends a request of OpenSSH's own.
    #[track_caller]
    pub(super) fn extended(&mut self, name: &str, fields: &[Field<'_>]) -> Answer {
        self.tried.insert(name.into());
        let mut all = vec![Field::Text(name.as_bytes())];
        all.extend(fields);
        self.ask(EXTENDED, &all)
    }

    fn send(&mut self, packet: &[u8]) {
        let length = u32::try_from(packet.len()).expect("a short packet");
        let whole = [&length.to_be_bytes(), packet].concat();
        self.to.write_all(&whole).and_then(|()| self.to.flush()).expect("the session is there");
    }

    #[track_caller]
    fn packet(&mut self) -> Vec<u8> {
        self.packets.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("no answer: {why}"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        end(&mut self.entered);
    }
}

impl Field<'_> {
    fn write(&self, packet: &mut Vec<u8>) {
        match self {
            Field::Text(text) => {
                packet.extend(u32::try_from(text.len()).expect("a short text").to_be_bytes());
                packet.extend(*text);
            }
            Field::Number(number) => packet.extend(number.to_be_bytes()),
            Field::Long(number) => packet.extend(number.to_be_bytes()),
            Field::Attributes(Attributes { size, owner, mode, times }) => {
                let present = [size.is_some(), owner.is_some(), mode.is_some(), times.is_some()];
                let bits: u32 = present.iter().zip([1, 2, 4, 8]).map(|(is, bit)| u32::from(*is) * bit).sum();
                packet.extend(bits.to_be_bytes());
                packet.extend(size.iter().flat_map(|size| size.to_be_bytes()));
                let pair = |(a, b): &(u32, u32)| [a.to_be_bytes(), b.to_be_bytes()].concat();
                packet.extend(owner.iter().flat_map(pair));
                packet.extend(mode.iter().flat_map(|mode| mode.to_be_bytes()));
                packet.extend(times.iter().flat_map(pair));
            }
        }
    }
}

/// What is left of an answer. Panics where the server says less than it announced.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    pub(super) fn number(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    pub(super) fn long(&mut self) -> u64 {
        u64::from_be_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    pub(super) fn text(&mut self) -> &'a [u8] {
        let length = self.number() as usize;
        self.take(length)
    }

    fn name(&mut self) -> (Vec<u8>, Attributes, Vec<u8>) {
        let (name, line) = (self.text().to_vec(), self.text().to_vec());
        (name, self.attributes(), line)
    }

    fn attributes(&mut self) -> Attributes {
        let bits = self.number();
        Attributes {
            size: (bits & 1 != 0).then(|| self.long()),
            owner: (bits & 2 != 0).then(|| (self.number(), self.number())),
            mode: (bits & 4 != 0).then(|| self.number()),
            times: (bits & 8 != 0).then(|| (self.number(), self.number())),
        }
    }
}
