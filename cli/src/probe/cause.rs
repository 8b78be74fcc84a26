//! Finds out why a login was refused, or why a session serves nothing: by what sshd, the module and other modules of
//! PAM have written, and by what is set for the account.
//!
//! Log entries count only where they come from the processes of the login: see `repetition`. They are shown, and no
//! command is taken from them.

use super::connection::Tools;
use super::repetition::{Repetition, repeat};
use super::sshd_fix::SshdFixes;
use crate::desired::pam::closed::Closed;
use crate::desired::pam::unloadable::{Effect, Unloadable, find};
use crate::desired::reopened;
use crate::host::limits;
use crate::host::pam::nologin;
use crate::host::pam::stack::Stack;
use crate::host::shadow::{Lapse, Shadow, today};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::fix::Fix;
use std::cell::OnceCell;

/// A session needs more open files than this: sshd has some ten of its own, and PAM's modules a few.
const FEW: u64 = 20;

/// The beginning of sshd's message of an error of PAM's.
const ERROR_OF_PAM: &str = "PAM: ";

/// The beginning of libpam's log entry of a module that it cannot load.
const UNLOADABLE: &str = "PAM unable to dlopen(";

/// ENOSPC in the words of libc.
const NO_SPACE: &str = "No space left";

/// EMFILE in the words of libc.
const TOO_MANY: &str = "Too many open files";

/// What is so, and the fix.
pub(super) struct Cause {
    pub(super) evidence: String,
    pub(super) fix: Fix,
}

/// What is known of a login that did not come to a session.
pub(super) struct Facts<'a> {
    /// `None`: it cannot be looked up.
    pub(super) account: Option<&'a Account>,
    /// `None`: it is unknown what the user should find in the jail.
    pub(super) fixes: Option<&'a SshdFixes<'a>>,
    /// For a login that says why, if none has been made yet.
    pub(super) tools: &'a Tools<'a>,
    pub(super) repetition: OnceCell<Repetition>,
    /// The fewest open files that the monitor was allowed.
    pub(super) descriptors: Option<u64>,
    /// The name of its PAM service.
    pub(super) service: &'a str,
}

