//! Lets the daemons whose files have changed read them again, through systemd or OpenRC where they run, or with a
//! signal.

mod sshd;

use crate::desired::expiry::{TIMER, TIMER_PATH};
use crate::host::{programs, systemd};
use crate::report::Error;
use pam_sftpjail::rsyslog;
pub(super) use sshd::{examine, sshd};
use std::path::Path;

/// Makes systemd read its units again, if it runs. `with_timer`: whether those of `sftpjail expire` have changed: then the
/// timer runs as they are now, and ends with them.
pub(super) fn units(with_timer: bool) -> Result<(), Error> {
    let Some(systemctl) = systemd::control() else { return Ok(()) };
    let fix = "see what `systemctl status` says, and let systemd answer";
    let has_timer = Path::new(TIMER_PATH).exists();
    if with_timer && !has_timer {
        // If systemd has never read them, that is an error.
        let _ = programs::run(&systemctl, ["stop", TIMER]);
    }
    programs::must(&systemctl, ["daemon-reload"], fix)?;
    if with_timer && has_timer {
        programs::must(&systemctl, ["restart", TIMER], fix)?;
    }
    Ok(())
}

/// Restarts rsyslog. Gives the sentence that says how, or that asks the admin to do it.
pub(super) fn rsyslog() -> String {
    let restart =
        |program: &Path, args: &[&str]| programs::run(program, args).is_ok_and(|output| output.success);
    if systemd::control().is_some_and(|systemctl| restart(&systemctl, &["try-restart", "rsyslog"])) {
        return "rsyslog has been restarted (systemctl try-restart rsyslog).".to_owned();
    }
    let rc_service = programs::find("rc-service").filter(|_| Path::new("/run/openrc").is_dir());
    if rc_service.is_some_and(|rc_service| restart(&rc_service, &["--ifstarted", "rsyslog", "restart"])) {
        return "rsyslog has been restarted (rc-service --ifstarted rsyslog restart).".to_owned();
    }
    format!("{}.", rsyslog::restart().explained("Restart rsyslog, so that it reads its files again"))
}
