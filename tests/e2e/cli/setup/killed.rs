//! SIGKILL at every step, with `make exhaustive`: others can still log in, and the next run undoes what was begun.

use super::{NOTHING, assert_same, etc};
use sandbox::{Sandbox, one_moment_in};

/// A machine with sshd and joe, who is not a member; /etc before setup, and after it.
pub(super) struct Machine {
    pub(super) sb: Sandbox,
    pub(super) before: String,
    pub(super) complete: String,
    /// What happens right after a kill, and what must hold then.
    after_kill: fn(&Self, call: &str),
}

impl Machine {
    fn new() -> Self {
        Self::with(|_| {}, |_, _| {})
    }

    pub(super) fn with(prepare: fn(&Sandbox), after_kill: fn(&Self, &str)) -> Self {
        let sb = Sandbox::stock();
        sb.user("joe").add();
        prepare(&sb);
        sb.sshd();
        let before = etc(&sb);
        sb.sh("sftpjail setup --yes");
        let complete = etc(&sb);
        sb.sh("sftpjail setup --undo --yes");
        Self { sb, before, complete, after_kill }
    }

    /// Runs `sftpjail setup OPTION` and kills it at the nth `call`. False: it makes fewer calls.
    fn kill(&self, option: &str, call: &str, nth: usize) -> bool {
        let strace = format!("strace -qqo /dev/null -e trace={call} -e inject={call}:signal=KILL:when={nth}");
        let out = self.sb.try_sh(&format!("{strace} sftpjail setup {option}"));
        assert!(out.code == Some(0) || out.stderr == "Killed\n", "{call} {nth}: {out}");
        out.code != Some(0)
    }

    pub(super) fn others_log_in(&self) {
        self.sb.sh("sshd -t");
        self.sb.sftp("joe", "ls /etc/ssh\n").ok();
    }

    fn is_as_before(&self) {
        // What a power cut has left of groupadd, which removes it at its next run.
        assert_same(&self.before, &etc(&self.sb), &["./gshadow+", "./gshadow.lock"]);
        self.sb.sh("not test -e /jail; not test -e /var/lib/sftpjail");
    }

    fn is_complete(&self) {
        let without_times = |text: &str| -> String {
            let cut = |line: &str| match line.split(' ').collect::<Vec<_>>().as_slice() {
                [path, mode, uid, gid, _] => format!("{path} {mode} {uid} {gid}\n"),
                _ => format!("{line}\n"),
            };
            text.lines().map(cut).collect()
        };
        assert_same(&without_times(&self.complete), &without_times(&etc(&self.sb)), &[]);
    }

    /// Kills it at each of these calls. Afterwards, every other time, setup is run again; then it is undone.
    pub(super) fn survives(&self, option: &str, call: &str) {
        let sb = &self.sb;
        let mut nth = 1;
        loop {
            if option.starts_with("--undo") {
                sb.sh("sftpjail setup --yes");
            }
            if !self.kill(option, call, nth) {
                break;
            }
            (self.after_kill)(self, call);
            if nth % 4 == 1 {
                self.others_log_in();
            }
            if nth % 2 == 1 {
                sb.sh("sftpjail setup --yes");
                self.is_complete();
                let again = sb.sh("sftpjail setup --yes");
                assert_eq!(again.stdout, NOTHING, "{call} {nth}");
            }
            sb.sh("sftpjail setup --undo --yes");
            self.is_as_before();
            nth += one_moment_in();
        }
        assert!(nth > 1, "{call} is never made");
        sb.sh("sftpjail setup --undo --yes");
        self.is_as_before();
    }
}

#[test]
fn killed_at_each_rename() {
    Machine::new().survives("--yes", "rename");
}

#[test]
fn killed_at_each_fsync() {
    Machine::new().survives("--yes", "fsync");
}

#[test]
fn killed_at_each_new_directory_removal_and_signal() {
    let machine = Machine::new();
    machine.survives("--yes", "mkdir");
    machine.survives("--yes", "pidfd_send_signal");
    machine.survives("--yes", "unlink");
}

#[test]
fn killed_at_each_step_of_undo() {
    let machine = Machine::new();
    for call in ["rename", "unlink", "rmdir", "pidfd_send_signal", "fsync"] {
        machine.survives("--undo --yes", call);
    }
}

#[test]
fn an_error_of_any_call_restores_everything() {
    let machine = Machine::new();
    let sb = &machine.sb;
    for call in ["rename", "fsync", "mkdir", "pidfd_send_signal", "unlink", "fchown", "fchmod"] {
        let mut nth = 1;
        loop {
            let strace =
                format!("strace -qqo /dev/null -e trace={call} -e inject={call}:error=EIO:when={nth}");
            let out = sb.try_sh(&format!("{strace} sftpjail setup --yes"));
            if out.code == Some(0) {
                break;
            }
            assert!(out.stderr.starts_with("sftpjail: "), "{call} {nth}: {out}");
            assert!(out.stderr.contains("Input/output error") || out.stderr.contains("I/O error"), "{out}");
            // The error may have come while setup restored the files.
            if out.stderr.contains("as it was before") || !out.stderr.contains("could be restored") {
                assert_same(&machine.before, &etc(sb), &[]);
            }
            sb.sh("sftpjail setup --undo --yes");
            machine.is_as_before();
            nth += one_moment_in();
        }
        assert!(nth > 1, "{call} is never made");
        sb.sh("sftpjail setup --undo --yes");
        machine.is_as_before();
    }
}

#[test]
fn a_connection_that_breaks_half_way_does_not_stop_it() {
    let machine = Machine::new();
    for signal in ["HUP", "INT", "TERM"] {
        let strace =
            format!("strace -qqo /dev/null -e trace=rename -e inject=rename:signal={signal}:when=15");
        machine.sb.sh(&format!("{strace} sftpjail setup --yes"));
        machine.is_complete();
        machine.sb.sh("sftpjail setup --undo --yes");
        machine.is_as_before();
    }
}
