//! What is said of the members, and what of it stops a setup.

use super::{Members, Refused};
use crate::host::keys::managed::DIRECTORY;
use crate::report::text::{counted, listed_first};
use crate::report::{Consequence, Error, Findings};
use crate::setup::managed_keys::ManagedKeys;
use crate::setup::say;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use std::io::Write;

/// How many refused members are shown with their reasons.
const MAX_SHOWN: usize = 20;

impl Members {
    /// Prints who is concerned.
    pub(in crate::setup) fn print(&self, out: &mut impl Write) {
        if let Some(why) = &self.incomplete {
            say(out, format!("Note: {why}."));
        }
        for (name, meant) in &self.misspelt {
            let (name, meant) = (escaped(name), escaped(meant));
            say(out, format!("Note: there is no group {name} yet; did you mean {meant}?"));
        }
        if !self.jailed_already.is_empty() && self.is_changing {
            say(out, format!("Members who are jailed already: {}.", self.jailed_already.len()));
        }
        let mut list = |what: &str, names: &mut dyn ExactSizeIterator<Item = &String>| {
            if names.len() > 0 {
                say(out, format!("{what}: {}.", listed_first(names)));
            }
        };
        list("Members who will be jailed from their next login on", &mut self.jailed_from_now.iter());
        list("Members who lose a shell with that", &mut self.lose_shell.iter());
        list(
            "Members who are jailed already, and can do nothing but SFTP from their next login on",
            &mut self.limited_from_now.iter(),
        );
        let kept = format!("Members for whom {DIRECTORY} has no key that sshd can read");
        list(
            &format!("{kept}, and who need another way in, such as a password"),
            &mut self.without_key.iter(),
        );
        list(&format!("{kept}, and who have no other way in"), &mut self.locked_out.iter());
        list("Users who will no longer be jailed and get their shells", &mut self.no_longer_jailed.iter());
        list(
            "Users in no profile, whom sshd refuses because it sends them into the jail root",
            &mut self.refused_by_sshd.iter(),
        );
        let mut findings = Findings::default();
        for Refused { user, reason, fix } in self.refused_already.iter().take(MAX_SHOWN) {
            findings.warned(escaped(user), format!("is refused already: {reason}"), fix);
        }
        for Refused { user, reason, fix } in self.refused_from_now.iter().take(MAX_SHOWN) {
            findings.failed(escaped(user), Consequence::Refused(reason.clone()), reason, fix);
        }
        let _ = findings.print(out);
        for (list, what) in
            [(&self.refused_already, "are refused already"), (&self.refused_from_now, "would be refused")]
        {
            let more = list.iter().skip(MAX_SHOWN).map(|refused| &refused.user);
            if more.len() > 0 {
                say(
                    out,
                    format!("  … and {} more {what} (--json has all): {}.", more.len(), listed_first(more)),
                );
            }
        }
    }

    /// Refuses a setup after which members could not log in, or after which that is unknown, unless that is accepted.
    pub(in crate::setup) fn stop(&self, is_accepted: bool) -> Result<(), Error> {
        if !self.not_jailed.is_empty() {
            let names = listed_first(self.not_jailed.iter());
            let what = format!(
                "as its files are, sshd does not send these members into a jail with SFTP only: {names}"
            );
            return Err(Error::new(what, "see why: sftpjail check --all"));
        }
        if is_accepted || !self.is_changing {
            return Ok(());
        }
        if (self.managed_keys == ManagedKeys::Yes { is_new: true }) && !self.locked_out.is_empty() {
            let what = format!(
                "{} could not log in any more, because {DIRECTORY} has no key for them: {}",
                counted(self.locked_out.len(), "member"),
                listed_first(self.locked_out.iter())
            );
            let fix = format!(
                "make {DIRECTORY}, and put the public keys of each there, into a file with the user's name that root owns and \
                 everybody may read (0644); or use --accept-refused to set up all the same"
            );
            return Err(Error::new(what, fix));
        }
        if self.refused_from_now.is_empty() {
            let fix = "see that the service answers, or use --accept-refused to set up all the same";
            return self.incomplete.as_ref().map_or(Ok(()), |why| Err(Error::new(why, fix)));
        }
        let names = self.refused_from_now.iter().map(|refused| &refused.user);
        let what = format!(
            "{} would be refused from their next login on: {}",
            counted(names.len(), "member"),
            listed_first(names)
        );
        Err(Error::new(what, "fix what is marked ✗, or use --accept-refused to set up all the same"))
    }

    /// What `--yes` refuses without `--force`: users would get their shells, or sshd refuses them because the
    /// configuration misspells their group.
    pub(in crate::setup) fn stop_without_force(&self) -> Result<(), Error> {
        let meant = self.misspelt.first().map(|(_, meant)| format!(" (did you mean {}?)", escaped(meant)));
        let what = if !self.no_longer_jailed.is_empty() {
            let names = listed_first(self.no_longer_jailed.iter());
            format!("these users would no longer be jailed and get their shells: {names}")
        } else if !self.refused_by_sshd.is_empty() && meant.is_some() {
            let names = listed_first(self.refused_by_sshd.iter());
            format!("these users are in no profile, and sshd refuses them: {names}")
        } else {
            return Ok(());
        };
        let meant = meant.unwrap_or_default();
        let fix = format!("correct `groups` in {DEFAULT_PATH}{meant}, or use --force if that is meant");
        Err(Error::new(what, fix))
    }
}
