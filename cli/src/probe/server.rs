//! Says how the probe's own sshd stands to the one that runs: it has its file and its options, and not what restricts it.

use super::report::Report;
use crate::host::sshd::running::Running;
use crate::report::{Consequence, Finding};
use pam_sftpjail::confinement::Part;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};

const CHECK: &str = "sshd";

/// Adds what is to be said of the running sshd, if anything. `user`: the one who is probed.
pub(super) fn examine(report: &mut Report, running: Option<&Running>, user: &str) {
    let Some(running) = running else { return };
    let settings: Vec<_> =
        running.settings().map(|value| format!("-o {}", value.to_string_lossy())).collect();
    if !settings.is_empty() {
        let evidence = format!("with the options of {}: {}", running.name(), escaped(&settings.join(" ")));
        report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
    }
    let parts = running.confined.iter().map(|part| match part {
        Part::Mounts => "it has mounts of its own",
        Part::Capabilities => "it lacks capabilities",
        Part::Filters => "seccomp filters or no_new_privs restrict it",
    });
    let parts: Vec<_> = parts.collect();
    if !parts.is_empty() {
        // No warning: that is so in every container, and in each unit with some hardening.
        let evidence = format!(
            "{} may do less than the sshd of this probe, which shows nothing of that: {}; to try whether it can build the \
             jail: {}",
            running.name(),
            parts.join(", "),
            Command::new("sftpjail check").arg(Name(user))
        );
        report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
    }
}
