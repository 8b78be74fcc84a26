//! Reads what a user will see in the jail: a child process builds the jail around itself, enters it as sshd
//! would, and becomes the user.
//!
//! The jail is in a mount namespace of the child, so nothing of it is on the host.

mod as_sshd;
mod source;
mod without_live;
mod writing;

pub(crate) use as_sshd::{AsSshd, ConfinedSshd};
pub(crate) use writing::{Unlistable, Unwritable};

use crate::host::child;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, lstat};
use nix::unistd::{AccessFlags, access, chdir, chroot, setgid, setgroups, setuid};
use pam_sftpjail::config::{Config, HomeAccess, Namespace};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::{escaped, whole};
use pam_sftpjail::fix::Fix;
use pam_sftpjail::grants::Circumstances;
use pam_sftpjail::jail::Jail;
use pam_sftpjail::registry::can_record;
use pam_sftpjail::session::{Member, Membership, examine};
use serde::{Deserialize, Serialize};
use source::Source;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use without_live::Keeper;
use writing::{Meant, unwritable, write_error};

/// What the user will see.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rehearsal {
    /// How long building the jail took, in µs.
    pub(crate) microseconds: u64,
    /// The directory in which the session begins, escaped as a whole.
    pub(crate) home: String,
    /// The paths in the jail of each procfs that is mounted below the home or a volume, each escaped as a whole.
    pub(crate) procfs: Vec<String>,
    /// Why the user cannot list that directory; `None` if that is possible.
    pub(crate) unlistable: Option<i32>,
    /// The volumes for reading only that the user cannot list.
    pub(crate) unlistable_volumes: Vec<Unlistable>,
    /// The home and the volumes that should be writable, and are not.
    pub(crate) unwritable: Vec<Unwritable>,
    /// Everything in the jail but the contents of the home and of volumes.
    pub(crate) tree: Vec<Entry>,
}

impl Rehearsal {
    /// The paths of the home and the volumes that should be writable, and are not.
    pub(crate) fn unwritable(&self) -> impl Iterator<Item = &str> {
        self.unwritable.iter().map(|unwritable| unwritable.path.as_str())
    }
}

/// Something in the jail.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Escaped as a whole.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// Whether the user can write it.
    pub(crate) writable: bool,
    /// Octal, such as "0755".
    pub(crate) mode: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Directory,
    File,
    /// The home.
    Home,
    /// A volume.
    Volume,
    /// The host's syslog socket.
    Syslog,
}

/// Why the rehearsal failed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Whether the jail was built, and is of no use to the user.
    pub(crate) is_inside: bool,
    pub(crate) problem: String,
    pub(crate) fix: Fix,
    /// Whether the confinement of sshd could not be taken on, so that nothing was tried.
    pub(crate) is_untried: bool,
    /// Whether the session cannot be recorded, as it has to be.
    pub(crate) is_of_registry: bool,
}

/// Where rehearsals take place.
pub(crate) struct Rehearsals<'c> {
    config: Source<'c>,
    /// This program's mount namespace without the live jails.
    own: Option<Keeper>,
}

impl<'c> Rehearsals<'c> {
    /// `config`: the path of the configuration, if it is not the usual one.
    pub(crate) fn new(config: Option<&'c Path>) -> Self {
        Self { config: Source::File(config), own: None }
    }

    /// With a configuration that is in no file yet.
    pub(crate) fn with(config: Config) -> Self {
        Self { config: Source::Value(Box::new(config)), own: None }
    }

    /// For thousands of rehearsals: lets each copy the host's mounts without those of live jails. `confined`: the running
    /// sshds with confinements of their own.
    pub(crate) fn leave_live_jails(&mut self, config: &Config, confined: &mut [ConfinedSshd]) {
        if config.namespace == Namespace::Host {
            let jail_root = config.jail_root.absolute();
            self.own = Keeper::start(|| true, &jail_root);
            confined.iter_mut().for_each(|sshd| sshd.leave_live_jails(&jail_root));
        }
    }

    /// Rehearses in a child, with the confinement of a running sshd. The outer error: the child has not reported
    /// anything.
    pub(crate) fn rehearse(
        &self,
        user: &str,
        as_sshd: &AsSshd<'_>,
    ) -> io::Result<Result<Rehearsal, Failure>> {
        let keeper = as_sshd.keeper().unwrap_or(self.own.as_ref());
        child::forked("the rehearsal", || Ok(rehearse(&self.config, user, as_sshd, keeper)))
    }
}

/// Rehearses with the confinement of this process, which may have threads.
pub(crate) fn run(config: Option<&Path>, user: &str) -> io::Result<Result<Rehearsal, Failure>> {
    let config = config.into_iter().flat_map(|path| [OsStr::new("--config"), path.as_os_str()]);
    child::report("the rehearsal", config.chain(["rehearse", "--", user].map(OsStr::new)))
}

/// What [`run`] does in the child.
pub(crate) fn rehearse_here(config: Option<&Path>, user: &str) -> Result<Rehearsal, Failure> {
    rehearse(&Source::File(config), user, &AsSshd::default(), None)
}

