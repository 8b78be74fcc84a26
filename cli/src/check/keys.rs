//! Whether sshd takes the user's keys: `safe_path` of OpenSSH's misc.c wants the file and all above
//! it, up to the home or else to `/`, to be the user's or root's and writable by nobody else. And
//! sshd reads it as the user.

use super::path_to_home::{PathToHome, described};
use crate::host::accounts::Accounts;
use crate::host::sshd::effective::Settings;
use crate::host::sshd::logins::Sshd;
use crate::report::Findings;
use crate::report::error::AS_ROOT;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, stat};
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::{escaped, word};
use pam_sftpjail::plan::pasteable;
use std::fs::canonicalize;
use std::path::{Path, PathBuf};

const CHECK: &str = "keys";

/// What is needed to know what sshd makes of a key file.
pub(super) struct Keys<'a> {
    pub(super) account: &'a Account,
    pub(super) accounts: &'a Accounts,
    pub(super) sshd: &'a Sshd,
    pub(super) settings: &'a Settings,
    pub(super) path_to_home: &'a PathToHome,
}

impl Keys<'_> {
    /// Looks at the `files` of the user, which were tried on the path_to_home.
    pub(super) fn examine(&self, files: &[PathBuf], findings: &mut Findings) {
        let mut taken = Vec::new();
        let mut sound = true;
        for (i, file) in files.iter().enumerate() {
            match self.one(i, file, findings) {
                Ok(true) => taken.push(escaped(file).to_string()),
                Ok(false) => {}
                Err(Told) => sound = false,
            }
        }
        if sound {
            let evidence = match taken.as_slice() {
                [] => "no authorized_keys, so by password or other means".to_owned(),
                files => format!("sshd takes those in {}", files.join(", ")),
            };
            findings.passed(CHECK, evidence);
        }
    }

    /// Whether there is the file, and sshd takes keys from it.
    fn one(&self, i: usize, file: &Path, findings: &mut Findings) -> Result<bool, Told> {
        let shown = escaped(file);
        let name = escaped(&self.account.name);
        let real = match canonicalize(file) {
            Ok(real) => real,
            Err(error) if error.raw_os_error() == Some(Errno::EACCES as i32) && !geteuid().is_root() => {
                findings.unknown(CHECK, format!("{shown} cannot be looked at"), AS_ROOT);
                return Err(Told);
            }
            Err(_) => return Ok(false),
        };
        // Of a path_to_home that is closed as a whole, others tell.
        let tried = self.path_to_home.tried.as_ref().filter(|_| !self.path_to_home.is_closed());
        if tried.is_some_and(|tried| tried.is_unreadable(i)) {
            let state = stat(&real).map(|stat| described(&stat)).unwrap_or_default();
            let evidence =
                format!("{shown} ({state}) cannot be read by {name}, so sshd takes no key from it");
            let fix = format!("chown {} {1} && chmod u+r {1}", word(&self.account.name), word(&real));
            findings.failed(CHECK, evidence, pasteable(&real, fix));
            return Err(Told);
        }
        if self.settings.get("StrictModes") == Some("no") {
            return Ok(true);
        }
        let Some((at, stat)) = self.refused(&real) else { return Ok(true) };
        let kind = if at == real { "file" } else { "directory" };
        let evidence = format!(
            "sshd takes no key from {shown}: the {kind} {} ({}) is not {name}'s or root's alone (StrictModes)",
            escaped(&at),
            described(&stat)
        );
        findings.failed(CHECK, evidence, self.tightened(&at, &stat));
        Err(Told)
    }

    /// The first component that `safe_path` refuses.
    fn refused(&self, file: &Path) -> Option<(PathBuf, FileStat)> {
        for at in file.ancestors() {
            let stat = stat(at).ok()?;
            let is_home = Some(at) == self.path_to_home.home();
            // A home of somebody else's has a finding of its own.
            if !(self.is_owned(&stat) || is_home) || self.is_writable(&stat) {
                return Some((at.to_owned(), stat));
            }
            if is_home {
                return None;
            }
        }
        None
    }

    fn is_owned(&self, stat: &FileStat) -> bool {
        stat.st_uid == 0 || stat.st_uid == self.account.uid.as_raw()
    }

    /// Whether others can write it, as sshd sees it.
    fn is_writable(&self, stat: &FileStat) -> bool {
        // Who is in a group that cannot be looked up may be anybody, for sshd as well.
        let is_own = || self.accounts.is_alone_in(stat.st_gid, self.account.uid.as_raw()).unwrap_or(false);
        let by_group = stat.st_mode & 0o020 != 0 && !(self.sshd.daemon.lets_own_group_write() && is_own());
        by_group || stat.st_mode & 0o002 != 0
    }

    /// A command for what `safe_path` refuses; by the user, where root could be led elsewhere.
    fn tightened(&self, at: &Path, stat: &FileStat) -> String {
        let account = self.account;
        let modes = format!("chmod go-w {}", word(at));
        if !self.is_owned(stat) {
            let owner = if at.starts_with(&account.home) { &account.name } else { "root" };
            return pasteable(at, format!("chown -h {} {} && {modes}", word(owner), word(at)));
        }
        match pasteable(at, modes.clone()) {
            plain if plain == modes => plain,
            _ if stat.st_uid == account.uid.as_raw() => {
                format!("runuser -u {} -- {modes}", word(&account.name))
            }
            careful => careful,
        }
    }
}

/// A finding that did not pass is in the list.
struct Told;
