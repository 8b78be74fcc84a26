//! One login through the system's sshd, and the connection that all steps share.

use super::Request;
use super::client::{Scp, command, program};
use super::complaint::complaint;
use super::limit_watch::LimitWatch;
use super::mounts::Mounts;
use super::scratch_directory::ScratchDirectory;
use super::templates;
use crate::host::child::is_ready_by;
use crate::host::process::{Output, run, until, wait};
use crate::host::sshd::connections::Connection as LoginTo;
use crate::host::sshd::daemon::Daemon;
use crate::host::systemd;
use crate::report::error::errno;
use pam_sftpjail::escape::{escaped, one_line};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than sshd takes to end a session.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a login may take.
pub(super) const LOGIN: Duration = Duration::from_secs(20);

/// The files of the scratch directory that have the pid of sshd's monitor, and of the shell that starts it.
const PID: &str = "pid";
const SHELL: &str = "shell";

/// The programs, and the files that they need.
pub(super) struct Tools<'w> {
    scratch: &'w ScratchDirectory,
    /// That of the clients.
    config: PathBuf,
    /// The sshd, with its configuration, which includes the system's.
    daemon: Daemon,
    /// The system's.
    system: Daemon,
    mounts: Option<Mounts>,
    pub(super) scp: Scp,
}

/// Why there is no connection.
pub(super) enum ConnectError {
    /// sshd or a client cannot be started. The login was not refused.
    Unable(io::Error),
    /// After [`LOGIN`], sshd had neither let the user in nor refused it.
    Unanswered,
    /// The login was refused.
    Refused {
        /// What the client and sshd said.
        message: String,
        /// The fewest open files that sshd's monitor was allowed, as far as that was seen.
        descriptors: Option<u64>,
    },
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Unable(error)
    }
}

impl<'w> Tools<'w> {
    /// Makes a one-time key and writes the configurations. `daemon`: the system's sshd.
    pub(super) fn prepare(
        scratch: &'w ScratchDirectory,
        request: &Request<'_>,
        daemon: Daemon,
    ) -> io::Result<Self> {
        let main_file = daemon.main_file();
        // sshd takes a missing included file for an empty one.
        fs::metadata(main_file).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {}", escaped(main_file), errno(&error)))
        })?;
        let key = scratch.path("key");
        let mut keygen = command(program("ssh-keygen")?);
        keygen.args(["-q", "-t", templates::KEY_TYPE, "-N", "", "-C", "sftpjail-probe", "-f"]).arg(&key);
        let output = run(keygen, b"")?;
        if !output.success {
            return Err(io::Error::other(format!("ssh-keygen made no key: {}", complaint(&output))));
        }
        scratch.authorize(&scratch.read("key.pub"))?;
        // Where sshd does not answer, its test below says why.
        let global = daemon.ask("root", &LoginTo::plain(0, false, "22")).ok().unwrap_or_default();
        let own = templates::own_settings(&scratch.authorized_keys(), templates::algorithms(&global));
        let own = scratch.write("own_settings", own)?;
        let server = scratch.write("sshd_config", templates::sshd_config(&own, main_file))?;
        let scope = systemd::scope().unwrap_or_default();
        let options = templates::options(daemon.started_with());
        let system = daemon;
        let daemon = system.with(&server, options);
        let config = templates::ssh_config(request.user, &key, &scratch.path("control"));
        let config = scratch.write("ssh_config", config)?;

        let output =
            daemon.run(daemon.arguments(&["-t"])).map_err(|error| io::Error::other(error.to_string()))?;
        if !output.success {
            return Err(io::Error::other(format!("sshd does not start: {}", output.words)));
        }
        // The path of this process, which a shell has to find.
        let own = format!("/proc/{}/exe", std::process::id());
        let serve = daemon.words(Path::new(&own), &daemon.arguments(&["-i"]));
        let pids = [scratch.path(SHELL), scratch.path(PID)];
        let mounts = system.running().next().and_then(Mounts::of);
        let enter = mounts.as_ref().map(Mounts::enter).unwrap_or_default();
        scratch.write("serve", templates::serve(&format!("{scope}{enter}"), &serve, &pids))?;
        scratch.write("serve_inside", templates::serve(&scope, &serve, &pids))?;
        Ok(Self { scratch, config, daemon, system, mounts, scp: Scp::installed()? })
    }

    /// The probe's sshd.
    pub(super) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// The mounts of the running sshd, which the probe's has, where they are not those of this program.
    pub(super) fn mounts(&self) -> Option<&Mounts> {
        self.mounts.as_ref()
    }

    /// The sshd with the system's configuration, whose options the probe's has.
    pub(super) fn system(&self) -> &Daemon {
        &self.system
    }

    pub(super) fn scratch(&self) -> &ScratchDirectory {
        self.scratch
    }

    /// The command of `ssh`, `sftp` or `scp` on the connection.
    pub(super) fn client(&self, name: &str) -> io::Result<Command> {
        let mut command = command("/bin/sh");
        command.args(["-c", &templates::limited(), "sh"]).arg(program(name)?).arg("-F").arg(&self.config);
        Ok(command)
    }

    /// The script of [`templates::keep`].
    pub(super) fn keep(&self, files: [&Path; 4]) -> io::Result<String> {
        Ok(templates::keep(&program("sftp")?, &self.config, files))
    }

    /// The configuration of the clients.
    pub(super) fn client_config(&self) -> &Path {
        &self.config
    }

    /// The monitor of the sshd that was started last.
    pub(super) fn server(&self) -> Option<u32> {
        self.scratch.read(PID).trim().parse().ok()
    }

    /// Waits for a while until that process has ended, and the shell that has started it. Gives whether they have. A zombie
    /// has ended: in a container, PID 1 may never ask for its exit status.
    pub(super) fn has_gone(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        let has_ended = |file: &str| {
            let pid = self.scratch.read(file).trim().parse().ok().and_then(Pid::from_raw);
            match pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
                None | Some(Err(Errno::SRCH)) => true,
                Some(Ok(process)) => is_ready_by(process, until),
                Some(Err(_)) => false,
            }
        };
        has_ended(PID) && has_ended(SHELL)
    }
}

