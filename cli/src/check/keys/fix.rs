//! What an admin does about a file of keys from which sshd takes none. It is a command only where root put the file
//! there, for this user alone.

use super::Keys;
use crate::check::path_to_home::user;
use crate::host::keys::file::NoKey;
use crate::host::keys::line::AUTHORITY_INSTEAD;
use nix::sys::stat::{FileStat, stat};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Mode, RootPath};
use pam_sftpjail::plan::root_path;
use std::fmt::Display;
use std::path::Path;

/// The mode of a file of keys that root owns.
const PUBLIC: Mode = Mode(0o644);

/// Where sshd can keep the keys of users who have no home, or may not enter the directories above it.
pub(in crate::check) const OUTSIDE: &str = "AuthorizedKeysFile .ssh/authorized_keys /etc/sftpjail/keys.d/%u in the Match block, \
     with files that root owns and everybody may read";

/// What the fixes for a file depend on.
pub(super) struct Fixes<'a> {
    pub(super) keys: &'a Keys<'a>,
    pub(super) file: &'a Path,
    /// Without symlinks.
    pub(super) real: &'a Path,
    /// Whether nobody else's keys are in it.
    pub(super) is_for_one_user: bool,
    /// Whether a symlink leads to it that others than root could have made.
    pub(super) is_led: bool,
}

impl Fixes<'_> {
    fn name(&self) -> impl Display + use<'_> {
        escaped(&self.keys.account.name)
    }

    /// Where the finding is none about the file: what comes first.
    fn first(&self) -> Option<Fix> {
        if self.is_led {
            return Some(self.replaced());
        }
        let is_others = self.keys.is_home_of_another();
        is_others.then(|| format!("give {} a home of its own first", self.name()).into())
    }

    /// For what is no file of keys at all.
    pub(super) fn replaced(&self) -> Fix {
        let what = if self.is_led { "the symlink" } else { "it" };
        format!("find out who made {what}, and replace it with a file or directory that {} owns", self.name())
            .into()
    }

    /// For a file that the user cannot read: it is closed, or `at`, a directory above it.
    pub(super) fn closed(&self, at: &Path, is_below_closed: bool) -> Fix {
        if let Some(first) = self.first() {
            return first;
        }
        let (name, shown) = (self.name(), escaped(at));
        if at == self.file {
            return self.readable();
        }
        let is_home = self.keys.path_to_home.home() == Some(at);
        match (is_home, is_below_closed) {
            (true, _) => format!("let {name} enter {shown}, the home").into(),
            (false, true) => {
                format!("keep {name}'s keys elsewhere ({OUTSIDE}), or let {name} enter {shown}").into()
            }
            // Its directory in the home.
            (false, false) if at.starts_with(&self.keys.account.home) => {
                format!("let {name} own {shown}, or let {name} enter it").into()
            }
            (false, false) => {
                format!("let {name} enter {shown}: sshd reads the files there as the user").into()
            }
        }
    }

    /// For a file with other text than keys.
    pub(super) fn no_key(&self, what: &NoKey) -> Fix {
        if let Some(first) = self.first() {
            return first;
        }
        let file = to_write(self.file, &self.keys.account.name);
        match what {
            NoKey::Private => format!(
                "put the public key into {file}, one line that begins with its type; and let {} make a new pair of keys, \
                 since a private key is for nobody else to see",
                self.name()
            )
            .into(),
            NoKey::Exported => {
                format!("put the key into {file}, as one line, which ssh-keygen -i makes of that format").into()
            }
            NoKey::Type(_) => format!("put a key of another type into {file}, such as ssh-ed25519").into(),
            NoKey::Options(number, fault) => format!("in line {number} of {file}, {}", fault.fix).into(),
            NoKey::Certificate(number) => format!("in line {number} of {file}, {AUTHORITY_INSTEAD}").into(),
            NoKey::Ended(..) => {
                format!("if {} should be able to log in again, write a later expiry-time into {file}", self.name())
                    .into()
            }
            NoKey::Line(_) => format!(
                "put each public key into {file}, each on a line of its own: the type, the key without a break, and a comment"
            )
            .into(),
        }
    }

    /// The file of keys for a command to paste: one that is for this user only, and that root put there.
    fn for_command(&self) -> Option<RootPath> {
        let is_file = || self.file.symlink_metadata().is_ok_and(|found| found.is_file());
        root_path(self.file).filter(|_| self.is_for_one_user && is_file())
    }

    /// For a file that the user cannot read. Public keys are no secret, and root's file stays root's.
    fn readable(&self) -> Fix {
        match (self.for_command(), stat(self.file).map(|stat| stat.st_uid)) {
            (Some(path), Ok(0)) => Command::new("chmod").arg(PUBLIC).arg(&path).into(),
            (Some(path), Ok(uid)) if uid == self.keys.account.uid.as_raw() => {
                Command::new("chmod u+r").arg(&path).into()
            }
            (Some(path), Ok(uid)) => Fix::after(look(user(uid)), &taken_by_root(&path)),
            _ => format!("let {} read it", self.name()).into(),
        }
    }

    /// For what `safe_path` refuses.
    pub(super) fn modes(&self, (at, stat): (&Path, &FileStat)) -> Fix {
        if let Some(first) = self.first() {
            return first;
        }
        let home = self.keys.path_to_home.home().unwrap_or(&self.keys.account.home);
        let is_users = self.is_for_one_user && (at.starts_with(home) || at == self.real);
        let owner = if is_users { &self.keys.account.name } else { "root" };
        let (owner, shown) = (escaped(owner), escaped(at));
        let is_file = at == self.real;
        let path = self.for_command().filter(|_| is_file);
        let is_owned = self.keys.is_owned(stat);
        let look = match is_owned {
            true => look("others"),
            false => look(user(stat.st_uid)),
        };
        match (is_owned, is_file) {
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

/// A file to write keys to, for a sentence. A member could plant a symlink for root to write to, so root is to write it
/// only where nobody else can.
pub(in crate::check) fn to_write(file: &Path, name: &str) -> String {
    let shown = escaped(file);
    match root_path(file) {
        Some(_) => shown.to_string(),
        None => format!("{shown} as {} (runuser -u)", escaped(name)),
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
