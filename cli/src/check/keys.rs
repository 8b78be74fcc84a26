//! Checks whether sshd takes the user's keys. `safe_path` in OpenSSH's misc.c requires that the file and every
//! directory above it, up to the home or else to `/`, is owned by the user or root and writable by nobody else. And
//! sshd reads the file as the user.

use super::path_to_home::{PathToHome, described, user};
use crate::host::accounts::Accounts;
use crate::host::keys;
use crate::host::sshd::effective::Settings;
use crate::host::sshd::logins::Sshd;
use crate::report::error::AS_ROOT;
use crate::report::{Consequence, Findings};
use nix::errno::Errno;
use nix::sys::stat::{FileStat, stat};
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Mode, RootPath};
use pam_sftpjail::plan::root_path;
use std::fmt::Display;
use std::fs::canonicalize;
use std::path::{Path, PathBuf};

const CHECK: &str = "keys";

/// The mode of a file of keys that root owns.
const PUBLIC: Mode = Mode(0o644);

/// What the check of a key file needs.
pub(super) struct Keys<'a> {
    pub(super) account: &'a Account,
    pub(super) accounts: &'a Accounts,
    pub(super) sshd: &'a Sshd,
    pub(super) settings: &'a Settings,
    pub(super) path_to_home: &'a PathToHome,
}

