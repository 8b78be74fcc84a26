//! The mount tables of a host and of a jail.

use sandbox::{Namespace, Sandbox};

/// A line of mountinfo, see proc(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// What of its filesystem is mounted.
    pub(crate) root: String,
    /// Where.
    pub(crate) at: String,
    /// Per-mount flags.
    pub(crate) flags: String,
    /// Such as `shared:7`; empty for a private one.
    pub(crate) propagation: String,
    /// Type of the filesystem.
    pub(crate) kind: String,
}

impl Mount {
    pub(crate) fn parse(line: &str) -> Mount {
        let (mount, filesystem) = line.split_once(" - ").expect("mountinfo has two parts");
        let fields: Vec<_> = mount.split(' ').collect();
        let [_id, _parent, _device, root, at, flags, propagation @ ..] = &fields[..] else {
            panic!("mountinfo has six fields: {line}");
        };
        Mount {
            root: (*root).to_owned(),
            at: (*at).to_owned(),
            flags: (*flags).to_owned(),
            propagation: propagation.join(" "),
            kind: filesystem.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

/// What the one session of `user` has mounted in its jail, as it sees it, sorted by place. The first
/// is the jail's own filesystem, at `/`.
#[track_caller]
pub(crate) fn of_jail(sb: &Sandbox, user: &str) -> Vec<Mount> {
    let mounts = |pid| sb.mounts_of(pid).iter().map(|line| Mount::parse(line)).collect::<Vec<_>>();
    let mut inside = mounts(sb.session_child(user));
    if sb.namespace() == Namespace::Private {
        // It is at the jail root, just above the root that the user has.
        let above = mounts(sb.session_monitor(user)).into_iter().find(|mount| mount.at == "/jail");
        inside.push(Mount { at: "/".to_owned(), ..above.expect("a jail") });
    }
    inside.sort_by(|a, b| a.at.cmp(&b.at));
    inside
}

/// Where they are.
pub(crate) fn places(mounts: &[Mount]) -> Vec<&str> {
    mounts.iter().map(|mount| mount.at.as_str()).collect()
}
