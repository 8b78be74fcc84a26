//! The table of what is tried on the connection: each step with its expectation and its fix. Plain data.

use super::batch::cd;
use super::client::Scp;
use super::expected::Expected;
use crate::desired::sshd::SUBSYSTEM;
use crate::report::Consequence;
use pam_sftpjail::escape::escaped;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One thing that is tried.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) attempt: Attempt,
    pub(super) expectation: Expectation,
    pub(super) fix: StepFix,
}

/// Where to find the fix of a step.
pub(super) enum StepFix {
    /// The first of these settings of sshd that is not as it should be.
    Sshd(&'static [&'static str]),
    /// The same with ChrootDirectory; or else the directory in which the session begins.
    Start,
    Sentence(String),
}

/// What a client does.
pub(super) enum Attempt {
    /// `sftp` with this batch.
    Sftp(Cow<'static, [u8]>),
    /// `sftp` fetches this file.
    Fetch(&'static str),
    /// `ssh` with this command.
    Command(&'static str),
    /// `ssh -W`: what `-L` and `-D` ask of sshd, without a socket on the client's side.
    Connect(&'static str),
    /// `ssh -R` for a port of the loopback that the probe has bound, so that no process can listen on it.
    ListenOnPort,
    /// `ssh -R` for a socket in a directory that does not exist.
    ListenOnSocket,
    /// `scp -O`, which uses the legacy SCP protocol, fetches this file.
    LegacyScp(&'static str),
    /// `scp` fetches this file.
    Scp { options: &'static [&'static str], path: &'static str },
}

impl Attempt {
    /// Whether it shows nothing where SFTP is not served at all.
    pub(super) fn needs_sftp(&self) -> bool {
        matches!(self, Self::Sftp(_) | Self::Fetch(_) | Self::Scp { .. })
    }
}

impl Attempt {
    /// Whether it shows nothing where sshd starts no session.
    pub(super) fn needs_session(&self) -> bool {
        self.needs_sftp() || matches!(self, Self::Command(_) | Self::LegacyScp(_))
    }
}

/// What should come of an attempt.
pub(super) enum Expectation {
    /// This is the working directory.
    WorksIn(PathBuf),
    /// It succeeds.
    Succeeds,
    /// These names are listed and no others.
    Lists(BTreeSet<OsString>),
    /// The file that is fetched, if there is one, has entries of root and the user only.
    OwnAccounts,
    /// sshd says that it serves SFTP only. `forced`: whether its settings say so; `None` where they are unknown.
    SftpOnly { forced: Option<bool> },
    /// sshd says that this is prohibited, and does not try.
    Prohibited,
    /// Nothing is fetched.
    NothingFetched,
    /// The file is fetched.
    Fetched,
}

/// The evidence where a command was run.
pub(super) const RAN: &str = "a shell ran it";

/// The beginning of the evidence where a listing has more than the jail.
pub(super) const FOREIGN: &str = "the user can see what is not in the jail";

impl Expectation {
    /// What follows where it does not come true, with this evidence.
    pub(super) fn consequence(&self, evidence: &str) -> Consequence {
        match self {
            Self::WorksIn(_) => Consequence::Hindered("begins in another directory".into()),
            Self::Succeeds => Consequence::Hindered("cannot list the directory".into()),
            Self::OwnAccounts => Consequence::NotJailed("the host's accounts can be read".into()),
            Self::Lists(_) if evidence.starts_with(FOREIGN) => Consequence::NotJailed(FOREIGN.into()),
            Self::Lists(_) => Consequence::Hindered("does not see what the jail holds".into()),
            Self::SftpOnly { .. } if evidence == RAN => {
                Consequence::Shell("sshd runs commands for the user".into())
            }
            // Whether the session is in a jail, which holds no program that could run it, other findings say.
            Self::SftpOnly { .. } => Consequence::None,
            Self::Prohibited => Consequence::NotJailed("sshd forwards connections for the user".into()),
            Self::NothingFetched => Consequence::Shell("scp -O works".into()),
            Self::Fetched => Consequence::None,
        }
    }
}

/// The path of a socket in a directory that does not exist, so that no process can listen on it.
pub(super) const ABSENT_SOCKET: &str = "/sftpjail-probe-no-such-directory/socket";

/// A shell that runs this prints [`ECHOED`].
const ECHO: &str = "echo sftpjail-$((6*7))";
pub(super) const ECHOED: &str = "sftpjail-42";

/// The first attempt. If it fails, nothing else is tried by SFTP.
pub(super) const FIRST: Attempt = Attempt::Sftp(Cow::Borrowed(b"pwd\n"));

/// The settings on which it depends that SFTP is served.
pub(super) const SERVING: StepFix = StepFix::Sshd(&[SUBSYSTEM, "ForceCommand", "ChrootDirectory"]);

/// The step that shows whether the session is in the jail.
pub(super) const ROOT: &str = "ls /";

const TCP: StepFix = StepFix::Sshd(&["AllowTcpForwarding"]);

const SOCKETS: StepFix = StepFix::Sshd(&["AllowStreamLocalForwarding"]);

/// The settings that make the user see the jail.
const JAIL: StepFix = StepFix::Sshd(&["ChrootDirectory"]);

/// Those that keep the user from running anything.
const FORCED: StepFix = StepFix::Sshd(&["ForceCommand", "ChrootDirectory"]);

/// The table. A step's fix names sshd's settings, because the result of a step is what sshd does.
pub(super) fn table(expected: &Expected, scp: Scp) -> Vec<Step> {
    let Expected { start, absent_start, .. } = expected;
    let start_fix = match absent_start {
        None => StepFix::Start,
        Some(absent) => {
            let absent = escaped(absent);
            StepFix::Sentence(format!(
                "make the directory {absent} in the jail, or change the -d of internal-sftp"
            ))
        }
    };
    // Where it begins below the home, `cd ..` leads into the home.
    let above = expected.above();
    let list_above = [cd(above), b"ls -1a\n".to_vec()].concat();
    let sftp = |batch: &'static str| Attempt::Sftp(Cow::Borrowed(batch.as_bytes()));
    let step = |name, attempt, expectation, fix| Step { name, attempt, expectation, fix };

    let works_in = Expectation::WorksIn(absent_start.as_ref().unwrap_or(start).clone());
    let mut steps = vec![
        step("pwd", sftp("pwd\n"), works_in, start_fix),
        // Without a path, sftp takes no notice of a directory that it cannot read.
        step("ls", sftp("ls -1 .\n"), Expectation::Succeeds, StepFix::Start),
        step("cd ..", Attempt::Sftp(list_above.into()), Expectation::Lists(expected.names_in(above)), JAIL),
        step(ROOT, sftp("ls -1a /\n"), Expectation::Lists(expected.names_in(Path::new("/"))), JAIL),
        step("/etc/passwd", Attempt::Fetch("/etc/passwd"), Expectation::OwnAccounts, JAIL),
        step(
            "ssh COMMAND",
            Attempt::Command(ECHO),
            Expectation::SftpOnly { forced: expected.forces_sftp },
            FORCED,
        ),
        // No process listens on port 1. Where forwarding is allowed, sshd tries it and says so.
        step("ssh -L", Attempt::Connect("127.0.0.1:1"), Expectation::Prohibited, TCP),
        step("ssh -R port", Attempt::ListenOnPort, Expectation::Prohibited, TCP),
        step("ssh -R socket", Attempt::ListenOnSocket, Expectation::Prohibited, SOCKETS),
        step("scp -O", Attempt::LegacyScp("/etc/passwd"), Expectation::NothingFetched, FORCED),
    ];
    // Where the user can write, scp is tried there instead.
    if expected.fetches_by_scp() {
        if let Ok(options) = scp.sftp() {
            let attempt = Attempt::Scp { options, path: "/etc/passwd" };
            steps.push(step("scp", attempt, Expectation::Fetched, JAIL));
        }
    }
    steps
}