/// A connection. Dropping it ends it.
pub(super) struct Connection<'w> {
    pub(super) tools: &'w Tools<'w>,
    holder: Child,
    /// The pid of sshd's monitor.
    pub(super) server: u32,
    /// The fewest open files that sshd's monitor was allowed, as far as that was seen.
    pub(super) descriptors: Option<u64>,
    /// The time from the start of the client to the first answer.
    pub(super) login: Duration,
}

impl<'w> Connection<'w> {
    /// Logs in.
    pub(super) fn open(tools: &'w Tools<'w>) -> Result<Self, ConnectError> {
        let scratch = tools.scratch;
        let (said, rest) = (scratch.path("said"), scratch.path("rest"));
        let (master, serve) = (scratch.path("master"), scratch.path("serve"));
        let hold = templates::hold(&program("ssh")?, &tools.config, [&serve, &said, &master, &rest]);
        let hold = scratch.write("hold", hold)?;
        let start = Instant::now();
        let mut holder = command("/bin/sh");
        holder.arg(hold).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let holder = holder.spawn()?;
        let mut connection = Self { tools, holder, server: 0, descriptors: None, login: Duration::ZERO };
        let control = connection.tools.scratch.path("control");
        let watch = LimitWatch::begin(scratch.path(PID));
        let open = until(LOGIN, || {
            if control.exists() {
                return Some(true);
            }
            connection.has_ended().then_some(false)
        });
        connection.server = tools.server().unwrap_or(0);
        let is_served = open == Some(true) && connection.is_served(start)?;
        connection.descriptors = watch.end();
        if is_served {
            return Ok(connection);
        }
        if open.is_none() {
            return Err(ConnectError::Unanswered);
        }
        let (message, descriptors) = (connection.last_message(), connection.descriptors);
        Err(ConnectError::Refused { message, descriptors })
    }

    /// Whether there is a session: sshd opens it only after it has told the client that the login succeeded.
    fn is_served(&mut self, start: Instant) -> io::Result<bool> {
        let output = self.run("sftp", ["-b", "-", "probe"], b"pwd\n")?;
        self.login = start.elapsed();
        let ended = || until(Duration::from_secs(1), || self.has_ended().then_some(()));
        Ok(output.success || ended().is_none())
    }

    /// Whether the client that holds the connection has ended.
    fn has_ended(&self) -> bool {
        let pid = self.tools.scratch.read("master");
        let pid = pid.trim();
        // A zombie has no executable.
        !pid.is_empty() && fs::read_link(format!("/proc/{pid}/exe")).is_err()
    }

    /// Everything that the client that holds the connection has printed, its debugging included.
    pub(super) fn said(&self) -> String {
        self.tools.scratch.read("said")
    }

    /// The same for people: the last lines, without the debugging.
    fn last_message(&self) -> String {
        let said = self.said();
        let noise = [
            "debug1: ",
            "OpenSSH_",
            "Warning: Permanently added",
            "Authenticated to ",
            "Transferred: ",
            "Bytes per second: ",
        ];
        let lines: Vec<_> = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !noise.iter().any(|noise| line.starts_with(noise)))
            .collect();
        let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
        one_line(&last.join("; "))
    }

    /// Runs a client on the connection.
    pub(super) fn run<A: AsRef<OsStr>>(
        &self,
        name: &str,
        args: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> io::Result<Output> {
        let mut command = self.tools.client(name)?;
        command.args(args);
        run(command, input)
    }

    /// The pipe that keeps the connection open while a process has this end of it.
    pub(super) fn holding(&self) -> io::Result<Stdio> {
        match &self.holder.stdin {
            Some(stdin) => Ok(stdin.as_fd().try_clone_to_owned()?.into()),
            None => Err(io::Error::other("the connection has ended")),
        }
    }

    /// Ends it. Gives whether the client and sshd have ended.
    pub(super) fn end(&mut self) -> bool {
        if self.holder.stdin.take().is_none() {
            return true;
        }
        let client_ended = wait(&mut self.holder, PATIENCE).is_ok_and(|status| status.is_some());
        let sshd_ended = self.tools.has_gone();
        client_ended && sshd_ended
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
