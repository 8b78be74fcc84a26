//! What mle may see and do, computed from the [`Terms`], from the files of the host and from what README.md says of a
//! jail. It knows nothing of how sftpjail does it.

use super::on_host::{Node, ids, joined, scan};
use super::terms::{Folder, Home, Log, Terms};
use sandbox::Sandbox;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub(super) const HOME: &str = "/home/mle";
const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

/// A part of the jail across whose border nothing can be renamed or linked.
pub(super) struct Mount {
    pub(super) writable: bool,
    /// Who changes places in it: the member and the owner, uids and gids.
    pub(super) swap: Option<[(u32, u32); 2]>,
}

pub(super) struct Model {
    /// By the path in the jail, with the ids that the member sees; and the mount that it is in.
    pub(super) nodes: BTreeMap<PathBuf, (Node, usize)>,
    /// The first is the jail itself.
    pub(super) mounts: Vec<Mount>,
    pub(super) uid: u32,
    /// The primary one first.
    pub(super) gids: Vec<u32>,
    /// Where a session begins.
    pub(super) start: PathBuf,
}

/// Where a path leads.
pub(super) enum Led {
    To(PathBuf),
    /// To nothing, in this directory.
    Missing(PathBuf),
    Nowhere,
}

impl Model {
    #[track_caller]
    pub(super) fn new(sb: &Sandbox, terms: &Terms, submounts: &[&str]) -> Model {
        let gids =
            sb.sh("id -G mle").stdout.split_whitespace().map(|gid| gid.parse().expect("a gid")).collect();
        let (uid, gid) = ids(sb, "mle");
        let start = if terms.home == Home::None { "/" } else { HOME }.into();
        let root = Mount { writable: false, swap: None };
        let mut model = Model { nodes: BTreeMap::new(), mounts: vec![root], uid, gids, start };
        assert_eq!(model.gids[0], gid);
        model.nodes.insert("/".into(), (Node::new(b'd', 0o755, Vec::new()), 0));
        if terms.listings {
            model.listings(sb);
        }

        let mut parts: Vec<(String, String, bool, Option<&str>)> = Vec::new();
        let writable = terms.home == Home::ReadWrite;
        let mut of_home = |path: &str, writable| {
            parts.push((path.to_owned(), path.to_owned(), writable, terms.home_owner));
        };
        if terms.home != Home::None {
            of_home(HOME, writable);
            for name in terms.guard {
                of_home(&format!("{HOME}/{name}"), false);
            }
            // They cannot be renamed, so they are mounts as well.
            let volumes = terms.volumes.iter().chain(&terms.grants).map(|folder| folder.target.to_owned());
            for fixed in terms.guard.iter().map(|name| format!("{HOME}/{name}")).chain(volumes) {
                for above in Path::new(&fixed).ancestors().skip(1) {
                    if above.starts_with(HOME) && above != Path::new(HOME) {
                        of_home(above.to_str().expect("text"), writable);
                    }
                }
            }
        }
        match terms.log {
            Log::None => {}
            Log::Socket => parts.push(("/dev/log".into(), "/dev/log".into(), false, None)),
            Log::Directory => parts.push(("/run/sftpjail-dev".into(), "/dev".into(), false, None)),
        }
        for Folder { source, target, writable, owner } in terms.volumes.iter().chain(&terms.grants) {
            parts.push(((*source).into(), (*target).into(), *writable, *owner));
        }
        for (source, target, writable, owner) in parts.clone() {
            for submount in submounts {
                if let Some(below) = submount.strip_prefix(&format!("{source}/")) {
                    parts.push(((*submount).into(), format!("{target}/{below}"), writable, owner));
                }
            }
        }
        parts.sort_by_key(|(_, target, ..)| Path::new(target).components().count());
        for (source, target, writable, owner) in parts {
            let swap = owner.map(|owner| {
                let of_owner = ids(sb, owner);
                [(uid, of_owner.0), (gid, of_owner.1)]
            });
            model.mount(sb, &source, target.into(), writable, swap);
        }
        model
    }

    fn listings(&mut self, sb: &Sandbox) {
        self.nodes.insert("/etc".into(), (Node::new(b'd', 0o755, Vec::new()), 0));
        let passwd = format!(
            "root:x:0:0:root:/root:/usr/sbin/nologin\nmle:x:{}:{}::{HOME}:/usr/sbin/nologin\n",
            self.uid, self.gids[0]
        );
        let mut group = String::from("root:x:0:\n");
        for gid in &self.gids {
            group +=
                &format!("{}:x:{gid}:\n", sb.sh(&format!("getent group {gid} | cut -d: -f1")).stdout.trim());
        }
        let localtime = sb.read("/etc/localtime");
        for (name, content) in [("passwd", passwd.into()), ("group", group.into()), ("localtime", localtime)]
        {
            self.nodes.insert(Path::new("/etc").join(name), (Node::new(b'f', 0o644, content), 0));
        }
    }

