//! Where on the host a path lies that a user named in the jail.
//!
//! The log has the path as the client spelled it, seen from inside. The home is at its real path in
//! the jail, so that is the path on the host. A volume is not: with the configuration and what NSS
//! says of the user, both as they are now, its target becomes its source. What is neither, such as
//! the jail's own /etc, is nowhere on the host; it is shown below the jail root, `/jail/mle/etc`.

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

/// More users than a host has; beyond, each is looked up anew.
const MAX_KNOWN: usize = 10_000;

/// This host, and what it knows of its users.
pub(crate) struct Host {
    name: Vec<u8>,
    config: Option<Config>,
    /// By host and user.
    known: HashMap<(String, String), Rc<View>>,
}

/// What a user's paths mean.
pub(crate) enum View {
    /// They are the host's: the user is not jailed.
    Same,
    Jail(Jail),
    /// Of another host, or of a user or a configuration that cannot be looked up.
    Unknown,
}

/// A jail, as far as paths go.
pub(crate) struct Jail {
    root: PathBuf,
    /// Where a session begins.
    start: PathBuf,
    /// Where a directory of the host is in the jail, and where on the host.
    mounts: Vec<(PathBuf, PathBuf)>,
}

impl Host {
    /// With the configuration at `config`, or at the default place.
    pub(crate) fn new(config: Option<&Path>) -> Self {
        let name = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            name: short(name.trim_ascii()).to_owned(),
            config: Config::load(config).ok(),
            known: HashMap::new(),
        }
    }

    /// Whether a log line's host is this one; syslog's is the name up to the first dot.
    fn is(&self, host: &str) -> bool {
        short(host.as_bytes()) == self.name
    }

    /// What the paths of `user` mean, in a line of `host`; and whether this is the first time that
    /// somebody asks.
    pub(crate) fn view(&mut self, host: &str, user: &str) -> (Rc<View>, bool) {
        let key = (host.to_owned(), user.to_owned());
        if let Some(view) = self.known.get(&key) {
            return (Rc::clone(view), false);
        }
        let config = self.config.as_ref().filter(|_| self.is(host));
        let view = Rc::new(config.map_or(View::Unknown, |config| looked_up(config, user)));
        let has_room = self.known.len() < MAX_KNOWN;
        if has_room {
            self.known.insert(key, Rc::clone(&view));
        }
        (view, has_room)
    }

    /// Whether internal-sftp of this pid serves this user now.
    pub(crate) fn is_open(&self, host: &str, pid: u32, user: &str) -> bool {
        let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        // `sshd: mle@internal-sftp`, of a binary that is sshd-session since OpenSSH 9.8.
        self.is(host)
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

fn looked_up(config: &Config, user: &str) -> View {
    let Ok(account) = Account::lookup(user, config) else { return View::Unknown };
    match decide(config, &account) {
        Decision::NotJailed(_) => View::Same,
        Decision::Refuse(_) => View::Unknown,
        Decision::Jail(profile) => jail(config, profile, &account).map_or(View::Unknown, View::Jail),
    }
}

fn jail(config: &Config, profile: &Profile, account: &Account) -> Option<Jail> {
    let place = |template: &Template| -> Option<PathBuf> {
        let text = template.expand(|variable| value(account, variable).ok_or(())).ok()?;
        Some(Normalised::parse(&text).ok()?.absolute())
    };
    let mut mounts = Vec::new();
    for volume in &profile.volumes {
        mounts.push((place(&volume.target)?, place(&volume.source)?));
    }
    let start = match profile.home {
        HomeAccess::None => PathBuf::from("/"),
        HomeAccess::ReadWrite | HomeAccess::ReadOnly => {
            let home = Normalised::parse(account.home.as_os_str()).ok()?.absolute();
            mounts.push((home.clone(), home.clone()));
            home
        }
    };
    // A volume may lie in the home: the innermost counts.
    mounts.sort_by_key(|(target, _)| std::cmp::Reverse(target.components().count()));
    let root = config.jail_root.absolute().join(account.user_name().ok()?);
    Some(Jail { root, start, mounts })
}

/// As the library expands them for a plan, but without a reason when it cannot.
fn value(account: &Account, variable: Variable) -> Option<OsString> {
    Some(match variable {
        Variable::User => account.user_name().ok()?.as_str().into(),
        Variable::Uid => account.uid.to_string().into(),
        Variable::Home => account.home.clone().into(),
        Variable::Group => Group::by_gid(account.gid).ok()??.name.into(),
    })
}

impl View {
    /// Where on the host `path` is. `None`: as it stands, because it is that, or because that is not
    /// known.
    pub(crate) fn on_host(&self, path: &[u8]) -> Option<Vec<u8>> {
        let Self::Jail(jail) = self else { return None };
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        // A path's components leave `//`, `/./` and a slash at the end out, but nothing else.
        let absolute: PathBuf = jail.start.join(path).components().collect();
        let is_sure = !absolute.components().any(|part| part == std::path::Component::ParentDir);
        let mount = jail.mounts.iter().find_map(|(target, source)| {
            let below = absolute.strip_prefix(target).ok().filter(|_| is_sure)?;
            Some(source.join(below).components().collect())
        });
        // With `..` behind what may be a symlink, nobody can tell from here.
        let real: PathBuf = mount.unwrap_or_else(|| {
            let below = absolute.strip_prefix("/").unwrap_or(&absolute);
            jail.root.join(below)
        });
        let real = real.into_os_string().into_vec();
        (real != path.as_os_str().as_bytes()).then_some(real)
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
    fn the_home_is_where_it_is_and_a_volume_where_it_comes_from() {
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
    fn what_is_the_jails_own_or_uncertain_is_shown_below_its_root() {
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
    fn what_is_not_jailed_or_not_known_stays_as_it_is() {
        for view in [View::Same, View::Unknown] {
            assert_eq!(view.on_host(b"/uploads/x"), None);
            assert_eq!(view.on_host(b"x"), None);
        }
    }
}
