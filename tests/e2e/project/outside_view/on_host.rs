//! What root sees on the host.

use sandbox::Sandbox;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// As `find -printf %y`: d, f, l, s.
    pub(super) kind: u8,
    /// Without the type.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Where a symlink leads.
    pub(super) link: Vec<u8>,
    /// Of a regular file.
    pub(super) content: Vec<u8>,
}

impl Node {
    /// As root makes it.
    pub(super) fn new(kind: u8, mode: u32, content: Vec<u8>) -> Node {
        Node { kind, mode, uid: 0, gid: 0, link: Vec::new(), content }
    }
}

/// All that is at and below a path of the host, mounts too, by the path relative to it.
#[track_caller]
pub(super) fn scan(sb: &Sandbox, root: &str) -> BTreeMap<PathBuf, Node> {
    let mut find = sb.command("find");
    find.args(["-H", root, "-printf", r"%P\0%y\0%m\0%U\0%G\0%l\0"]);
    let found = find.output().expect("sandbox-enter");
    assert!(found.status.success(), "find {root}: {}", String::from_utf8_lossy(&found.stderr));
    let fields: Vec<_> = found.stdout.split(|byte| *byte == 0).collect();
    let node = |fields: &[&[u8]]| {
        let [path, kind, mode, uid, gid, link] = fields else { panic!("{fields:?}") };
        let path = PathBuf::from(OsString::from_vec(path.to_vec()));
        let number = |text: &[u8], radix| {
            u32::from_str_radix(std::str::from_utf8(text).expect("a number"), radix).expect("a number")
        };
        let content = if kind == b"f" { sb.read(joined(Path::new(root), &path)) } else { Vec::new() };
        let (mode, uid, gid) = (number(mode, 8), number(uid, 10), number(gid, 10));
        (path, Node { kind: kind[0], mode, uid, gid, link: link.to_vec(), content })
    };
    fields.chunks_exact(6).map(node).collect()
}

/// Everything on the host that a member could have changed or made.
pub(super) fn state(sb: &Sandbox) -> BTreeMap<PathBuf, Node> {
    let below = |root: &str| {
        scan(sb, root)
            .into_iter()
            .map(|(path, node)| (joined(Path::new(root), &path), node))
            .collect::<Vec<_>>()
    };
    ["/etc", "/home", "/jail", "/root", "/srv", "/usr/local"].into_iter().flat_map(below).collect()
}

/// Without the slash that `join` adds for nothing.
pub(super) fn joined(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { root.into() } else { root.join(path) }
}

/// Uid and gid of an account.
#[track_caller]
pub(super) fn ids(sb: &Sandbox, account: &str) -> (u32, u32) {
    let ids = sb.sh(&format!("id -u {account}; id -g {account}")).stdout;
    let ids: Vec<u32> = ids.lines().map(|id| id.parse().expect("a number")).collect();
    (ids[0], ids[1])
}
