//! Reads which mounts this process's namespace has: proc_pid_mountinfo(5).
//!
//! The kernel writes a line for every mount of the host, so this costs time if there are many. It is read
//! only for profiles with a guard, and to undo the set-up.
#![forbid(unsafe_code)]

use super::{SysError, directory};
use crate::escape::escaped;
use crate::host_mounts::octal;
use nix::errno::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

const FILE: &str = "/proc/thread-self/mountinfo";

/// The place of a file or directory in its filesystem. It is the same by whichever mount one gets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// MAJOR:MINOR of the filesystem. On btrfs it is the same for all subvolumes, unlike st_dev.
    device: Vec<u8>,
    path: PathBuf,
}

impl Location {
    pub(crate) fn join(&self, below: &Path) -> Self {
        // With an empty path, join() would add a slash.
        let path = if below.as_os_str().is_empty() { self.path.clone() } else { self.path.join(below) };
        Self { device: self.device.clone(), path }
    }

    /// Its path relative to another location. `None`: it is not below that.
    pub(crate) fn below<'a>(&'a self, other: &Self) -> Option<&'a Path> {
        if self.device == other.device { self.path.strip_prefix(&other.path).ok() } else { None }
    }
}

/// A mount, or the part of one that begins at a directory.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    id: u64,
    parent: u64,
    /// The place of its root.
    pub(crate) root: Location,
    /// The path at which it is mounted.
    pub(crate) at: PathBuf,
    /// Whether the mount, or its whole filesystem, is read-only.
    pub(crate) is_read_only: bool,
}

impl Mount {
    /// `None`: the line is not as the manual says.
    fn parse(line: &[u8]) -> Option<Self> {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [id, parent, device, root, at, options, rest @ ..] = fields.as_slice() else { return None };
        // Any number of optional fields; then a dash, the type, the source and the filesystem's options.
        let dash = rest.iter().position(|field| *field == b"-")?;
        let of_filesystem = rest.get(dash.checked_add(3)?)?;
        let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
        // In both lists of options, the kernel writes ro or rw first.
        let is_read_only = |options: &[u8]| match options.split(|byte| *byte == b',').next() {
            Some(b"ro") => Some(true),
            Some(b"rw") => Some(false),
            _ => None,
        };
        Some(Self {
            id: number(id)?,
            parent: number(parent)?,
            root: Location { device: device.to_vec(), path: octal(root) },
            at: octal(at),
            is_read_only: is_read_only(options)? || is_read_only(of_filesystem)?,
        })
    }
}

/// All mounts of the namespace that can be reached from the process's root.
pub(crate) struct MountTable(Vec<Mount>);

impl MountTable {
    pub(crate) fn read() -> Result<Self, SysError> {
        let text = std::fs::read(FILE).map_err(SysError::of("read", FILE))?;
        Self::parse(&text).map_err(SysError::of("read", FILE))
    }

    fn parse(text: &[u8]) -> Result<Self, Errno> {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(Mount::parse).collect::<Option<_>>().map(Self).ok_or(Errno::EBADMSG)
    }

    /// The mounts in a recursive clone of a directory: first the directory itself, as a mount that begins
    /// there, and then every mount below it.
    pub(crate) fn tree(&self, directory: &OwnedFd) -> Result<Vec<Mount>, SysError> {
        // `..` of a mount's root leads out of its filesystem, so the path comes from procfs.
        let link = format!("/proc/thread-self/fd/{}", directory.as_raw_fd());
        let at = std::fs::read_link(&link).map_err(SysError::of("readlink", link))?;
        let id = directory::mount_id(directory)?;
        let find = || {
            let mount = self.0.iter().find(|mount| mount.id == id)?;
            let root = mount.root.join(at.strip_prefix(&mount.at).ok()?);
            Some(Mount { root, at: at.clone(), ..mount.clone() })
        };
        // ESTALE: it was unmounted or removed meanwhile.
        let mut tree = vec![
            find()
                .ok_or(Errno::ESTALE)
                .map_err(SysError::of("read", format_args!("{FILE}, {}", escaped(&at))))?,
        ];
        // If a mount hides another one at the same path, only one of them is in the tree.
        tree.extend(
            self.0.iter().filter(|mount| mount.at.starts_with(&at) && self.is_on(mount, id)).cloned(),
        );
        Ok(tree)
    }

    /// The same for the directory `name` in it, whether or not that is there.
    pub(crate) fn tree_of_child(&self, parent: &OwnedFd, name: &OsStr) -> Result<Vec<Mount>, SysError> {
        let mut tree = self.tree(parent)?;
        if let Some(first) = tree.first_mut() {
            first.root = first.root.join(name.as_ref());
            first.at.push(name);
            let at = first.at.clone();
            tree.retain(|mount| mount.at.starts_with(&at));
        }
        Ok(tree)
    }

