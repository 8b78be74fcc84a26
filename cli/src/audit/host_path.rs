//! The path on the host, for a path that a user named in the jail.
//!
//! The log has the path as the client spelled it, as seen from inside. The home is at its real path in
//! the jail, so that is the path on the host. A volume is not: its target becomes its source. The log says which
//! volumes a session had ([`super::openings`]). Where it does not, the configuration and what NSS says of the user
//! count, both as they are now. Everything else, such as the
//! jail's own /etc, is not on the host; it is shown below the jail root, `/jail/mle/etc`.
//!
//! It resolves no symlink, because nobody can tell later where it pointed then.

use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, HomeAccess, Profile, Template, Variable};
use pam_sftpjail::nss::Group;
use pam_sftpjail::path::Normalised;
use pam_sftpjail::policy::{Decision, decide};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How many users are remembered: more than a host has. Any further ones are looked up each time.
const MAX_KNOWN: usize = 10_000;

/// This host, and what is known of its users.
pub(crate) struct Host {
    name: Vec<u8>,
    config: Option<Config>,
    /// By host and user.
    known: HashMap<(String, String), Rc<View>>,
}

/// What the paths of a user mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// They are paths of the host: the user is not jailed.
    NotJailed,
    Jail(Jail),
    /// The log is another host's, or the user cannot be looked up, or the configuration cannot be read.
    Unknown,
}

/// A jail's paths.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Jail {
    root: PathBuf,
    /// Where a session begins.
    start: PathBuf,
    /// The path in the jail and the path on the host, of the home and of each volume.
    mounts: Vec<(PathBuf, PathBuf)>,
}

