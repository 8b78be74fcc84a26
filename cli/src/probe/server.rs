//! Says how the probe's own sshd stands to the one that runs: it has its file, its options and its mounts, and not what
//! else restricts it.

use super::connection::Tools;
use super::report::Report;
use super::restricted::Restricted;
use crate::desired::restrictions::{Untried, by_cgroup};
use crate::host::selinux::{self, Context};
use crate::host::sshd::running::{Running, of_login};
use crate::report::{Consequence, Finding, SshdCheck};
use nix::unistd::getpid;
use pam_sftpjail::confinement::Part;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};

const CHECK: SshdCheck = SshdCheck::Answers;

/// The domains of SELinux of an sshd and of the probe's, where they differ: SELinux leaves an sshd that root's shell
/// starts in the domain of that shell.
pub(super) struct Domains {
    running: String,
    own: String,
}

impl Domains {
    fn of(running: &Running) -> Option<Self> {
        selinux::mode()?;
        let of = |pid| Context::of_process(pid).ok().map(|context| context.type_name().to_owned());
        let (running, own) = (of(running.pid)?, of(getpid().as_raw())?);
        (running != own).then_some(Self { running, own })
    }

    /// Those of the sshd that runs with this configuration.
    pub(super) fn of_system(tools: &Tools<'_>) -> Option<Self> {
        Self::of(tools.system().running().next()?)
    }

    /// The evidence where the probe's sshd has refused a login. Policies let PAM open sessions in the domain of the running
    /// one only (default_contexts(5)).
    pub(super) fn doubt(&self, refused: &str) -> String {
        let Self { running, own } = self;
        format!(
            "{refused}; perhaps only because the sshd of this probe runs in the domain {own} of SELinux, and not in {running}"
        )
    }
}

/// Adds what is to be said of the sshd that runs, or that systemd's socket will start, if anything. `user`: the one who
/// is probed.
pub(super) fn examine(report: &mut Report, tools: &Tools<'_>, restricted: Option<Restricted>, user: &str) {
    let system = tools.system();
    let (running, socket) = (system.running().next(), system.socket());
    let has_mounts = tools.mounts().is_some();
    if let Some(unseen) = system.unseen() {
        let evidence =
            format!("{}; the sshd of this probe may have other options and other mounts", unseen.what);
        report.warn(CHECK, evidence, unseen.fix.clone());
    }
    let mut passed = |evidence| report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
    if let Some(running) = running.filter(|_| has_mounts) {
        passed(format!("with the mounts of {}, which are not this program's", running.name()));
    }
    let name =
        running.map(Running::name).or_else(|| socket.map(|socket| escaped(&socket.service).to_string()));
    let settings = of_login(system.started_with()).map(|value| format!("-o {}", value.to_string_lossy()));
    let settings: Vec<_> = settings.collect();
    if let Some(name) = name.filter(|_| !settings.is_empty()) {
        passed(format!("with the options of {name}: {}", escaped(&settings.join(" "))));
    }
    if let Some(running) = running {
        restrictions(report, running, restricted, has_mounts, user);
    } else if let Some(socket) = socket {
        match Untried::of_socket(socket) {
            Ok(None) => {}
            Ok(Some(Untried { evidence, fix })) => report.warn(CHECK, evidence, fix),
            Err(why) => report.warn(CHECK, why.what, why.fix),
        }
    }
}

/// Adds what restricts the running sshd, and what came of a rehearsal with that.
fn restrictions(
    report: &mut Report,
    running: &Running,
    restricted: Option<Restricted>,
    has_mounts: bool,
    user: &str,
) {
    let name = running.name();
    let parts = running.confined.iter().filter(|part| **part != Part::Mounts || !has_mounts);
    let parts = parts.map(|part| match part {
        Part::Mounts => "it has mounts of its own",
        Part::Capabilities => "it lacks capabilities",
        Part::Filters => "seccomp filters or no_new_privs restrict it",
        Part::Profile => "a profile of AppArmor confines it",
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    let less = format!("{name} may do less than the sshd of this probe");
    let look = || Command::new("sftpjail check").arg(Name(user));
    // What is left is no warning: that is so in every container, and in each unit with some hardening.
    match restricted {
        Some(Restricted::Kept(kept)) => {
            report.add(Finding::judged(CHECK, Err(kept.evidence), kept.consequence, kept.fix));
        }
        Some(Restricted::Untried { problem, fix }) => {
            report.warn(
                CHECK,
                format!("{less}, and whether it can build the jail is not known: {problem}"),
                fix,
            );
        }
        Some(Restricted::Builds) if !parts.is_empty() => {
            let evidence = format!("{less} ({parts}), and builds the jail in a rehearsal with that");
            report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
        }
        Some(Restricted::Failed) if !parts.is_empty() => {
            let evidence = format!(
                "{less}, which shows nothing of that: {parts}; to try whether it can build the jail: {}",
                look()
            );
            report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
        }
        Some(Restricted::Builds | Restricted::Failed) | None => {}
    }
    if let Some(Domains { running, .. }) = Domains::of(running) {
        let evidence = format!(
            "{less}, which shows nothing of that: it runs in the domain {running} of SELinux; to try whether it can build the jail: {}",
            look()
        );
        report.add(Finding::judged(CHECK, Ok(evidence), Consequence::None, ""));
    }
    match by_cgroup(running) {
        Ok(settings) if settings.is_empty() => {}
        Ok(settings) => {
            let evidence = format!("{less}, which shows nothing of that: {}", settings.join(" and "));
            report.warn(CHECK, evidence, "log in as a member, too");
        }
        Err(why) => report.warn(CHECK, why.what, why.fix),
    }
}