    /// Whether a directory is a mount of itself: the root of a mount that shows what is below that mount, too.
    pub(crate) fn is_own(&self, directory: &OwnedFd) -> Result<bool, SysError> {
        let id = directory::mount_id(directory)?;
        let is_own = || {
            let mount = self.0.iter().find(|mount| mount.id == id)?;
            let parent = self.0.iter().find(|parent| parent.id == mount.parent)?;
            Some(mount.root == parent.root.join(mount.at.strip_prefix(&parent.at).ok()?))
        };
        let is_root = directory::is_mount_root(directory).map_err(SysError::of("statx", "a directory"))?;
        Ok(is_root && is_own().unwrap_or(false))
    }

    /// Whether a mount is on the mount `id`, or on another one that is.
    fn is_on(&self, mount: &Mount, id: u64) -> bool {
        let mut parent = mount.parent;
        // A chain cannot be longer than the table.
        for _ in &self.0 {
            if parent == id {
                return mount.id != id;
            }
            match self.0.iter().find(|mount| mount.id == parent) {
                Some(above) if above.parent != parent => parent = above.parent,
                _ => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn parsed(line: &[u8]) -> Option<(PathBuf, PathBuf, bool)> {
        Mount::parse(line).map(|mount| (mount.root.path, mount.at, mount.is_read_only))
    }

    #[test]
    fn lines_are_read_by_their_bytes() {
        let read = |line: &[u8], root: &str, at: &[u8], is_read_only| {
            let expected = (root.into(), OsStr::from_bytes(at).into(), is_read_only);
            assert_eq!(parsed(line), Some(expected), "{}", line.escape_ascii());
        };
        read(
            b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=ro",
            "/mnt1",
            b"/mnt2",
            false,
        );
        read(
            b"36 35 98:0 / /a\\040b\\134\\012\xff ro shared:1 master:2 - x y rw",
            "/",
            b"/a b\\\n\xff",
            true,
        );
        // No optional field, no source, and a filesystem that is read-only as a whole.
        read(b"1 1 0:2 /- /- rw - tmpfs  ro,size=1 -", "/-", b"/-", true);
    }

    #[test]
    fn each_line_is_a_mount() {
        let table = MountTable::parse(b"1 1 0:2 / / rw - a b rw\n2 1 0:3 / /x ro - a b rw\n").unwrap();
        let read: Vec<_> = table.0.iter().map(|mount| (mount.id, mount.parent, &*mount.at)).collect();
        assert_eq!(read, [(1, 1, Path::new("/")), (2, 1, Path::new("/x"))]);
    }

    #[test]
    fn a_mount_is_on_those_that_its_parents_lead_to() {
        // 9 is its own parent, as the mount at a namespace's root is; 5 and 6 are each other's; 7 has a parent that
        // cannot be reached.
        let lines = [(9, 9), (1, 9), (2, 1), (3, 2), (4, 9), (5, 6), (6, 5), (7, 70)];
        let line = |(id, parent)| format!("{id} {parent} 0:2 / /x rw - a b rw\n");
        let table = MountTable::parse(lines.map(line).concat().as_bytes()).unwrap();
        let on = |id| {
            let those = table.0.iter().filter(|mount| table.is_on(mount, id));
            those.map(|mount| mount.id).collect::<Vec<_>>()
        };
        assert_eq!(on(9), [1, 2, 3, 4]);
        assert_eq!(on(1), [2, 3]);
        assert_eq!(on(3), [] as [u64; 0]);
        assert_eq!(on(70), [7]);
        assert_eq!(on(6), [5]);
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error() {
        for line in [
            "36 35 98:0 / /",
            "x 35 98:0 / / rw - a b rw",
            "36 35 98:0 / / rw a b rw",
            "1 1 0:2 / / ro - a b",
        ] {
            assert!(parsed(line.as_bytes()).is_none(), "{line}");
            let text = format!("36 35 98:0 / / rw - a b rw\n{line}\n");
            assert_eq!(MountTable::parse(text.as_bytes()).err(), Some(Errno::EBADMSG));
        }
    }

    #[test]
    fn a_location_is_below_another_of_the_same_filesystem_only() {
        let of = |device: &str, path: &str| Location { device: device.into(), path: path.into() };
        let home = of("8:1", "/home");
        assert_eq!(home.join(Path::new("anna")).below(&home), Some(Path::new("anna")));
        assert_eq!(home.below(&home.join(Path::new(""))), Some(Path::new("")));
        assert_eq!(of("8:1", "/homes").below(&home), None);
        assert_eq!(of("8:2", "/home/anna").below(&home), None);
    }
}
