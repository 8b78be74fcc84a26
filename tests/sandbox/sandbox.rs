//! The sandbox's life: made, entered, ended.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::Namespace;
use crate::machine::{artifact, downloaded, pam_modules, require};
use crate::output::{Output, run};
use crate::process::{Daemon, PATH, entering};
use crate::script::script;

/// systemd does not run in a sandbox, but sftpjail checks its files.
const USER_MANAGER: &str = include_str!("../../systemd/50-sftpjail.conf");

/// A machine for one test, see the crate. Dropping it ends every process and mount in it.
pub struct Sandbox {
    /// `unshare`, whose child is PID 1 inside. Closing its stdin ends the sandbox.
    unshare: Child,
    outer_pid: u32,
    /// Is there a `Match Group sftp` in sshd_config?
    pub(crate) jailed: bool,
    pub(crate) namespace: Namespace,
    pub(crate) sshd: Mutex<Option<Daemon>>,
    pub(crate) syslog: Mutex<Option<Daemon>>,
}

impl Sandbox {
    /// A machine on which sftpjail is set up as its README says: group `sftp`, the PAM lines of
    /// `pam.d/sshd`, the `Match Group sftp` block, the drop-in of user@.service. rsyslogd runs, sshd starts when it is needed.
    /// Panics with one sentence if the machine lacks something.
    #[must_use]
    pub fn new() -> Sandbox {
        let sandbox = Sandbox::start(true);
        sandbox.sh("groupadd --system sftp; mkdir /etc/systemd/system/user@.service.d");
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
        let mut unshare = Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--ipc", "--uts", "--propagation", "private"])
            .args(["--fork", "--kill-child"])
            .arg(artifact("sandbox-init"))
            .env_clear()
            .env("PATH", PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare, of util-linux");

        let mut line = String::new();
        let mut stdout = BufReader::new(unshare.stdout.take().expect("stdout is piped"));
        let _ = stdout.read_line(&mut line);
        let Some(pid) = line.strip_prefix("ready ").and_then(|pid| pid.trim().parse().ok()) else {
            let mut reason = String::new();
            let _ = unshare.stderr.take().expect("stderr is piped").read_to_string(&mut reason);
            let _ = unshare.wait();
            panic!("this machine cannot hold a sandbox: {}", reason.trim());
        };
        let sandbox = Sandbox {
            unshare,
            outer_pid: pid,
            jailed,
            namespace: Namespace::Private,
            sshd: Mutex::default(),
            syslog: Mutex::default(),
        };
        sandbox.write_stock_files();
        sandbox.install_ours();
        sandbox.start_syslog();
        sandbox.set_up_sshd();
        sandbox.set_up_client();
        sandbox
    }

    /// Copies, not bind mounts: the target directory may lie anywhere, and the mount table stays Debian's.
    fn install_ours(&self) {
        let modules = pam_modules();
        let libraries = modules.parent().expect("security is below lib");
        let pam = modules.join("pam_sftpjail.so");
        self.install(&artifact("libpam_sftpjail.so"), pam, 0o644);
        let nss = libraries.join("libnss_spelling.so.2");
        self.install(&artifact("libnss_spelling.so"), nss, 0o644);
        self.install(&artifact("sftpjail"), "/usr/local/sbin/sftpjail", 0o755);
    }

    /// Unpacks a package that `make deps` has only downloaded, without running its scripts.
    #[track_caller]
    pub fn unpack(&self, package: &str) {
        let archive = downloaded(package)
            .unwrap_or_else(|| panic!("the package {package} is not downloaded: run `make deps` first"));
        self.install(&archive, "/tmp/package.deb", 0o644);
        self.sh("dpkg-deb --fsys-tarfile /tmp/package.deb | tar -x -C / --keep-directory-symlink; rm /tmp/package.deb; ldconfig");
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
        entering(self.outer_pid, &["--mount", "--pid", "--net", "--ipc", "--uts"], program)
    }

    /// Runs a root shell (`sh -ec`) inside. Panics with script and output if it fails. `not COMMAND` fails if the command
    /// does not.
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
        // PID 1 reads EOF and exits; the kernel ends the rest before unshare returns.
        drop(self.unshare.stdin.take());
        let _ = self.unshare.wait();
        for daemon in [&self.sshd, &self.syslog] {
            // A test that panicked may have poisoned it.
            let mut daemon = daemon.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(daemon) = daemon.take() {
                daemon.reap();
            }
        }
    }
}
