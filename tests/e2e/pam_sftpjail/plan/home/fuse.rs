//! Homes on FUSE: a filesystem that a user has mounted keeps root out unless it is told otherwise.

use crate::common::jailed::has_only_its_home;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_home_that_keeps_root_out_is_refused_with_what_to_do,
    a_home_that_lets_root_in_is_served,
    a_volume_below_what_keeps_root_out_is_refused_in_the_account_phase,
);

/// A machine with the member mle, whose directory `at` is a gocryptfs of her own, mounted by herself with `options`.
fn machine(namespace: Namespace, at: &str, options: &str) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.sh("test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229; echo user_allow_other >> /etc/fuse.conf");
    sb.user("mle").group("sftp").password("pw").key(false).add();
    sb.sh("install -d -o mle -g mle /srv/cipher");
    sb.sh(&format!("test -d {at} || install -d -o mle -g mle {at}"));
    sb.sh(&format!(
        "setpriv --reuid mle --regid mle --init-groups sh -ec 'cd /srv
         gocryptfs -q -init -scryptn 10 -extpass \"echo pw\" cipher </dev/null
         gocryptfs -q -extpass \"echo pw\" {options} cipher {at} </dev/null'"
    ));
    assert!(
        sb.mounts().iter().any(|line| line.contains(&format!(" {at} ")) && line.contains("fuse.gocryptfs"))
    );
    sb
}

fn a_home_that_keeps_root_out_is_refused_with_what_to_do(namespace: Namespace) {
    let sb = machine(namespace, "/home/mle", "");
    sb.sh("! ls /home/mle");
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(out.stderr.contains("your home directory is missing or not safe to use"), "{out}");
    let line = sb.wait_for_log("refused user mle");
    for part in ["/home/mle cannot be accessed: it is on a FUSE filesystem", "allow_root", "/etc/fuse.conf"] {
        assert!(line.contains(part), "{line}");
    }
    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    assert!(check.stdout.contains("✗ home path") && check.stdout.contains("allow_root"), "{check}");
    assert!(!check.stdout.contains("install -d"), "{check}");

    // So is a home below it.
    sb.sh("sed -i 's|:/home/mle:|:/home/mle/sub:|' /etc/passwd");
    let check = sb.try_sh("sftpjail check mle").stdout;
    assert!(
        check.contains("✗ home path") && check.contains("FUSE") && check.contains("allow_root"),
        "{check}"
    );
}

fn a_home_that_lets_root_in_is_served(namespace: Namespace) {
    let sb = machine(namespace, "/home/mle", "-allow_other");
    let mut live = sb.login("mle").password("pw").live();
    has_only_its_home(&sb, &mut live, "/home/mle");
}

fn a_volume_below_what_keeps_root_out_is_refused_in_the_account_phase(namespace: Namespace) {
    let sb = machine(namespace, "/home/mle/private", "");
    sb.configure(
        "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/srv/shared\"\ntarget = \"/home/mle/private/shared\"\n",
    );
    sb.sh("mkdir /srv/shared");
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(out.stderr.starts_with("SFTP is not possible"), "{out}");
    let line = sb.wait_for_log("refused user mle");
    assert!(line.contains("sshd:account"), "{line}");
    for part in ["is in a part of the home that root cannot enter", "outside of the home", "allow_root"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains("CAP_SYS_ADMIN"), "{line}");
}
