//! What is tried on the connection, what should come of it, and what to do where it does not.

use super::expected::Expected;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One thing that is tried.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) attempt: Attempt,
    pub(super) outcome: Outcome,
    pub(super) fix: String,
}

/// By which client.
#[derive(Clone, Copy)]
pub(super) enum Attempt {
    /// `sftp` with this batch.
    Sftp(&'static str),
    /// `sftp` fetches this file.
    Fetch(&'static str),
    /// `ssh` with this command.
    Command(&'static str),
    /// `ssh -W`: what `-L` and `-D` ask of sshd, without a socket on the client's side.
    Open(&'static str),
    /// `ssh -R` for a port of the loopback that nobody can listen on, because we hold it (and do not
    /// listen either).
    ListenOnPort,
    /// `ssh -R` for a socket in a directory that does not exist.
    ListenOnSocket,
    /// `scp -O`, the protocol of old, fetches this file.
    OldScp(&'static str),
    /// `scp` fetches this file.
    Scp(&'static str),
}

impl Attempt {
    /// Whether it says nothing where SFTP is not served at all.
    pub(super) fn needs_sftp(self) -> bool {
        matches!(self, Self::Sftp(_) | Self::Fetch(_) | Self::Scp(_))
    }
}

/// What should come of it.
pub(super) enum Outcome {
    /// The working directory is this.
    WorksIn(PathBuf),
    /// It succeeds.
    Succeeds,
    /// These names are listed and no others.
    Lists(BTreeSet<OsString>),
    /// The file that is fetched, if any, names root and the user only.
    OwnAccounts,
    /// sshd says that it serves SFTP only.
    SftpOnly,
    /// sshd says that this is prohibited, and does not try.
    Prohibited,
    /// Nothing is fetched.
    NothingFetched,
    /// The file is there.
    Fetched,
}

const NOBODY: &str = "/sftpjail-probe-no-such-directory/socket";

/// For the clients: a socket's path that nobody can listen on.
pub(super) const fn no_socket() -> &'static str {
    NOBODY
}

/// A shell that gets this says [`SPOKEN`].
const SPEAK: &str = "echo sftpjail-$((6*7))";
pub(super) const SPOKEN: &str = "sftpjail-42";

/// Without which there is nothing to try by SFTP.
pub(super) const FIRST: Attempt = Attempt::Sftp("pwd\n");

/// What to do where that fails, after what was said at the login.
pub(super) fn unserved(expected: &Expected, said: &str) -> String {
    if said.contains("required to change your password") || said.contains("password has expired") {
        return "let the user change the password first, or end its expiry: see `chage -l`".into();
    }
    format!(
        "in sshd_config, before the first Match: Subsystem sftp internal-sftp; then, {}",
        forced(expected)
    )
}

fn settings(Expected { groups, .. }: &Expected, lines: &str) -> String {
    format!("in sshd_config, for Match Group {groups}: {lines}")
}

fn forced(expected: &Expected) -> String {
    settings(expected, "ForceCommand internal-sftp -l INFO")
}

/// The table. A step's fix names sshd's settings, because what a step sees is what sshd does.
pub(super) fn table(expected: &Expected) -> Vec<Step> {
    let Expected { begin, chroot, .. } = expected;
    let settings = |lines: &str| settings(expected, lines);
    let jail = settings(&format!("ChrootDirectory {chroot}, with no Match before it that says otherwise"));
    let forced = forced(expected);
    let tcp = settings("DisableForwarding yes, AllowTcpForwarding no");
    let sockets = settings("DisableForwarding yes, AllowStreamLocalForwarding no");
    let above = begin.parent().unwrap_or(Path::new("/"));
    let step = |name, attempt, outcome, fix: &String| Step { name, attempt, outcome, fix: fix.clone() };

    let mut steps = vec![
        step("pwd", Attempt::Sftp("pwd\n"), Outcome::WorksIn(begin.clone()), &jail),
        step("ls", Attempt::Sftp("ls -1\n"), Outcome::Succeeds, &"let the user read it".to_owned()),
        step("cd ..", Attempt::Sftp("cd ..\nls -1a\n"), Outcome::Lists(expected.names_in(above)), &jail),
        step("ls /", Attempt::Sftp("ls -1a /\n"), Outcome::Lists(expected.names_in(Path::new("/"))), &jail),
        step("/etc/passwd", Attempt::Fetch("/etc/passwd"), Outcome::OwnAccounts, &jail),
        step("ssh COMMAND", Attempt::Command(SPEAK), Outcome::SftpOnly, &forced),
        // Port 1 is nobody's; where forwarding is allowed, sshd tries it and says so.
        step("ssh -L", Attempt::Open("127.0.0.1:1"), Outcome::Prohibited, &tcp),
        step("ssh -R port", Attempt::ListenOnPort, Outcome::Prohibited, &tcp),
        step("ssh -R socket", Attempt::ListenOnSocket, Outcome::Prohibited, &sockets),
        step("scp -O", Attempt::OldScp("/etc/passwd"), Outcome::NothingFetched, &forced),
    ];
    // Where something can be written, scp shows that.
    if expected.names && expected.places.iter().all(|place| place.read_only) {
        steps.push(step("scp", Attempt::Scp("/etc/passwd"), Outcome::Fetched, &jail));
    }
    steps
}
