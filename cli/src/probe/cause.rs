//! Finds out why a login was refused, or why a session serves nothing: by what sshd, the module and other modules of
//! PAM have written, and by what is set for the account.
//!
//! Every process of the host can write log entries. So they are shown, and no command is taken from them.

use super::log::{ERROR_OF_PAM, Log, UNLOADABLE};
use super::sshd_fix::SshdFixes;
use crate::desired::reopened;
use crate::host::limits;
use crate::host::shadow::{Lapse, Shadow, today};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::fix::Fix;
use std::path::Path;

/// A session needs more open files than this: sshd has some ten of its own, and PAM's modules a few.
const FEW: u64 = 20;

/// EMFILE in the words of libc.
const TOO_MANY: &str = "Too many open files";

/// The files that keep everybody but root out while they exist: pam_nologin(8).
const NOLOGIN: [&str; 3] = ["/var/run/nologin", "/run/nologin", "/etc/nologin"];

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
    pub(super) log: &'a Log,
    /// The pids of the monitors of the login and of its repetition.
    pub(super) servers: [u32; 2],
    /// The fewest open files that the monitor was allowed.
    pub(super) descriptors: Option<u64>,
    /// sshd's own messages.
    pub(super) sshd: &'a [String],
}

impl Facts<'_> {
    /// The cause, if it is known.
    pub(super) fn cause(&self) -> Option<Cause> {
        let entries = self.log.of_pam(&self.servers);
        let by_module = entries.iter().find_map(|entry| refused_by_module(entry));
        by_module
            .map(|reason| self.of_module(reason))
            .or_else(|| self.few_descriptors(&entries))
            .or_else(|| self.without_pam())
            .or_else(|| self.other_chroot())
            .or_else(|| self.expired())
            .or_else(|| self.no_logins())
            .or_else(|| entries.iter().find_map(|entry| unloadable(entry)))
            .or_else(|| entries.iter().find_map(|entry| of_another_module(entry)))
            .or_else(|| entries.iter().find_map(|entry| of_pam(entry)))
    }

    /// A refusal of the module, which examine(…) did not foresee: it depends on the process.
    fn of_module(&self, reason: &str) -> Cause {
        let fix = if reason.contains(TOO_MANY) {
            descriptors_fix()
        } else if let (true, Some((now, most))) = (reason.contains("No space left"), limits::mounts())
            && now.saturating_mul(2) > most
        {
            format!("raise the sysctl fs.mount-max: it is {most}, and the host has {now} mounts already")
                .into()
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
        let is_about_chroot = self.sshd.iter().any(|line| line.contains("chroot"));
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
        let said = self.sshd.iter().find(is_of_it)?;
        let fixes = self.fixes.filter(|fixes| fixes.settings.value("UsePAM") == Some("no"))?;
        Some(Cause { evidence: format!("{said}; sshd_config says UsePAM no"), fix: fixes.of(&["UsePAM"])? })
    }

    fn expired(&self) -> Option<Cause> {
        let account = self.account?;
        let lapse = Shadow::of(&account.name).ok()??.lapse(today()).filter(|lapse| lapse.is_refusal())?;
        Some(Cause { evidence: lapse.to_string(), fix: reopened::fix(lapse, account) })
    }

    fn no_logins(&self) -> Option<Cause> {
        self.sshd.iter().find(|line| line.contains("by PAM account configuration"))?;
        let file = NOLOGIN.into_iter().find(|file| Path::new(file).exists())?;
        Some(Cause {
            evidence: format!("{file} exists, and lets nobody but root log in"),
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

/// libpam's entry of a module that it cannot load: the words of _pam_load_module in Linux-PAM's pam_handlers.c.
fn unloadable(entry: &str) -> Option<Cause> {
    let module = one_line(entry.strip_prefix(UNLOADABLE)?.split_once(')')?.0);
    Some(Cause {
        evidence: format!("PAM cannot load {module} ({})", logged(entry)),
        fix: format!(
            "install the package that has {module}, or remove its line from the files in /etc/pam.d"
        )
        .into(),
    })
}

/// An entry of another module that says more than that a session begins or ends.
fn of_another_module(entry: &str) -> Option<Cause> {
    let usual = ["session opened for user", "session closed for user", "reading of user environment enabled"];
    if !entry.starts_with("pam_")
        || entry.starts_with("pam_sftpjail(")
        || usual.iter().any(|words| entry.contains(words))
    {
        return None;
    }
    let (module, _) = entry.split_once('(')?;
    Some(Cause {
        evidence: logged(entry),
        fix: format!("see why {} says that: {}(8)", one_line(module), one_line(module)).into(),
    })
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
            assert!(of_another_module(entry).is_none(), "{entry}");
        }
        let cause =
            of_another_module("pam_access(sshd:account): access denied for user `mle' from `UNKNOWN'");
        assert_eq!(cause.map(|cause| cause.fix), Some("see why pam_access says that: pam_access(8)".into()));
    }
}
