//! What a whole system can do, however it is run: [`System`]. It knows neither containers nor guests.

use sandbox::{Output, run_within, script};
use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

/// Options of the clients: they ask nothing and keep nothing.
pub const OPTIONS: &str = "-q -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";

/// A whole system that runs: a container, or a guest of an emulator. Whatever it cannot do itself panics with what it
/// said.
pub trait System {
    /// What it is, for people: "Debian 12, container".
    fn name(&self) -> String;

    /// A command that runs as root inside, in `/`, with an environment of PATH, HOME and LANG only. It is in no session
    /// of logind if the system allows that.
    fn command(&self, program: &OsStr) -> Command;

    /// An orderly reboot, as `systemctl reboot` makes it. Returns once the system is up again.
    fn reboot(&mut self);

    /// The text on its console since it was first booted.
    fn console(&self) -> String;

    /// Whether its processor is emulated, so that it encrypts a megabyte or two in a second.
    fn is_emulated(&self) -> bool {
        false
    }

    /// Longer than a command or a boot takes in it while other tests run.
    fn patience(&self) -> Duration;

    /// Runs a root shell (`sh -ec`) inside. Panics with script and output if it fails. `not COMMAND` fails if the
    /// command does not.
    #[track_caller]
    fn sh(&self, script: &str) -> Output {
        self.try_sh(script).ok()
    }

    /// Like [`System::sh`], but it does not panic if the script fails.
    #[track_caller]
    fn try_sh(&self, script: &str) -> Output {
        self.script(script, b"")
    }

    /// The same with `input` on stdin.
    #[track_caller]
    fn script(&self, text: &str, input: &[u8]) -> Output {
        let mut command = self.command("sh".as_ref());
        command.args(["-ec", &script(text)]);
        run_within(self.patience(), command, text, input)
    }

    /// Waits until a condition of the shell holds, such as `test -e /run/x`. Panics if it does not within
    /// half of [`System::patience`].
    #[track_caller]
    fn wait_for(&self, condition: &str) {
        let seconds = self.patience().as_secs() / 2;
        let loops = format!("end=$(($(date +%s) + {seconds})); while [ $(date +%s) -lt $end ]; do");
        let out = self.try_sh(&format!("{loops} if {condition}; then exit 0; fi; sleep 0.1; done; exit 1"));
        assert_eq!(out.code, Some(0), "not so within {seconds} s: {condition}\n{out}");
    }

    /// Waits until systemd has started everything. Panics if a unit has failed.
    #[track_caller]
    fn wait_until_up(&self) {
        // Before the bus is there, systemctl says that the system is offline.
        let state = sandbox::wait_until(self.patience(), || {
            let state = self.try_sh("systemctl is-system-running --wait 2>/dev/null || true").stdout;
            Some(state).filter(|state| ["running\n", "degraded\n"].contains(&state.as_str()))
        });
        let failed = || self.try_sh("systemctl --failed --no-pager").stdout;
        assert_eq!(state.as_deref(), Some("running\n"), "{}\n{}", failed(), self.console());
    }

    /// Makes root's key, and lets root log in with it.
    #[track_caller]
    fn make_keys(&self) {
        self.sh("install -d -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
            cat /root/.ssh/id_ed25519.pub >>/root/.ssh/authorized_keys");
    }

    /// Adds an account with a home, for which root's key is accepted. `group`: its supplementary group, or "".
    #[track_caller]
    fn user(&self, name: &str, group: &str) {
        let option = if group.is_empty() { String::new() } else { format!("-G {group}") };
        self.sh(&format!("useradd -m -s /bin/sh {option} {name}"));
        self.accept_key(name);
    }

    /// Lets an account log in with root's key, in files with the labels that SELinux wants where it is on.
    #[track_caller]
    fn accept_key(&self, name: &str) {
        self.sh(&format!(
            "install -d -o {name} -g {name} -m 700 /home/{name}/.ssh
             install -o {name} -g {name} -m 600 /root/.ssh/id_ed25519.pub /home/{name}/.ssh/authorized_keys
             not command -v restorecon >/dev/null || restorecon -R /home/{name}"
        ));
    }

    /// Runs `sftp` with this batch.
    #[track_caller]
    fn sftp(&self, user: &str, batch: &str) -> Output {
        self.script(&format!("sftp {OPTIONS} -b - {user}@127.0.0.1"), batch.as_bytes())
    }

    /// Runs `ssh` with this command, which the user's shell reads.
    #[track_caller]
    fn ssh(&self, user: &str, command: &str) -> Output {
        self.script(&format!("ssh {OPTIONS} {user}@127.0.0.1 \"$(cat)\" </dev/null"), command.as_bytes())
    }

    /// The user's processes inside, a line each: pid, cgroup of the unit, command.
    #[track_caller]
    fn processes(&self, user: &str) -> String {
        self.try_sh(&format!("ps -o pid=,unit=,args= -u {user}")).stdout
    }
}
