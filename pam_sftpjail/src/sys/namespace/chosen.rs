//! Makes a mount namespace that has a few of the present mounts, and is no copy of all of them: Linux 7.0.
#![forbid(unsafe_code)]

use super::Namespace;
use crate::escape::escaped;
use crate::path::MAX_SYMLINKS;
use crate::sys::directory::{self, Met};
use crate::sys::{SysError, mount};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::MsFlags;
use nix::sys::stat::stat;
use nix::unistd::{chdir, getcwd};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Which mounts a namespace has besides the one at `/`.
pub(crate) struct Chosen<'a> {
    /// What is at these paths, with everything mounted below. They are directories in `/`; one may be missing.
    pub(crate) whole: &'a [&'a str],
    /// The mounts that look-ups of these absolute paths meet, without what is mounted below. Any may be missing.
    pub(crate) paths: Vec<&'a Path>,
}

/// A namespace in which no process is yet, and what will be mounted in it.
pub(super) struct NewNamespace {
    namespace: Namespace,
    /// Each after those above it.
    trees: Vec<Tree>,
    /// The process's working directory, its device and inode.
    working: (PathBuf, (u64, u64)),
}

/// A detached clone, and its path, on which no symlink is.
struct Tree {
    at: PathBuf,
    detached: OwnedFd,
}

impl NewNamespace {
    /// Changes nothing. EINVAL: the kernel is older than Linux 7.0, or a mount cannot be cloned alone.
    pub(super) fn make(chosen: &Chosen<'_>) -> Result<Self, SysError> {
        let namespace = Namespace(mount::namespace_of_root()?);
        let working = working_directory()?;
        let mut ways = Ways { whole: chosen.whole, seen: Vec::new(), mounts: Vec::new() };
        for path in chosen.paths.iter().copied().chain([working.0.as_path()]) {
            ways.add(path).map_err(SysError::of("statx", escaped(path).to_string()))?;
        }
        let root = directory::open("/")?;
        let mut trees = Vec::new();
        for at in chosen.whole.iter().map(PathBuf::from) {
            match open(&root, &at) {
                Err(error) if error.errno == Errno::ENOENT => {}
                opened => trees.push(Tree::of(mount::clone_tree(opened?.as_fd(), &at)?, at)?),
            }
        }
        for at in ways.mounts {
            trees.push(Tree::of(mount::clone_mount(open(&root, &at)?.as_fd(), &at)?, at)?);
        }
        Ok(Self { namespace, trees, working })
    }

    /// Moves the process into it, to the same working directory. After an error, the process may be in it or not.
    pub(super) fn enter(self) -> Result<(), SysError> {
        self.namespace.enter()?;
        // First of all: what is mounted on a peer of the host's `/` appears on the host as well, and stays there.
        let none = None::<&str>;
        nix::mount::mount(none, "/", none, MsFlags::MS_SLAVE, none)
            .map_err(SysError::of("mount", "/, MS_SLAVE"))?;
        let root = directory::open("/")?;
        for Tree { at, detached } in &self.trees {
            mount::attach(detached.as_fd(), open(&root, at)?.as_fd(), at)?;
        }
        let (path, before) = self.working;
        let shown = || escaped(&path).to_string();
        chdir(&path).map_err(SysError::of("chdir", shown()))?;
        match working_directory()? {
            (_, now) if now == before => Ok(()),
            _ => Err(SysError::of("chdir", shown())(Errno::ESTALE)),
        }
    }
}

impl Tree {
    fn of(detached: OwnedFd, at: PathBuf) -> Result<Self, SysError> {
        mount::make_slave(detached.as_fd(), &at)?;
        Ok(Self { at, detached })
    }
}

/// Opens what is at an absolute path on which no symlink is.
fn open(root: &OwnedFd, at: &Path) -> Result<OwnedFd, SysError> {
    directory::open_below(root, at.strip_prefix("/").unwrap_or(at), OFlag::empty())
        .map_err(SysError::of("openat2", escaped(at).to_string()))
}

/// The path, device and inode. It is an error if it cannot be reached from `/`.
fn working_directory() -> Result<(PathBuf, (u64, u64)), SysError> {
    let path = getcwd().map_err(SysError::of("getcwd", ""))?;
    let stat = stat(".").map_err(SysError::of("stat", "."))?;
    match path.is_absolute() {
        true => Ok((path, (stat.st_dev, stat.st_ino))),
        false => Err(SysError::of("getcwd", "")(Errno::ENOENT)),
    }
}