/// Rehearses in this process, whose jail ends with it, so nothing dismantles it. `keeper`: has the mount namespace that
/// is copied, if that is not the present one.
fn rehearse(
    config: &Source<'_>,
    user: &str,
    as_sshd: &AsSshd<'_>,
    keeper: Option<&Keeper>,
) -> Result<Rehearsal, Failure> {
    let failure = |problem: String, fix: Fix| Failure {
        is_inside: false,
        problem,
        fix,
        is_untried: false,
        is_of_registry: false,
    };
    // Before, since sshd's capabilities may not let it.
    let without_live = keeper.and_then(Keeper::open);
    as_sshd.assume().map_err(|problem| Failure {
        is_inside: false,
        problem,
        fix: "see `systemctl cat` for what restricts sshd, and log in as the user".into(),
        is_untried: true,
        is_of_registry: false,
    })?;
    let config = config.load().map_err(|e| failure(e.what, e.fix))?;
    let member = match examine(&config, user, &Circumstances::of_no_login(), &mut |_, _| {}) {
        Ok(Membership::Member(member)) => *member,
        Ok(Membership::NotJailed { .. }) => {
            return Err(failure("the user has left the group in the meantime".into(), "check again".into()));
        }
        Err(refusal) => return Err(failure(refusal.to_string(), refusal.fix())),
    };
    let must_be_recorded = member.must_be_recorded();
    let Member { account, profile, plan } = member;
    let mut meant = Meant::all(&plan, &profile, &account.home);
    let for_reading = writing::for_reading(&plan);

    if must_be_recorded {
        if let Err(refusal) = can_record(plan.user()) {
            let problem = match &refusal {
                Refusal::Registry { path, why, .. } => format!("{path} {why}"),
                other => other.to_string(),
            };
            return Err(Failure { is_of_registry: true, ..failure(problem, refusal.fix()) });
        }
    }
    let start = Instant::now();
    let root = Jail::rehearse(plan.with_listings(&profile, &account), without_live.as_ref())
        .map_err(|refusal| failure(refusal.to_string(), refusal.fix()))?;
    let microseconds = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);

    let procfs = procfs_below(&root).map_err(|error| {
        failure(format!("/proc/self/mountinfo: {error}"), "let /proc be the procfs of this system".into())
    })?;

    // As sshd's do_setusercontext and do_child: chroot, become the user, chdir to pw_dir.
    let step = |what: &str, done: nix::Result<()>| {
        done.map_err(|e| {
            failure(
                format!("{what}: {}", e.desc()),
                "let root do that here: it needs CAP_SYS_CHROOT, CAP_SETUID and CAP_SETGID".into(),
            )
        })
    };
    step("chroot into the jail", chdir(&root).and_then(|()| chroot(".")))?;
    meant.iter_mut().for_each(Meant::open);
    step("setgroups", setgroups(&account.gids))?;
    step("setgid", setgid(account.gid))?;
    step("setuid", setuid(account.uid))?;
    let begin = match profile.home {
        HomeAccess::None => Path::new("/"),
        _ => account.home.as_path(),
    };
    let home = whole(begin).to_string();
    chdir(begin).map_err(|e| Failure {
        is_inside: true,
        problem: format!("the user cannot enter the home {home}: {}", e.desc()),
        // What the admin can do on the host is not known in here.
        fix: format!("let {} enter it", escaped(&account.name)).into(),
        is_untried: false,
        is_of_registry: false,
    })?;

    let mut tree = Vec::new();
    let top = lstat("/").map_err(|e| failure(format!("lstat /: {}", e.desc()), "check again".into()))?;
    list(Path::new("/"), &top, &Own { device: top.st_dev, home: &account.home }, &mut tree);
    let unlistable = access(begin, AccessFlags::R_OK).err().map(|errno| errno as i32);
    let unlistable_volumes = writing::unlistable(for_reading);
    let unwritable = unwritable(meant);
    Ok(Rehearsal { microseconds, home, procfs, unlistable, unlistable_volumes, unwritable, tree })
}

/// The mount points of procfs below `root`, as paths from there: mountinfo of proc(5).
fn procfs_below(root: &Path) -> io::Result<Vec<String>> {
    let mounts = std::fs::read("/proc/self/mountinfo")?;
    let is_procfs = |line: &&[u8]| line.windows(8).any(|part| part == b" - proc ");
    let lines = mounts.split(|byte| *byte == b'\n').filter(is_procfs);
    let points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let inside = points.filter_map(|point| Path::new(OsStr::from_bytes(point)).strip_prefix(root).ok());
    Ok(inside.map(|path| whole(&Path::new("/").join(path)).to_string()).collect())
}

/// What distinguishes the jail's own entries and the home from the other files of the host.
struct Own<'a> {
    /// That of the jail's own filesystem.
    device: u64,
    home: &'a Path,
}

/// Lists `path` and, on the jail's own filesystem, all below it.
fn list(path: &Path, stat: &FileStat, jail: &Own<'_>, tree: &mut Vec<Entry>) {
    let is_directory = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR;
    let own = stat.st_dev == jail.device;
    // It may be the host's directory with the socket, of which everything is in the jail.
    let in_dev = path.starts_with("/dev");
    tree.push(Entry {
        path: whole(path).to_string(),
        kind: match (own, is_directory) {
            // Paths are equal whether or not they have `//`, `/./` or a slash at the end.
            (false, true) if path == jail.home => Kind::Home,
            (false, true) if !in_dev => Kind::Volume,
            (false, false) if path == Path::new("/dev/log") => Kind::Syslog,
            (_, true) => Kind::Directory,
            (_, false) => Kind::File,
        },
        writable: if is_directory {
            write_error(path).is_none()
        } else {
            access(path, AccessFlags::W_OK).is_ok()
        },
        mode: format!("{:04o}", stat.st_mode & Mode::all().bits()),
        uid: stat.st_uid,
        gid: stat.st_gid,
    });
    if !is_directory || !(own || in_dev) {
        return;
    }
    let mut names: Vec<PathBuf> =
        path.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    names.sort();
    for name in names {
        if let Ok(stat) = fstatat(nix::fcntl::AT_FDCWD, &name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            list(&name, &stat, jail, tree);
        }
    }
}