impl Host {
    /// With the configuration file at `config`, or at the default path.
    pub(crate) fn new(config: Option<&Path>) -> Self {
        let name = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            name: short(name.trim_ascii()).to_owned(),
            config: Config::load(config).ok(),
            known: HashMap::new(),
        }
    }

    /// Whether the host in a log entry is this one. syslog has the name up to the first dot.
    pub(crate) fn is(&self, host: &[u8]) -> bool {
        short(host) == self.name
    }

    /// What the paths of `user` mean in a log entry of `host`, if nothing has changed since.
    pub(crate) fn view(&mut self, host: &str, user: &str) -> Rc<View> {
        let key = (host.to_owned(), user.to_owned());
        if let Some(view) = self.known.get(&key) {
            return Rc::clone(view);
        }
        let config = self.config.as_ref().filter(|_| self.is(host.as_bytes()));
        let view = Rc::new(config.map_or(View::Unknown, |config| looked_up(config, user)));
        if self.known.len() < MAX_KNOWN {
            self.known.insert(key, Rc::clone(&view));
        }
        view
    }

    /// Whether the process with this pid is internal-sftp and serves this user now.
    pub(crate) fn is_open(&self, host: &str, pid: u32, user: &str) -> bool {
        let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        // `sshd: mle@internal-sftp`, of a binary that is sshd-session since OpenSSH 9.8.
        self.is(host.as_bytes())
            && title.starts_with(b"sshd")
            && contains(&title, format!(": {user}@internal-sftp").as_bytes())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn short(host: &[u8]) -> &[u8] {
    host.split(|byte| *byte == b'.').next().unwrap_or_default()
}

/// Looks the user up, as on this host.
fn looked_up(config: &Config, user: &str) -> View {
    let Ok(account) = Account::lookup(user, config) else { return View::Unknown };
    match decide(config, &account) {
        Decision::NotJailed(_) => View::NotJailed,
        Decision::Refuse(_) => View::Unknown,
        Decision::Jail { used, .. } => jail(config, used.profile, &account).unwrap_or(View::Unknown),
    }
}

fn jail(config: &Config, profile: &Profile, account: &Account) -> Option<View> {
    let expand = |template: &Template| -> Option<PathBuf> {
        let text = template.expand(|variable| value(account, variable).ok_or(())).ok()?;
        Some(Normalised::parse(&text).ok()?.absolute())
    };
    let mut mounts = Vec::new();
    for volume in &profile.volumes {
        mounts.push((expand(&volume.target)?, expand(&volume.source)?));
    }
    let home = match profile.home {
        HomeAccess::None => None,
        HomeAccess::ReadWrite | HomeAccess::ReadOnly => {
            Some(Normalised::parse(account.home.as_os_str()).ok()?.absolute())
        }
    };
    let root = config.jail_root.absolute().join(account.user_name().ok()?);
    Some(View::jail(root, home, mounts))
}

/// The value of a variable, as the library expands it for a plan. `None`: it has none.
fn value(account: &Account, variable: Variable) -> Option<OsString> {
    Some(match variable {
        Variable::User => account.user_name().ok()?.as_str().into(),
        Variable::Uid => account.uid.to_string().into(),
        Variable::Home => account.home.clone().into(),
        Variable::Group => Group::by_gid(account.gid).ok()??.name.into(),
    })
}

impl View {
    /// Of the jail at `root` with these volumes, each as its path in the jail and on the host. `home`: `None` where the
    /// jail has none, so that sessions begin at `/`.
    pub(crate) fn jail(root: PathBuf, home: Option<PathBuf>, mut mounts: Vec<(PathBuf, PathBuf)>) -> Self {
        let start = home.clone().unwrap_or_else(|| PathBuf::from("/"));
        mounts.extend(home.map(|home| (home.clone(), home)));
        // A volume may lie in the home: the innermost counts.
        mounts.sort_by_key(|(target, _)| std::cmp::Reverse(target.components().count()));
        Self::Jail(Jail { root, start, mounts })
    }

    /// The path on the host. `None`: the same path, or unknown.
    pub(crate) fn on_host(&self, path: &[u8]) -> Option<Vec<u8>> {
        let Self::Jail(jail) = self else { return None };
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        // Components leave out `//`, `/./` and a slash at the end, and nothing else.
        let absolute: PathBuf = jail.start.join(path).components().collect();
        let is_certain = !absolute.components().any(|part| part == std::path::Component::ParentDir);
        let mount = jail.mounts.iter().find_map(|(target, source)| {
            let below = absolute.strip_prefix(target).ok().filter(|_| is_certain)?;
            Some(source.join(below).components().collect())
        });
        // `..` after what may have been a symlink: where that led is unknown.
        let on_host: PathBuf = mount.unwrap_or_else(|| {
            let below = absolute.strip_prefix("/").unwrap_or(&absolute);
            jail.root.join(below)
        });
        let on_host = on_host.into_os_string().into_vec();
        (on_host != path.as_os_str().as_bytes()).then_some(on_host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_host(path: &str) -> String {
        let mounts =
            [("/home/jack/in", "/srv/in"), ("/uploads", "/srv/sftp/jack"), ("/home/jack", "/home/jack")];
        let mounts = mounts.map(|(target, source)| (target.into(), source.into())).to_vec();
        let view = View::Jail(Jail { root: "/jail/jack".into(), start: "/home/jack".into(), mounts });
        let real = view.on_host(path.as_bytes()).unwrap_or_else(|| path.into());
        String::from_utf8(real).unwrap()
    }

    #[test]
    fn a_home_keeps_its_path_and_a_volume_gets_the_path_of_its_source() {
        for (path, real) in [
            ("/home/jack/a b", "/home/jack/a b"),
            ("/home/jack", "/home/jack"),
            ("letter", "/home/jack/letter"),
            ("./letter", "/home/jack/letter"),
            (".", "/home/jack"),
            ("//home/./jack//x/", "/home/jack/x"),
            ("/uploads/x", "/srv/sftp/jack/x"),
            ("/uploads", "/srv/sftp/jack"),
            ("/home/jack/in/x", "/srv/in/x"),
            ("/home/jack/inside", "/home/jack/inside"),
        ] {
            assert_eq!(on_host(path), real, "{path}");
        }
    }

    #[test]
    fn paths_of_the_jail_itself_and_uncertain_ones_are_shown_below_the_jail_root() {
        for (path, real) in [
            ("/etc/passwd", "/jail/jack/etc/passwd"),
            ("/", "/jail/jack/"),
            ("/home", "/jail/jack/home"),
            ("/uploadsx", "/jail/jack/uploadsx"),
            ("/uploads/../etc/passwd", "/jail/jack/uploads/../etc/passwd"),
            ("../x", "/jail/jack/home/jack/../x"),
        ] {
            assert_eq!(on_host(path), real, "{path}");
        }
    }

    #[test]
    fn paths_of_users_who_are_not_jailed_or_unknown_stay_as_they_are() {
        for view in [View::NotJailed, View::Unknown] {
            assert_eq!(view.on_host(b"/uploads/x"), None);
            assert_eq!(view.on_host(b"x"), None);
        }
    }
}
