//! What an earlier setup left.

use super::faults::{FIX_IT, Fault, Machine, failed, warned};

/// Nothing is served from such a mount while jails are built.
const LEFTOVERS: [Fault; 9] = [
    failed(
        "echo '/home/mle /jail/mle none bind 0 0' >>/etc/fstab",
        "fstab",
        "mounts something at /jail/mle, which sshd would serve",
    )
    .concludes(FIX_IT),
    failed("echo '/home/mle /jail/mle/home/mle none bind,nofail 0 0' >>/etc/fstab", "fstab", "/etc/fstab:")
        .concludes(FIX_IT),
    failed(
        "printf '/dev/x\\t/jail/mle/a\\\\040b\\text4\\n' >>/etc/fstab",
        "fstab",
        "mounts something at \"/jail/mle/a b\"",
    )
    .concludes(FIX_IT),
    warned("echo '/home/bob /jail/bob none bind 0 0' >>/etc/fstab", "fstab", "mounts something at /jail/bob"),
    failed(
        "echo '/jail /etc/auto.jail --timeout=5' >/etc/auto.master",
        "autofs",
        "/etc/auto.master:1 lets autofs mount at /jail,",
    )
    .concludes(FIX_IT),
    failed(
        "mkdir /etc/auto.master.d; echo '\"/jail\" program:/etc/auto.jail' >/etc/auto.master.d/jail.autofs",
        "autofs",
        "/etc/auto.master.d/jail.autofs:1 lets autofs mount at /jail,",
    )
    .concludes(FIX_IT),
    failed(
        "echo '/jail/mle -fstype=bind :/home/mle' >/etc/auto.direct",
        "autofs",
        "/etc/auto.direct:1 lets autofs mount at /jail/mle,",
    )
    .concludes(FIX_IT),
    warned(
        "echo '/jail/bob -fstype=bind :/home/bob' >/etc/auto.direct",
        "autofs",
        "/etc/auto.direct:1 lets autofs mount at /jail/bob,",
    ),
    failed(
        "mkdir /etc/autofs; echo '/jail /etc/auto.jail' >/etc/autofs/auto.master",
        "autofs",
        "/etc/autofs/auto.master:1",
    )
    .concludes(FIX_IT),
];

#[test]
fn each_entry_that_would_mount_below_the_jail_root() {
    let machine = Machine::new();
    machine.each(&LEFTOVERS);
    // A filesystem for the jail root itself, mounts elsewhere, and comments are ok.
    machine.sb.sh("echo 'tmpfs /jail tmpfs mode=755 0 0
        /srv/x /jails/mle none bind 0 0
        # /home/mle /jail/mle none bind 0 0' >>/etc/fstab
        echo '#/jail /etc/auto.jail
        /misc /etc/auto.misc' >/etc/auto.master");
    assert_eq!(machine.found(), (vec![], 0));
}

#[test]
fn a_map_that_cannot_be_read_is_unknown_and_not_ok() {
    let sb = sandbox::Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.user("joe").add();
    sb.sh("install -m 600 /dev/null /etc/auto.secret; echo '/jail/mle -fstype=bind :/' >/etc/auto.secret");
    let check = sb.try_sh("runuser -u joe -- sftpjail check mle");
    assert!(check.stdout.contains("! autofs         /etc/auto.secret cannot be read: "), "{check}");
    assert!(!check.stdout.contains("✓ autofs"), "{check}");
}