impl Keys<'_> {
    /// Checks the key files of the user; `path_to_home` has tried whether the user can read them.
    pub(super) fn examine(&self, files: &[PathBuf], findings: &mut Findings) {
        let mut taken = Vec::new();
        let mut is_ok = true;
        for (i, file) in files.iter().enumerate() {
            match self.is_taken(i, file, findings) {
                Ok(true) => taken.push(escaped(file).to_string()),
                Ok(false) => {}
                Err(Reported) => is_ok = false,
            }
        }
        if is_ok {
            let evidence = match taken.as_slice() {
                [] => "no authorized_keys, so a login needs a password or other means".to_owned(),
                files => format!("sshd takes the keys in {}", files.join(", ")),
            };
            findings.passed(CHECK, evidence);
        }
    }

    /// Whether the file exists and sshd takes keys from it. Reports why not, unless the file is missing.
    fn is_taken(&self, i: usize, file: &Path, findings: &mut Findings) -> Result<bool, Reported> {
        let shown = escaped(file);
        let name = escaped(&self.account.name);
        let real = match canonicalize(file) {
            Ok(real) => real,
            Err(error) if error.raw_os_error() == Some(Errno::EACCES as i32) && !geteuid().is_root() => {
                findings.unknown(CHECK, format!("{shown} cannot be read"), AS_ROOT);
                return Err(Reported);
            }
            Err(_) => return Ok(false),
        };
        // Directories that are closed to the user have a finding of their own.
        let tried = self.path_to_home.tried.as_ref().filter(|_| !self.path_to_home.is_closed());
        if tried.is_some_and(|tried| tried.is_unreadable(i)) {
            let state = stat(&real).map(|stat| described(&stat)).unwrap_or_default();
            let is_led = self.is_led_elsewhere(file, &real);
            let leads = if is_led { format!(" leads to {}, which", escaped(&real)) } else { String::new() };
            let evidence =
                format!("{shown}{leads} ({state}) cannot be read by {name}, so sshd takes no key from it");
            let fix = match is_led {
                true => self.replace_symlink(),
                false if self.is_in_home_of_another() => self.own_home_first(),
                false => self.read_fix(i, file),
            };
            findings.failed(CHECK, Consequence::None, evidence, fix);
            return Err(Reported);
        }
        if self.settings.get("StrictModes") == Some("no") {
            return Ok(true);
        }
        let Some((at, stat)) = self.refused(&real) else { return Ok(true) };
        let kind = if at == real { "file" } else { "directory" };
        let evidence = format!(
            "sshd takes no key from {shown}: the {kind} {} ({}) must be owned by {name} or root and writable by nobody \
             else (StrictModes)",
            escaped(&at),
            described(&stat)
        );
        findings.failed(CHECK, Consequence::None, evidence, self.modes_fix(i, (file, &real), (&at, &stat)));
        Err(Reported)
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

    fn replace_symlink(&self) -> Fix {
        let name = escaped(&self.account.name);
        format!("find out who made the symlink, and replace it with a file or directory that {name} owns")
            .into()
    }

    /// Whether somebody else owns the home, which has a finding of its own. Then the files in it are not the user's.
    fn is_in_home_of_another(&self) -> bool {
        self.path_to_home.home().is_some_and(|home| stat(home).is_ok_and(|stat| !self.is_owned(&stat)))
    }

    fn own_home_first(&self) -> Fix {
        format!("give {} a home of its own first", escaped(&self.account.name)).into()
    }

    /// A file of keys for a command to paste: one that is for this user only, and that root put there.
    fn for_command(&self, i: usize, file: &Path) -> Option<RootPath> {
        let is_file = || file.symlink_metadata().is_ok_and(|found| found.is_file());
        root_path(file).filter(|_| keys::is_for_one_user(self.settings, i) && is_file())
    }

    /// The fix for a file that the user cannot read. Public keys are no secret, and root's file stays root's.
    fn read_fix(&self, i: usize, file: &Path) -> Fix {
        let sentence = format!("let {} read it", escaped(&self.account.name));
        match (self.for_command(i, file), stat(file).map(|stat| stat.st_uid)) {
            (Some(path), Ok(0)) => Command::new("chmod").arg(PUBLIC).arg(&path).into(),
            (Some(path), Ok(uid)) if uid == self.account.uid.as_raw() => {
                Command::new("chmod u+r").arg(&path).into()
            }
            (Some(path), Ok(uid)) => Fix::after(look(user(uid)), &taken_by_root(&path)),
            _ => sentence.into(),
        }
    }

    /// The fix for what `safe_path` refuses.
    fn modes_fix(&self, i: usize, (file, real): (&Path, &Path), (at, stat): (&Path, &FileStat)) -> Fix {
        if self.is_led_elsewhere(file, real) {
            return self.replace_symlink();
        }
        if self.is_in_home_of_another() {
            return self.own_home_first();
        }
        let is_users = at.starts_with(self.path_to_home.home().unwrap_or(&self.account.home))
            || (at == real && keys::is_for_one_user(self.settings, i));
        let owner = if is_users { &self.account.name } else { "root" };
        let (owner, shown) = (escaped(owner), escaped(at));
        let path = self.for_command(i, file).filter(|_| at == real);
        let is_owned = self.is_owned(stat);
        let look = match is_owned {
            true => look("others"),
            false => look(user(stat.st_uid)),
        };
        match (is_owned, at == real) {
            (true, true) => match path.map(|path| Command::new("chmod go-w").arg(&path)) {
                Some(modes) => Fix::after(look, &modes),
                None => format!("{look}, then let nobody but {owner} write {shown}").into(),
            },
            // Others may be meant to write there, such as a group that shares the home.
            (true, false) => match root_path(at).map(|at| Command::new("chmod go-w").arg(&at)) {
                Some(modes) => Fix::after(format!("if nobody else is meant to write there, {look}"), &modes),
                None => format!("{look}, then let nobody but {owner} write {shown}").into(),
            },
            // The owner of a directory may need it.
            (false, _) => match path {
                Some(path) => Fix::after(look, &taken_by_root(&path)),
                None => format!("{look}, then let {owner} own {shown}, and let nobody else write it").into(),
            },
        }
    }
}

/// What comes before sshd takes a file of keys that others could write.
fn look(who: impl Display) -> String {
    format!("look at what is in it, because {who} could have put keys there")
}

/// As root's own files of keys are: sshd reads them as the user.
fn taken_by_root(path: &RootPath) -> Command {
    Command::new("chown root").arg(path).and(&Command::new("chmod").arg(PUBLIC).arg(path))
}

/// A finding that has not passed is in the list.
struct Reported;