impl Facts<'_> {
    /// The cause, if it is known.
    pub(super) fn cause(&self) -> Option<Cause> {
        let repetition = self.repetition();
        let entries = &repetition.log;
        let by_module = entries.iter().find_map(|entry| refused_by_module(entry));
        by_module
            .map(|reason| self.of_module(reason))
            .or_else(|| too_many_mounts(repetition.unlogged.as_deref()?))
            .or_else(|| self.few_descriptors(entries))
            .or_else(|| self.without_pam())
            .or_else(|| self.other_chroot())
            .or_else(|| self.expired())
            .or_else(|| self.no_logins())
            .or_else(|| unloadable(self.service, entries))
            .or_else(|| closed(self.service))
            .or_else(|| entries.iter().find_map(|entry| of_another_module(self.service, entry)))
            .or_else(|| repetition.sshd.iter().find_map(|line| of_pam(line)))
    }

    /// What the login says once more.
    pub(super) fn repetition(&self) -> &Repetition {
        self.repetition.get_or_init(|| repeat(self.tools).unwrap_or_default())
    }

    /// A refusal of the module, which examine(…) did not foresee: it depends on the process.
    fn of_module(&self, reason: &str) -> Cause {
        let fix = if reason.contains(TOO_MANY) {
            descriptors_fix()
        } else if let Some(Cause { fix, .. }) = too_many_mounts(reason) {
            fix
        } else {
            "do what the module's log entry says: it has the fix".into()
        };
        Cause { evidence: format!("{} (log entry of pam_sftpjail)", one_line(reason)), fix }
    }

    fn few_descriptors(&self, entries: &[String]) -> Option<Cause> {
        let few = self.descriptors.filter(|most| *most <= FEW);
        let few = few.map(|few| format!("the session may have only {few} files open"));
        let entry = || entries.iter().find(|entry| entry.contains(TOO_MANY)).map(|entry| logged(entry));
        Some(Cause { evidence: few.or_else(entry)?, fix: descriptors_fix() })
    }

    /// sshd looks for the jail where the module does not build it.
    fn other_chroot(&self) -> Option<Cause> {
        let is_about_chroot = self.repetition().sshd.iter().any(|line| line.contains("chroot"));
        let fixes = self.fixes.filter(|_| is_about_chroot)?;
        let jail = fixes.jail();
        let (written, chroot) = fixes.settings.chroot.as_ref()?;
        let fix = fixes.of(&["ChrootDirectory"])?;
        Some(Cause {
            evidence: format!(
                "sshd's ChrootDirectory is {}, so that it looks for the jail at {}, and the module builds it at {}",
                one_line(written),
                escaped(chroot),
                escaped(&jail)
            ),
            fix,
        })
    }

    /// Without PAM, sshd does not ask the module, and refuses accounts with a locked password.
    fn without_pam(&self) -> Option<Cause> {
        let is_of_it = |line: &&String| line.contains("chroot") || line.contains("account is locked");
        let said = self.repetition().sshd.iter().find(is_of_it)?;
        let fixes = self.fixes.filter(|fixes| fixes.settings.value("UsePAM") == Some("no"))?;
        Some(Cause { evidence: format!("{said}; UsePAM is no"), fix: fixes.of(&["UsePAM"])? })
    }

    fn expired(&self) -> Option<Cause> {
        let account = self.account?;
        let lapse = Shadow::of(&account.name).ok()??.lapse(today()).filter(|lapse| lapse.is_refusal())?;
        Some(Cause { evidence: lapse.to_string(), fix: reopened::fix(lapse, account) })
    }

    fn no_logins(&self) -> Option<Cause> {
        self.repetition().sshd.iter().find(|line| line.contains("by PAM account configuration"))?;
        let account = Stack::read(self.service, "account");
        let (file, location) = nologin::in_force(&account)?;
        Some(Cause {
            evidence: format!(
                "{} exists, so PAM lets nobody but root log in (pam_nologin at {location})",
                escaped(&file)
            ),
            fix: "remove that file when the maintenance is over".into(),
        })
    }
}

/// sshd has asked for a new password, which SFTP cannot do. `message`: what the client printed at the login.
pub(super) fn new_password(message: &str, account: &Account) -> Option<Cause> {
    let asks = ["required to change your password", "password has expired"];
    asks.iter().any(|words| message.contains(words)).then(|| Cause {
        evidence: "the user must change the password first, which SFTP cannot do".into(),
        fix: reopened::fix(Lapse::MustChange, account),
    })
}

/// Whether an error is that of the limit on mounts.
fn too_many_mounts(error: &str) -> Option<Cause> {
    let (now, most) = limits::mounts().filter(|_| error.contains(NO_SPACE))?;
    (now.saturating_mul(2) > most).then(|| Cause {
        evidence: "no jail can be mounted: No space left on device".to_owned(),
        fix: format!("raise the sysctl fs.mount-max: it is {most}, and the host has {now} mounts already")
            .into(),
    })
}

fn descriptors_fix() -> Fix {
    "let the session have more files open: see nofile in /etc/security/limits.conf and limits.d, LimitNOFILE= of sshd's \
     unit, and `ulimit -n` where sshd or this probe is started"
        .into()
}

fn logged(entry: &str) -> String {
    format!("{} (log entry)", one_line(entry))
}

/// The reason in the module's entry of a refusal.
fn refused_by_module(entry: &str) -> Option<&str> {
    let (_, refused) = entry.strip_prefix("pam_sftpjail(")?.split_once("): refused user ")?;
    let (_, reason) = refused.split_once(" rhost=")?.1.split_once(": ")?;
    Some(reason.split_once("; fix: ").map_or(reason, |(reason, _)| reason))
}