/// The mounts that look-ups of paths meet.
struct Ways<'a> {
    /// What is below these is left to them.
    whole: &'a [&'a str],
    /// What was met and is no symlink, so that it is looked at once.
    seen: Vec<PathBuf>,
    /// Each after those above it.
    mounts: Vec<PathBuf>,
}

impl Ways<'_> {
    /// Looks a path up as the kernel does: path_resolution(7).
    fn add(&mut self, path: &Path) -> Result<(), Errno> {
        let (mut at, mut rest) = (PathBuf::from("/"), path.to_owned());
        let mut symlinks = 0;
        loop {
            let mut components = rest.components();
            let Some(next) = components.next() else { return Ok(()) };
            let after = components.as_path();
            match next {
                Component::RootDir => at = PathBuf::from("/"),
                Component::ParentDir => {
                    at.pop();
                }
                Component::CurDir | Component::Prefix(_) => {}
                Component::Normal(name) => {
                    let here = at.join(name);
                    match self.meet(&here) {
                        Ok(Met::Symlink) if symlinks == MAX_SYMLINKS => return Err(Errno::ELOOP),
                        Ok(Met::Symlink) => {
                            symlinks += 1;
                            rest = read_link(&here)?.join(after);
                            continue;
                        }
                        Ok(Met::Mount | Met::Other) => at = here,
                        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
                        Err(errno) => return Err(errno),
                    }
                }
            }
            rest = after.to_owned();
        }
    }

    fn meet(&mut self, here: &Path) -> Result<Met, Errno> {
        if self.seen.iter().any(|seen| seen == here) {
            return Ok(Met::Other);
        }
        let met = directory::met(here)?;
        if met == Met::Mount && !self.whole.iter().any(|whole| here.starts_with(whole)) {
            self.mounts.push(here.to_owned());
        }
        if met != Met::Symlink {
            self.seen.push(here.to_owned());
        }
        Ok(met)
    }
}

fn read_link(at: &Path) -> Result<PathBuf, Errno> {
    fs::read_link(at).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn met(whole: &[&str], paths: &[&Path]) -> Result<Vec<PathBuf>, Errno> {
        let mut ways = Ways { whole, seen: Vec::new(), mounts: Vec::new() };
        paths.iter().try_for_each(|path| ways.add(path))?;
        Ok(ways.mounts)
    }

    #[test]
    fn mounts_are_met_once_outermost_first_and_through_symlinks() {
        let directory = std::env::temp_dir().join(format!("sftpjail-ways-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let link = |name: &str, target: &str| {
            let at = directory.join(name);
            symlink(target, &at).unwrap();
            at
        };
        let absolute = link("absolute", "/proc");
        let relative = link("relative", "absolute/../proc/self");
        let circle = link("circle", "circle");
        let dangling = link("dangling", "missing/further");
        let of_temporary = met(&[], &[&directory]).unwrap();
        let proc = Path::new("/proc");
        let without = |paths: &[&Path], whole: &[&str]| {
            let mounts = met(whole, paths).unwrap();
            mounts.into_iter().filter(|at| !of_temporary.contains(at)).collect::<Vec<_>>()
        };
        assert_eq!(without(&[&absolute], &[]), [proc]);
        assert_eq!(without(&[&relative.join("status"), proc, Path::new("/proc/./1/..")], &[]), [proc]);
        assert_eq!(without(&[&relative], &["/dev", "/proc"]), [""; 0].map(PathBuf::from));
        assert_eq!(without(&[&dangling, Path::new("/proc/missing/further")], &[]), [proc]);
        assert_eq!(without(&[Path::new("/proc/version/below")], &[]), [proc]);
        assert_eq!(met(&[], &[&circle]), Err(Errno::ELOOP));
        let deep = met(&[], &[Path::new("/dev/pts/0"), Path::new("/dev/pts")]).unwrap();
        assert!(deep.ends_with(&["/dev/pts".into()]) && deep.len() <= 2, "{deep:?}");
        for link in [absolute, relative, circle, dangling] {
            fs::remove_file(link).unwrap();
        }
        fs::remove_dir(&directory).unwrap();
    }
}