    /// What is at `source` on the host is at `at`, and hides what was there.
    fn mount(
        &mut self,
        sb: &Sandbox,
        source: &str,
        at: PathBuf,
        writable: bool,
        swap: Option<[(u32, u32); 2]>,
    ) {
        self.nodes.retain(|path, _| !path.starts_with(&at));
        for above in at.ancestors().skip(1) {
            self.nodes.entry(above.into()).or_insert((Node::new(b'd', 0o755, Vec::new()), 0));
        }
        let seen_as = |id, which: usize| match swap.map(|swap| swap[which]) {
            Some((one, other)) if id == one => other,
            Some((one, other)) if id == other => one,
            _ => id,
        };
        for (path, mut node) in scan(sb, source) {
            (node.uid, node.gid) = (seen_as(node.uid, 0), seen_as(node.gid, 1));
            self.nodes.insert(joined(&at, &path), (node, self.mounts.len()));
        }
        self.mounts.push(Mount { writable, swap });
    }

    pub(super) fn node(&self, path: &Path) -> &Node {
        &self.nodes[path].0
    }

    pub(super) fn mount_of(&self, path: &Path) -> &Mount {
        &self.mounts[self.nodes[path].1]
    }

    pub(super) fn children<'a>(&'a self, directory: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.nodes.keys().map(PathBuf::as_path).filter(move |path| path.parent() == Some(directory))
    }

    /// As the kernel resolves a path; `follow`: a symlink at its end, too.
    pub(super) fn lead(&self, path: &[u8], follow: bool) -> Led {
        let mut at = if path.starts_with(b"/") { PathBuf::from("/") } else { self.start.clone() };
        let mut left: VecDeque<Vec<u8>> = components(path).collect();
        let mut links = 0;
        if path.is_empty() || path.len() > 4095 {
            return Led::Nowhere;
        }
        while let Some(name) = left.pop_front() {
            if self.node(&at).kind != b'd' || !self.may(&at, SEARCH) || name.len() > 255 {
                return Led::Nowhere;
            }
            match &name[..] {
                b"." => continue,
                b".." => {
                    at.pop();
                    continue;
                }
                _ => {}
            }
            let next = at.join(OsStr::from_bytes(&name));
            let Some((node, _)) = self.nodes.get(&next) else {
                return if left.is_empty() { Led::Missing(at) } else { Led::Nowhere };
            };
            if node.kind != b'l' || (left.is_empty() && !follow) {
                at = next;
                continue;
            }
            links += 1;
            if links > 40 {
                return Led::Nowhere;
            }
            if node.link.starts_with(b"/") {
                at = "/".into();
            }
            left = components(&node.link).chain(left).collect();
        }
        Led::To(at)
    }

    fn may(&self, path: &Path, wanted: u32) -> bool {
        let node = self.node(path);
        let bits = match node {
            _ if node.uid == self.uid => node.mode >> 6,
            _ if self.gids.contains(&node.gid) => node.mode >> 3,
            _ => node.mode,
        };
        bits & wanted == wanted
    }

    fn is_writable(&self, path: &Path) -> bool {
        self.mount_of(path).writable
    }

    pub(super) fn lists(&self, path: &Path) -> bool {
        self.node(path).kind == b'd' && self.may(path, READ)
    }

    /// internal-sftp leaves out of a listing what it cannot look at.
    pub(super) fn shows(&self, path: &Path) -> bool {
        self.lists(path) && self.may(path, SEARCH)
    }

    /// A directory can be opened for reading, and then not be read.
    pub(super) fn opens(&self, path: &Path) -> bool {
        matches!(self.node(path).kind, b'f' | b'd') && self.may(path, READ)
    }

    pub(super) fn writes(&self, path: &Path) -> bool {
        self.node(path).kind == b'f' && self.is_writable(path) && self.may(path, WRITE)
    }

    pub(super) fn owns(&self, path: &Path) -> bool {
        self.is_writable(path) && self.node(path).uid == self.uid
    }

    pub(super) fn makes_in(&self, path: &Path) -> bool {
        self.node(path).kind == b'd' && self.is_writable(path) && self.may(path, WRITE | SEARCH)
    }

    /// Whether its name can be taken away.
    pub(super) fn unnames(&self, path: &Path) -> bool {
        let Some(parent) = path.parent() else { return false };
        self.nodes[path].1 == self.nodes[parent].1 && self.makes_in(parent)
    }

    /// Whether a name for `path` can be made in `directory`.
    pub(super) fn is_beside(&self, path: &Path, directory: &Path) -> bool {
        self.nodes[path].1 == self.nodes[directory].1 && self.makes_in(directory)
    }

    /// Whether a directory may get another parent, whose name is then in it.
    pub(super) fn moves(&self, path: &Path) -> bool {
        self.node(path).kind != b'd' || self.may(path, WRITE)
    }

    pub(super) fn is_empty(&self, path: &Path) -> bool {
        self.children(path).next().is_none()
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec)
}
