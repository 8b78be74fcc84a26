//! Row 29: what was mounted for a session in a namespace of its own was propagated to the host.

use super::shared_host;
use crate::common::jailed::left_nothing;
use crate::common::mount_table::Mount;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(row_29_the_hosts_mount_table_is_the_same_before_during_and_after);

/// The host's mounts, but for those of jails where they are meant to be the host's.
fn mounts(sb: &Sandbox) -> Vec<String> {
    let mut mounts = sb.mounts();
    mounts.retain(|line| sb.namespace() == Namespace::Private || !Mount::parse(line).at.starts_with("/jail"));
    mounts
}

fn row_29_the_hosts_mount_table_is_the_same_before_during_and_after(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("mkdir /home/mle/sub/disk; mount -t tmpfs disk /home/mle/sub/disk");
    let (all, before) = (sb.mounts(), mounts(&sb));
    // As systemd makes them: what is mounted in one copy appears in the others.
    assert!(all.iter().all(|line| Mount::parse(line).propagation.contains("shared:")), "{all:#?}");
    let mut first = sb.sftp_live("mle-sub");
    assert_eq!(mounts(&sb), before);
    let second = sb.sftp_live("mle-sub");
    first.send("ls disk");
    assert_eq!(mounts(&sb), before);
    assert_eq!(second.quit(), Some(0));
    assert_eq!(mounts(&sb), before);
    assert_eq!(first.quit(), Some(0));
    left_nothing(&sb, &all);
}
