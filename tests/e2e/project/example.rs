//! The example of CONTRIBUTING.md, word for word from the first empty line on.

use crate::common::jailed::left_nothing;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(a_jail_root_that_a_group_can_write_refuses_members);

fn a_jail_root_that_a_group_can_write_refuses_members(namespace: Namespace) {
    // A whole Debian, set up as the README says.
    let sb = Sandbox::in_namespace(namespace);
    // useradd, with a key for root's clients.
    sb.user("anna").group("sftp").add();
    let before = sb.mounts();
    // A root shell inside. It panics if the script fails.
    sb.sh("install -d -m 775 /jail");
    // The real client, with a batch of commands.
    let refused = sb.sftp("anna", "pwd\n").failed();
    assert!(refused.stderr.contains("a problem on this server"), "{refused}");
    let line = sb.wait_for_log("refused user anna");
    assert!(line.contains("/jail "), "{line}");
    left_nothing(&sb, &before);
}
