//! The real rsyslogd with Debian's configuration.

use std::time::Duration;

use crate::Sandbox;
use crate::process::wait_until;

impl Sandbox {
    /// Starts rsyslogd, which [`Sandbox::new`] does too. Panics if it does not start.
    #[track_caller]
    pub fn start_syslog(&self) {
        let mut slot = self.syslog.lock().unwrap();
        assert!(slot.is_none(), "rsyslogd runs already");
        // The kernel's log belongs to the real machine.
        let config: String = self
            .read_text("/etc/rsyslog.conf")
            .lines()
            .filter(|line| !line.contains("imklog"))
            .map(|line| format!("{line}\n"))
            .collect();
        self.write("/etc/rsyslog.conf", config);
        let mut command = self.command("/usr/sbin/rsyslogd");
        command.arg("-n");
        *slot = Some(self.start_daemon(command, "rsyslogd", "/run/rsyslogd.pid"));
        let listens = wait_until(Duration::from_secs(10), || {
            std::fs::metadata(format!("/proc/{}/root/dev/log", self.outer_pid())).ok()
        });
        assert!(listens.is_some(), "rsyslogd does not listen on /dev/log");
    }

    /// Ends rsyslogd and removes /dev/log: a machine without a log. Panics if it does not run.
    #[track_caller]
    pub fn stop_syslog(&self) {
        let daemon = self.syslog.lock().unwrap().take().expect("rsyslogd does not run");
        self.kill(daemon.pid, "TERM");
        daemon.reap();
        self.sh("rm -f /dev/log");
    }

    /// Everything logged so far: auth.log, then syslog. Empty where nothing was.
    pub fn log(&self) -> String {
        ["/var/log/auth.log", "/var/log/syslog"]
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
