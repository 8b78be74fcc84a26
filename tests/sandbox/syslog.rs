//! The real rsyslogd with Debian's configuration.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::Sandbox;
use crate::process::wait_until;

/// The file that an administrator installs.
const DROP_IN: &str = include_str!("../../rsyslog.d/sftpjail.conf");

impl Sandbox {
    /// Installs `rsyslog.d/sftpjail.conf` as the README says, and restarts rsyslogd.
    #[track_caller]
    pub fn install_log_drop_in(&self) {
        self.write("/etc/rsyslog.d/10-sftpjail.conf", DROP_IN);
        self.restart_syslog();
    }

    /// Ends rsyslogd and starts it again, with new sockets.
    #[track_caller]
    pub fn restart_syslog(&self) {
        self.stop_syslog();
        self.start_syslog();
    }

    /// Starts rsyslogd, which [`Sandbox::new`] does too. Panics if it does not start.
    #[track_caller]
    pub fn start_syslog(&self) {
        let mut slot = self.syslog.lock().unwrap();
        assert!(slot.is_none(), "rsyslogd runs already");
        // It would read the real machine's kernel log. A copy, so that /etc stays as packages have it.
        let config: String = self
            .read_text("/etc/rsyslog.conf")
            .lines()
            .filter(|line| !line.contains("imklog"))
            .map(|line| format!("{line}\n"))
            .collect();
        self.write("/run/rsyslog.conf", config);
        let mut command = self.command("/usr/sbin/rsyslogd");
        command.args(["-n", "-f", "/run/rsyslog.conf"]);
        *slot = Some(self.start_daemon(command, "rsyslogd", "/run/rsyslogd.pid"));
        // With a journald, /dev/log is a symlink to its socket, and rsyslogd listens where that passes entries on.
        let has_journald = self.is_link("/dev/log");
        let mut sockets = vec![if has_journald { "/run/systemd/journal/syslog" } else { "/dev/log" }];
        if self.try_read("/etc/rsyslog.d/10-sftpjail.conf").is_ok() {
            sockets.push("/run/sftpjail-dev/log");
        }
        for socket in sockets {
            // A connection, since a killed rsyslogd leaves its sockets behind.
            let path = format!("/proc/{}/root{socket}", self.outer_pid());
            let listens = wait_until(Duration::from_secs(10), || {
                UnixDatagram::unbound().and_then(|probe| probe.connect(&path)).ok()
            });
            assert!(listens.is_some(), "rsyslogd does not listen on {socket}");
        }
    }

    /// Ends rsyslogd and removes /dev/log: a machine without a log. Panics if it does not run.
    #[track_caller]
    pub fn stop_syslog(&self) {
        self.end_syslog("TERM");
        self.remove("/dev/log");
    }

    /// Ends rsyslogd with a signal (`"KILL"`), and leaves what it leaves. Panics if it does not run.
    #[track_caller]
    pub fn end_syslog(&self, signal: &str) {
        let daemon = self.syslog.lock().unwrap().take().expect("rsyslogd does not run");
        self.kill(daemon.pid, signal);
        daemon.reap();
    }

    /// Everything logged so far: auth.log, syslog, then sftp.log. Empty where nothing was.
    pub fn log(&self) -> String {
        ["/var/log/auth.log", "/var/log/syslog", "/var/log/sftp.log"]
            .iter()
            .filter_map(|path| self.try_read(path).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }

    /// The log's lines that contain `needle`, as of now.
    pub fn log_lines(&self, needle: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(needle)).map(str::to_owned).collect()
    }

    /// The first line of the log that contains `needle`; waits up to 10 s, panics with the whole log.
    #[track_caller]
    pub fn wait_for_log(&self, needle: &str) -> String {
        let line = wait_until(Duration::from_secs(10), || self.log_lines(needle).into_iter().next());
        line.unwrap_or_else(|| panic!("no {needle:?} in the log:\n{}", self.log()))
    }
}