/// sshd's entry of an error of PAM's, where no module says anything.
fn of_pam(entry: &str) -> Option<Cause> {
    let error = entry.strip_prefix(ERROR_OF_PAM)?;
    Some(Cause {
        evidence: format!("sshd says of PAM: {}", one_line(error)),
        fix: "see which module of PAM's stack refuses the user; pam_limits does so without a log entry, for maxlogins and \
              maxsyslogins in /etc/security/limits.conf and limits.d"
            .into(),
    })
}

/// A line of PAM whose module libpam cannot load, so that it refuses the login. Passwords are not asked for.
fn unloadable(service: &str, entries: &[String]) -> Option<Cause> {
    let is_logged = entries.iter().any(|entry| entry.starts_with(UNLOADABLE));
    ["account", "session"].into_iter().find_map(|kind| {
        let stack = Stack::read(service, kind);
        let refuses = |one: &Unloadable<'_>| match one.effect {
            Effect::RefusesEverybody => true,
            Effect::RefusesSome => is_logged,
            Effect::Ignored => false,
        };
        let one = find(kind, &stack).0.into_iter().find(refuses)?;
        Some(Cause { evidence: one.evidence, fix: one.fix.into() })
    })
}

/// A line of PAM for which libpam refuses everybody.
fn closed(service: &str) -> Option<Cause> {
    ["account", "session"].into_iter().find_map(|kind| {
        let Closed { evidence, fix, .. } = Closed::find(kind, &Stack::read(service, kind))?;
        Some(Cause { evidence, fix: fix.into() })
    })
}

/// An entry of another module that says more than that a session begins or ends. Where libpam ignores the module's
/// errors, it is not why the login was refused.
fn of_another_module(service: &str, entry: &str) -> Option<Cause> {
    let usual = ["session opened for user", "session closed for user", "reading of user environment enabled"];
    if !entry.starts_with("pam_")
        || entry.starts_with("pam_sftpjail(")
        || usual.iter().any(|words| entry.contains(words))
    {
        return None;
    }
    let (module, rest) = entry.split_once('(')?;
    if is_ignored(service, module, rest) {
        return None;
    }
    Some(Cause {
        evidence: logged(entry),
        fix: format!("see why {} says that: {}(8)", one_line(module), one_line(module)).into(),
    })
}

/// Whether libpam goes on in the same way whatever the module answers. `entry`: what follows its name in the log entry,
/// `sshd:session): …`, of which pam_syslog(3) says the kind of the stack.
fn is_ignored(service: &str, module: &str, entry: &str) -> bool {
    let asked = entry.split_once(')').and_then(|(by, _)| by.rsplit_once(':'));
    let kind = match asked {
        Some((_, "setcred")) => "auth",
        Some((_, kind)) => kind,
        None => return false,
    };
    let stack = Stack::read(service, kind);
    let file = format!("{module}.so");
    let mut controls =
        stack.lines.iter().filter(|line| line.is(&file)).filter_map(|line| line.module.as_ref());
    let is_first_ignored = controls.next().is_some_and(|first| first.control.ignores_errors());
    is_first_ignored && controls.all(|other| other.control.ignores_errors())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_refusal_is_what_stands_before_its_fix() {
        let entry = "pam_sftpjail(sshd:session): refused user mle rhost=UNKNOWN: building the jail failed: x(y): z; fix: rm";
        assert_eq!(refused_by_module(entry), Some("building the jail failed: x(y): z"));
        assert_eq!(refused_by_module("pam_sftpjail(sshd:session): session opened for user mle"), None);
    }

    #[test]
    fn entries_of_every_login_say_nothing_about_a_refusal() {
        for entry in [
            "pam_unix(sshd:session): session opened for user mle(uid=1000) by (uid=0)",
            "pam_env(sshd:session): deprecated reading of user environment enabled",
        ] {
            assert!(of_another_module("sshd", entry).is_none(), "{entry}");
        }
        let cause = of_another_module(
            "none",
            "pam_access(sshd:account): access denied for user `mle' from `UNKNOWN'",
        );
        assert_eq!(cause.map(|cause| cause.fix), Some("see why pam_access says that: pam_access(8)".into()));
    }
}
