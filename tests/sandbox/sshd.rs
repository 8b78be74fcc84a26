//! The real sshd with Debian's configuration, and the jail's lines.

use rustix::process::Pid;

use crate::Sandbox;
use crate::process::Daemon;

const MATCH_BLOCK: &str = "
Match Group sftp
    ChrootDirectory /jail/%u
    ForceCommand internal-sftp -l INFO
    DisableForwarding yes
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
    AllowAgentForwarding no
    X11Forwarding no
    PermitTunnel no
    PermitTTY no
    PermitUserRC no
    ClientAliveInterval 60
    ClientAliveCountMax 3
";

/// The lines that an administrator adds, with comments.
const PAM_LINES: &str = include_str!("../../pam.d/sshd");

impl Sandbox {
    /// Debian's configuration and, in [`Sandbox::new`], the jail's lines.
    pub(crate) fn set_up_sshd(&self) {
        self.write_sshd_config("");
        if self.jailed {
            let pam = self.read_text("/etc/pam.d/sshd");
            let (first, last): (Vec<_>, Vec<_>) = active_lines().partition(|line| line.ends_with(" close\n"));
            self.write("/etc/pam.d/sshd", [first.concat(), pam, last.concat()].concat());
        }
    }

    /// sshd, started now if it does not run: on port 22, with its configuration; gives its pid.
    /// Panics with what it says if it does not start.
    #[track_caller]
    pub fn sshd(&self) -> i32 {
        let mut slot = self.sshd.lock().unwrap();
        if let Some(daemon) = &*slot {
            return daemon.pid;
        }
        let mut command = self.command("/usr/sbin/sshd");
        // On the command line, so that the file stays what a machine has: many tests log in at once. The probe's sshd has the
        // options of this one, and its client asks for sntrup761, which costs both some 50 ms.
        command.args(["-D", "-o", "MaxStartups=100", "-o", "KexAlgorithms=curve25519-sha256"]);
        command.env_clear().env("PATH", crate::PATH);
        let daemon = self.start_daemon(command, "sshd", "/run/sshd.pid");
        let pid = daemon.pid;
        *slot = Some(daemon);
        pid
    }

    /// Starts sshd with another command line, which must keep it in the foreground. Panics if it
    /// runs already, or with what it says if it does not start.
    #[track_caller]
    pub fn sshd_as(&self, command_line: &str) -> i32 {
        let mut slot = self.sshd.lock().unwrap();
        assert!(slot.is_none(), "sshd runs already");
        let mut words = command_line.split_whitespace();
        let mut command = self.command(words.next().expect("a program"));
        command.args(words).env_clear().env("PATH", crate::PATH);
        let daemon = self.start_daemon(command, "sshd", "/run/sshd.pid");
        let pid = daemon.pid;
        *slot = Some(daemon);
        pid
    }

    /// (Re)starts sshd with further lines at the top of its configuration, where they win over the
    /// stock ones (a `Subsystem` line replaces the stock one). `""` removes them again.
    #[track_caller]
    pub fn sshd_with(&self, lines: &str) -> i32 {
        self.write_sshd_config(lines);
        self.restart_sshd()
    }

    /// Ends the listening sshd, not its sessions, and starts it again; gives its pid.
    #[track_caller]
    pub fn restart_sshd(&self) -> i32 {
        self.stop_sshd();
        self.sshd()
    }

    /// Ends the listening sshd if it runs; sessions live on.
    #[track_caller]
    pub fn stop_sshd(&self) {
        if let Some(daemon) = self.sshd.lock().unwrap().take() {
            self.kill(daemon.pid, "TERM");
            daemon.reap();
        }
    }

    /// What sshd has forked off for each connection, and what those have; none if it does not run. Pids
    /// are those of the real machine, for [`kill_now`](crate::kill_now).
    pub fn connections(&self) -> (Vec<Pid>, Vec<Pid>) {
        self.sshd.lock().unwrap().as_ref().map_or_else(Default::default, Daemon::descendants)
    }

    fn write_sshd_config(&self, lines: &str) {
        let own_subsystem = has_subsystem(lines);
        let stock: String = self
            .read_text("/usr/share/openssh/sshd_config")
            .lines()
            .filter(|line| !(own_subsystem && has_subsystem(line)))
            .map(|line| format!("{line}\n"))
            .collect();
        let block = if self.jailed { MATCH_BLOCK } else { "" };
        self.write("/etc/ssh/sshd_config", format!("{lines}\n{stock}{block}"));
    }
}

fn has_subsystem(lines: &str) -> bool {
    lines.lines().any(|line| line.trim_start().to_ascii_lowercase().starts_with("subsystem"))
}

/// Our lines of the repository's `pam.d/sshd`.
fn active_lines() -> impl Iterator<Item = String> {
    let lines = PAM_LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| format!("{line}\n"))
}
