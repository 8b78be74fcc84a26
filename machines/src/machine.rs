//! Boots a container, runs commands in it, and ends it.

use crate::root::Suite;
use crate::system::System;
use sandbox::{PATH, artifact, entering, wait_until};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SCRIPT: &str = include_str!("boot.sh");

/// A container: see the crate. Dropping it ends the system.
pub struct Machine {
    suite: Suite,
    /// `unshare`, whose child runs `boot.sh`. When its stdin ends, the machine ends.
    unshare: Child,
    /// The pid of its systemd on the host.
    init: u32,
}

impl Machine {
    /// Boots a machine in which `make install` has run and `sftpjail setup` has not. Root has a key for logins at
    /// 127.0.0.1. Panics with the console's text if it does not boot.
    #[must_use]
    pub fn boot(suite: &Suite) -> Self {
        let built = artifact("libpam_sftpjail.so");
        Self::start(suite, built.parent().expect("a directory"))
    }

    /// Boots a machine as Debian made it, with nothing of ours; the rest as [`Machine::boot`].
    #[must_use]
    pub fn stock(suite: &Suite) -> Self {
        Self::start(suite, Path::new(""))
    }

    /// `built`: the directory with the files to install, or nothing.
    fn start(suite: &Suite, built: &Path) -> Self {
        assert!(rustix::process::geteuid().is_root(), "a machine needs root: run this with sudo");
        let root = suite.root();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--propagation", "private", "--fork", "--kill-child"]);
        command.args(["sh", "-c", SCRIPT, "sh"]);
        command.arg(root).arg(built).arg(source);
        let unshare = command.env_clear().env("PATH", PATH).stdin(Stdio::piped()).spawn();
        let unshare = unshare.expect("unshare, of util-linux");
        let mut machine = Self { suite: suite.clone(), unshare, init: 0 };
        machine.wait_for_boot();
        machine.make_keys();
        machine
    }

    /// Waits until a systemd other than the last one runs, and has started everything.
    fn wait_for_boot(&mut self) {
        let last = self.init;
        let init = wait_until(self.patience(), || match self.unshare.try_wait() {
            Ok(None) => init_below(self.unshare.id()).filter(|init| *init != last).map(Some),
            _ => Some(None),
        });
        self.init = init.flatten().unwrap_or_else(|| panic!("systemd does not start:\n{}", self.console()));
        self.wait_until_up();
    }
}

impl System for Machine {
    fn name(&self) -> String {
        format!("{}, container", self.suite.name())
    }

    fn command(&self, program: &OsStr) -> Command {
        entering(self.init, "mnt,pid,net,ipc,uts,cgroup,root", program)
    }

    fn reboot(&mut self) {
        self.sh("systemctl reboot");
        self.wait_for_boot();
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn console(&self) -> String {
        // The file is in the mount namespace of the script.
        let script = children(self.unshare.id()).into_iter().next();
        let text = script.and_then(|pid| fs::read(format!("/proc/{pid}/root/run/console")).ok());
        String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()
    }
}

/// The pid on the host of the first systemd below a process: the container's PID 1.
fn init_below(pid: u32) -> Option<u32> {
    children(pid).into_iter().find_map(|child| {
        let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        if name == "systemd\n" { Some(child) } else { init_below(child) }
    })
}

/// The children of a process; none if it has ended.
fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() && self.init != 0 {
            let log = self.try_sh("journalctl --no-pager --lines 60 || true").stdout;
            eprintln!("-- end of the machine's journal\n{log}\n--");
        }
        // The script reads EOF.
        drop(self.unshare.stdin.take());
        let _ = self.unshare.wait();
    }
}
