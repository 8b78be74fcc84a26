//! Runs the attempt of a step, and collects what came of it. It does not judge.

use super::connection::Connection;
use super::steps::{ABSENT_SOCKET, Attempt};
use crate::host::process::Output;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::OwnedFd;

/// What came of an attempt.
pub(super) struct Attempted {
    /// What the client printed.
    pub(super) output: Output,
    /// What the client that holds the connection printed meanwhile: it speaks with sshd for the others.
    pub(super) holder: String,
    /// The content of the file that was fetched.
    pub(super) fetched: Option<Vec<u8>>,
}

/// Runs an attempt. The error is that a client cannot be started.
pub(super) fn run(connection: &Connection<'_>, attempt: &Attempt) -> io::Result<Attempted> {
    let scratch = connection.tools.scratch();
    let file = scratch.path("fetched");
    let before = connection.said().len();
    let output = match attempt {
        Attempt::Sftp(batch) => sftp(connection, batch),
        Attempt::Fetch(path) => sftp(connection, format!("get {path} {}\n", file.display()).as_bytes()),
        Attempt::Command(line) => connection.run("ssh", ["-T", "probe", line], b""),
        Attempt::Connect(to) => connection.run("ssh", ["-W", to, "probe"], b""),
        Attempt::ListenOnPort => {
            let bound = BoundPort::new()?;
            forward(connection, &format!("127.0.0.1:{}:127.0.0.1:1", bound.port))
        }
        Attempt::ListenOnSocket => forward(connection, &format!("{ABSENT_SOCKET}:{ABSENT_SOCKET}")),
        Attempt::LegacyScp(path) => scp(connection, connection.tools.scp.legacy(), path),
        Attempt::Scp { options, path } => scp(connection, options, path),
    }?;
    let holder = connection.said().get(before..).unwrap_or_default().to_owned();
    let fetched = fs::read(&file).ok();
    if fetched.is_some() {
        fs::remove_file(&file)?;
    }
    Ok(Attempted { output, holder, fetched })
}

/// Runs `sftp` with a batch.
pub(super) fn sftp(connection: &Connection<'_>, batch: &[u8]) -> io::Result<Output> {
    connection.run("sftp", ["-b", "-", "probe"], batch)
}

fn scp(connection: &Connection<'_>, options: &[&str], path: &str) -> io::Result<Output> {
    let from = format!("probe:{path}");
    let to = connection.tools.scratch().path("fetched");
    let args = options.iter().map(OsStr::new).chain([from.as_ref(), to.as_os_str()]);
    connection.run("scp", args, b"")
}

fn forward(connection: &Connection<'_>, what: &str) -> io::Result<Output> {
    connection.run("ssh", ["-O", "forward", "-R", what, "probe"], b"")
}

/// A port of the loopback that is bound, so that no other process can bind it, and on which no process listens.
struct BoundPort {
    port: u16,
    _sockets: Vec<OwnedFd>,
}

impl BoundPort {
    fn new() -> io::Result<Self> {
        let socket = |family| socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let first = socket(AddressFamily::INET)?;
        bind(&first, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        let port = SocketAddr::try_from(getsockname(&first)?)?.port();
        let mut sockets = vec![first];
        // Without IPv6 there is no port to bind there.
        if let Ok(second) = socket(AddressFamily::INET6) {
            if bind(&second, &SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0)).is_ok() {
                sockets.push(second);
            }
        }
        Ok(Self { port, _sockets: sockets })
    }
}
