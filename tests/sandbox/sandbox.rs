//! The sandbox's life: made, entered, ended.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use crate::Namespace;
use crate::base::Base;
use crate::machine::{artifact, downloaded, require};
use crate::output::{Output, run};
use crate::process::{Daemon, PATH, entering};
use crate::script::script;

/// systemd does not run in a sandbox, but sftpjail checks its files.
const USER_MANAGER: &str = include_str!("../../systemd/50-sftpjail.conf");

/// A machine for one test, see the crate. Dropping it ends every process and mount in it.
pub struct Sandbox {
    /// Its child is PID 1 inside. Closing its stdin ends the sandbox.
    starter: Child,
    outer_pid: u32,
    /// Is there a `Match Group sftp` in sshd_config?
    pub(crate) jailed: bool,
    pub(crate) namespace: Namespace,
    pub(crate) sshd: Mutex<Option<Daemon>>,
    pub(crate) syslog: Mutex<Option<Daemon>>,
}

impl Sandbox {
    /// A machine on which sftpjail is set up as its README says: group `sftp`, the PAM lines of
    /// `pam.d/sshd`, the `Match Group sftp` block, the drop-in of user@.service. rsyslogd runs, sshd starts when it is
    /// needed. Panics with one sentence if the machine lacks something.
    #[must_use]
    pub fn new() -> Sandbox {
        let sandbox = Sandbox::start(true);
        sandbox.add_members_group();
        sandbox.make_directory(Path::new("/etc/systemd/system/user@.service.d"), 0, 0, 0o755);
        sandbox.write("/etc/systemd/system/user@.service.d/50-sftpjail.conf", USER_MANAGER);
        sandbox
    }

    /// The same, with the jails in `namespace`. For [`Namespace::Private`] there is no configuration.
    #[must_use]
    pub fn in_namespace(namespace: Namespace) -> Sandbox {
        let mut sandbox = Sandbox::new();
        sandbox.namespace = namespace;
        if namespace == Namespace::Host {
            sandbox.configure("");
        }
        sandbox
    }

    /// A machine as Debian installs it. The module and the program are there, and nothing uses them.
    #[must_use]
    pub fn stock() -> Sandbox {
        Sandbox::start(false)
    }

    fn start(jailed: bool) -> Sandbox {
        require();
        // Every process inside inherits it, and it must not depend on who runs the tests.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        let mut starter = Command::new(artifact("sandbox-init"))
            .args(Base::get().paths())
            .env_clear()
            .env("PATH", PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sandbox-init");

        let mut line = String::new();
        let mut stdout = BufReader::new(starter.stdout.take().expect("stdout is piped"));
        let _ = stdout.read_line(&mut line);
        let Some(pid) = line.strip_prefix("ready ").and_then(|pid| pid.trim().parse().ok()) else {
            let mut reason = String::new();
            let _ = starter.stderr.take().expect("stderr is piped").read_to_string(&mut reason);
            let _ = starter.wait();
            panic!("this machine cannot hold a sandbox: {}", reason.trim());
        };
        let sandbox = Sandbox {
            starter,
            outer_pid: pid,
            jailed,
            namespace: Namespace::Private,
            sshd: Mutex::default(),
            syslog: Mutex::default(),
        };
        sandbox.write_stock_files();
        sandbox.start_syslog();
        sandbox.set_up_sshd();
        sandbox.set_up_client();
        sandbox
    }

    /// As `groupadd --system sftp` does, which runs once in each test process.
    fn add_members_group(&self) {
        static ADDED: OnceLock<[Vec<u8>; 4]> = OnceLock::new();
        let paths = ["/etc/group", "/etc/gshadow", "/etc/group-", "/etc/gshadow-"];
        let added = ADDED.get_or_init(|| {
            self.sh("groupadd --system sftp");
            paths.map(|path| self.read(path))
        });
        for (path, content) in paths.into_iter().zip(added) {
            self.write(path, content);
        }
    }

    /// Unpacks a package that `make deps` has only downloaded, without running its scripts; gives its version.
    #[track_caller]
    pub fn unpack(&self, package: &str) -> String {
        let archive = downloaded(package)
            .unwrap_or_else(|| panic!("the package {package} is not downloaded: run `make deps` first"));
        self.install(&archive, "/tmp/package.deb", 0o644);
        let said = self
            .sh("dpkg-deb --fsys-tarfile /tmp/package.deb | tar -x -C / --keep-directory-symlink; ldconfig
            dpkg-deb --field /tmp/package.deb Version; rm /tmp/package.deb");
        said.stdout.trim().to_owned()
    }

    /// PID 1 of the sandbox, as the real machine counts.
    #[must_use]
    pub fn outer_pid(&self) -> u32 {
        self.outer_pid
    }

    /// Names further groups in the drop-in of user@.service, as `sftpjail setup` does for a configuration
    /// that has them.
    pub fn name_in_drop_in(&self, groups: &str) {
        self.sh(&format!(
            "sed -i 's/config.toml sftp/& {groups}/' /etc/systemd/system/user@.service.d/50-sftpjail.conf"
        ));
    }

    /// A command that runs as root inside, in `/`, without supplementary groups, and with an environment of
    /// PATH, HOME and LANG only.
    /// For live processes; [`end`](crate::end) kills one.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        entering(self.outer_pid, "mnt,pid,net,ipc,uts", program)
    }

    /// Runs a root shell (`sh -ec`) inside. Panics with script and output if it fails. `not COMMAND` fails if the
    /// command does not.
    #[track_caller]
    pub fn sh(&self, script: &str) -> Output {
        self.try_sh(script).ok()
    }

    /// Like [`Sandbox::sh`], but a failure is the caller's.
    #[track_caller]
    pub fn try_sh(&self, script: &str) -> Output {
        self.script(script, &[] as &[&str], b"")
    }

    /// Runs a fixed script with `args` as `$1`…: the way for names and paths with odd bytes.
    #[track_caller]
    pub fn script(&self, text: &str, args: &[impl AsRef<OsStr>], input: &[u8]) -> Output {
        let mut command = self.command("sh");
        command.args(["-ec", &script(text), "sh"]).args(args);
        run(command, text, input)
    }
}

impl Default for Sandbox {
    fn default() -> Sandbox {
        Sandbox::new()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            // The last lines say why; a test may have logged thousands.
            let end = &lines[lines.len().saturating_sub(40)..];
            eprintln!("-- end of the sandbox's log\n{}\n--", end.join("\n"));
        }
        // PID 1 reads EOF and exits; the kernel ends the rest before the starter returns.
        drop(self.starter.stdin.take());
        let _ = self.starter.wait();
        for daemon in [&self.sshd, &self.syslog] {
            // A test that panicked may have poisoned it.
            let mut daemon = daemon.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(daemon) = daemon.take() {
                daemon.reap();
            }
        }
    }
}
