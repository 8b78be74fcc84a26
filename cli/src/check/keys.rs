//! Checks whether sshd takes the user's keys. `safe_path` in OpenSSH's misc.c requires that the file and every
//! directory above it, up to the home or else to `/`, is owned by the user or root and writable by nobody else. And
//! sshd reads the file as the user.

pub(super) mod fix;
mod instead;

use super::path_to_home::{PathToHome, described};
use super::selinux;
use crate::host::accounts::Accounts;
use crate::host::keys::file::KeyFile;
use crate::host::keys::{self, For};
use crate::host::sshd::effective::Settings;
use crate::host::sshd::logins::Sshd;
use crate::report::check_name::KEYS as CHECK;
use crate::report::error::errno;
use crate::report::{Consequence, Findings};
use fix::Fixes;
use instead::{instead, sought_by_pattern, unknown};
use nix::sys::stat::{FileStat, stat};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::plan::root_path;
use std::fs::canonicalize;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What the check of key files needs.
pub(super) struct Keys<'a> {
    pub(super) account: &'a Account,
    pub(super) accounts: &'a Accounts,
    pub(super) sshd: &'a Sshd,
    /// It has tried to read `files` as the user.
    pub(super) path_to_home: &'a PathToHome,
    pub(super) files: &'a [PathBuf],
}

/// A file of keys.
pub(super) struct Judged {
    pub(super) file: PathBuf,
    pub(super) keys: Taken,
    /// Whether a key can be put there for this user alone, who may enter all directories above it.
    pub(super) is_usable: bool,
}

/// Whether sshd takes a key from a file.
pub(super) enum Taken {
    Yes,
    /// The file is missing or empty.
    Nothing,
    No(Refused),
    /// It could not be read as the user, or not to its end, or is in a home that is not mounted.
    Unknown {
        is_unmounted: bool,
    },
}

/// Why sshd takes no key from a file that is there, or may be there.
pub(super) struct Refused {
    evidence: String,
    fix: Fix,
    /// Whether the file is below a directory that is closed to the user, the home or one above it. That has a finding
    /// of its own.
    is_below_closed: bool,
}

/// What it means for the user if sshd takes no key.
pub(super) enum Without {
    /// There is another way in.
    Warning,
    /// There may be another way in.
    Unclear,
    /// There is no other way in: why, in a few words.
    KeptOut(String),
}

