//! Says how the probe's own sshd stands to the one that runs: it has its file, its options and its mounts, and not what else
//! restricts it.

use super::connection::Tools;
use super::report::Report;
use crate::host::selinux::{self, Context};
use crate::report::{Consequence, Finding};
use pam_sftpjail::confinement::Part;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};

const CHECK: &str = "sshd";

/// Adds what is to be said of the running sshd, if anything. `user`: the one who is probed.
pub(super) fn examine(report: &mut Report, tools: &Tools<'_>, user: &str) {
    let Some(running) = tools.running() else { return };
    let has_mounts = tools.mounts().is_some();
    if has_mounts {
        let evidence = format!("with the mounts of {}, which are not this program's", running.name());
        report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
    }
    let settings: Vec<_> =
        running.settings().map(|value| format!("-o {}", value.to_string_lossy())).collect();
    if !settings.is_empty() {
        let evidence = format!("with the options of {}: {}", running.name(), escaped(&settings.join(" ")));
        report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
    }
    let parts = running.confined.iter().filter(|part| **part != Part::Mounts || !has_mounts);
    let parts = parts.map(|part| match part {
        Part::Mounts => "it has mounts of its own".to_owned(),
        Part::Capabilities => "it lacks capabilities".to_owned(),
        Part::Filters => "seccomp filters or no_new_privs restrict it".to_owned(),
        Part::Profile => "a profile of AppArmor confines it".to_owned(),
    });
    // SELinux leaves an sshd that root's shell starts in the domain of that shell.
    let domain = selinux::mode().and_then(|_| Context::of_process(running.pid).ok());
    let domain = domain.map(|context| format!("it runs in the domain {} of SELinux", context.type_name()));
    let parts: Vec<_> = parts.chain(domain).collect();
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