impl Keys<'_> {
    /// Judges the files that these settings name.
    pub(super) fn judge(&self, settings: &Settings) -> Vec<Judged> {
        let files = keys::files(settings, self.account).into_iter().enumerate();
        files
            .map(|(i, file)| {
                let tried = self.tried(&file);
                let is_closed = matches!(tried, Some(KeyFile::Closed(at)) if *at != file);
                let is_usable = !is_closed && self.is_for_one_user(keys::whose(settings, i));
                Judged { keys: self.taken(settings, i, &file, tried), file, is_usable }
            })
            .collect()
    }

    /// What the user has found there.
    fn tried(&self, file: &Path) -> Option<&KeyFile> {
        let at = self.files.iter().position(|tried| tried == file)?;
        self.path_to_home.tried.as_ref()?.keys.get(at)
    }

    fn taken(&self, settings: &Settings, i: usize, file: &Path, tried: Option<&KeyFile>) -> Taken {
        let Some(tried) = tried else { return Taken::Unknown { is_unmounted: false } };
        let (real, is_missing) = match canonicalize(file) {
            Ok(real) => (real, false),
            Err(error) => {
                let missing = [ErrorKind::NotFound, ErrorKind::NotADirectory];
                (file.to_owned(), missing.contains(&error.kind()))
            }
        };
        let fixes = Fixes {
            keys: self,
            file,
            real: &real,
            is_for_one_user: self.is_for_one_user(keys::whose(settings, i)),
            is_led: !is_missing && self.is_led_elsewhere(file, &real),
        };
        let is_strict = settings.get("StrictModes") != Some("no");
        let refused = || self.refused(&real).filter(|_| is_strict);
        let (shown, name) = (escaped(file), escaped(&self.account.name));
        let (evidence, fix) = match tried {
            KeyFile::Missing | KeyFile::Empty if fixes.is_led => {
                (format!("{shown} leads to {}, and no key is there", escaped(&real)), fixes.replaced())
            }
            KeyFile::Missing | KeyFile::Closed(_) if is_missing && self.path_to_home.is_unmounted(file) => {
                return Taken::Unknown { is_unmounted: true };
            }
            KeyFile::Missing | KeyFile::Empty => return Taken::Nothing,
            // The user cannot see it, and root can.
            KeyFile::Closed(_) if is_missing => return Taken::Nothing,
            KeyFile::Long => return Taken::Unknown { is_unmounted: false },
            KeyFile::Closed(at) => {
                let is_below_closed = self.path_to_home.home().is_some_and(|home| home.starts_with(at));
                let (evidence, fix) = (self.closed(file, at, &fixes), fixes.closed(at, is_below_closed));
                return Taken::No(Refused { evidence, fix, is_below_closed });
            }
            KeyFile::Unopened(error) => {
                let error = errno(&io::Error::from_raw_os_error(*error));
                let evidence =
                    format!("{shown} cannot be opened by {name} ({error}), so sshd takes no key from it");
                (evidence, fixes.replaced())
            }
            KeyFile::Irregular => {
                (format!("{shown} is not a regular file, so sshd takes no key from it"), fixes.replaced())
            }
            KeyFile::Keys | KeyFile::NoKey(_) => match (refused(), tried) {
                (Some((at, stat)), _) => {
                    let kind = if at == real { "file" } else { "directory" };
                    let evidence = format!(
                        "sshd takes no key from {shown}: the {kind} {} ({}) must be owned by {name} or root and writable by \
                         nobody else (StrictModes)",
                        escaped(&at),
                        described(&stat)
                    );
                    (evidence, fixes.modes((&at, &stat)))
                }
                (None, KeyFile::NoKey(what)) => {
                    (format!("sshd takes no key from {shown}: {}", instead(what)), fixes.no_key(what))
                }
                (None, _) => match selinux::kept_from(self.sshd.daemon.running(), &real) {
                    Some(kept) => kept,
                    None => return Taken::Yes,
                },
            },
        };
        Taken::No(Refused { evidence, fix, is_below_closed: false })
    }

    /// What keeps the user from the file, as evidence: `at` is the file or a directory above it.
    fn closed(&self, file: &Path, at: &Path, fixes: &Fixes<'_>) -> String {
        let (shown, name) = (escaped(file), escaped(&self.account.name));
        let state = |at: &Path| stat(at).map(|stat| described(&stat)).unwrap_or_default();
        if at != file {
            let state = state(at);
            return format!(
                "{name} may not enter {} ({state}), so sshd takes no key from a file below it",
                escaped(at)
            );
        }
        let leads = match fixes.is_led {
            true => format!(" leads to {}, which", escaped(fixes.real)),
            false => String::new(),
        };
        let state = state(fixes.real);
        format!("{shown}{leads} ({state}) cannot be read by {name}, so sshd takes no key from it")
    }

    /// Reports the files of the user's usual settings.
    pub(super) fn report(
        &self,
        settings: &Settings,
        judged: Vec<Judged>,
        without: &Without,
        findings: &mut Findings,
    ) {
        if keys::are_sought_by_pattern(settings, self.account) {
            let evidence = sought_by_pattern(&self.account.name);
            findings.failed(
                CHECK,
                Consequence::None,
                evidence,
                "give the account a login name without *, ?, [ and \\",
            );
        }
        let mut taken = Vec::new();
        let mut reported = Vec::new();
        let mut is_ok = true;
        for Judged { file, keys, .. } in judged {
            match keys {
                Taken::Yes => taken.push(escaped(&file).to_string()),
                Taken::Nothing => {}
                Taken::Unknown { is_unmounted } => {
                    is_ok = false;
                    let (evidence, fix) = unknown(&file, is_unmounted);
                    findings.unknown(CHECK, evidence, fix);
                }
                // Both files in a directory.
                Taken::No(Refused { evidence, .. }) if reported.contains(&evidence) => {}
                Taken::No(Refused { evidence, fix, is_below_closed }) => match without {
                    Without::Warning | Without::Unclear if is_below_closed => {}
                    Without::Warning => {
                        is_ok = false;
                        findings.warned(CHECK, evidence, fix);
                    }
                    Without::Unclear => {
                        is_ok = false;
                        findings.failed(CHECK, Consequence::None, evidence, fix);
                    }
                    Without::KeptOut(why) => {
                        is_ok = false;
                        reported.push(evidence.clone());
                        let why = format!("sshd takes no key from {}, and {why}", escaped(&file));
                        findings.failed(CHECK, Consequence::KeptOut(why), evidence, fix);
                    }
                },
            }
        }
        if is_ok {
            let evidence = match taken.as_slice() {
                [] => "none that sshd takes, so a login needs a password or other means".to_owned(),
                files => format!("sshd takes the keys in {}", files.join(", ")),
            };
            findings.passed(CHECK, evidence);
        }
    }

    /// The first component that `safe_path` refuses.
    fn refused(&self, file: &Path) -> Option<(PathBuf, FileStat)> {
        for at in file.ancestors() {
            let stat = stat(at).ok()?;
            let is_home = Some(at) == self.path_to_home.home();
            // A home that somebody else owns has a finding of its own.
            if !(self.is_owned(&stat) || is_home) || self.is_writable(&stat) {
                return Some((at.to_owned(), stat));
            }
            if is_home {
                return None;
            }
        }
        None
    }

    /// Whether somebody else owns the home. That has a finding of its own, and the files there are not the user's.
    pub(super) fn is_home_of_another(&self) -> bool {
        self.path_to_home.home().is_some_and(|home| stat(home).is_ok_and(|stat| !self.is_owned(&stat)))
    }

    fn is_owned(&self, stat: &FileStat) -> bool {
        stat.st_uid == 0 || stat.st_uid == self.account.uid.as_raw()
    }

    /// Whether others can write it, as sshd sees it.
    fn is_writable(&self, stat: &FileStat) -> bool {
        // sshd, too, assumes that anybody may be in a group that cannot be looked up.
        let is_own = || self.accounts.is_alone_in(stat.st_gid, self.account.uid.as_raw()).unwrap_or(false);
        let by_group = stat.st_mode & 0o020 != 0 && !(self.sshd.daemon.lets_own_group_write() && is_own());
        by_group || stat.st_mode & 0o002 != 0
    }

    /// Whether a symlink that others than root could have made leads from the file to `real`. Then `real`, and what is
    /// above it, may be anything on this host.
    fn is_led_elsewhere(&self, file: &Path, real: &Path) -> bool {
        let expected = match (file.strip_prefix(&self.account.home), self.path_to_home.home()) {
            (Ok(below), Some(home)) => home.join(below),
            _ => file.to_owned(),
        };
        real != expected && root_path(file).is_none()
    }

    /// Whether nobody else's keys are in a file. Several users may have one home.
    fn is_for_one_user(&self, whose: For) -> bool {
        match whose {
            For::OneUser => true,
            For::Home => !self.accounts.share(&self.account.home),
            For::Everybody => false,
        }
    }
}
