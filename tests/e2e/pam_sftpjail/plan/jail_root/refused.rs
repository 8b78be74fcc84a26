//! A jail root that `safely_chroot` of sshd would not accept either.

use sandbox::{Namespace, Sandbox};

use crate::common::config::jail_root_at;
use crate::common::refused::{SERVER, mle, refused};

in_both_namespaces!(
    something_that_stands_where_the_jail_goes,
    that_is_a_file,
    that_is_a_fifo_hangs_nobody,
    that_is_a_symlink,
    that_is_not_roots,
    that_a_group_can_write,
    that_everybody_can_write,
    whose_parent_a_group_can_write,
    that_is_missing_in_a_directory_that_a_group_can_write,
    whose_parent_is_missing,
);

#[track_caller]
fn refused_jail_root(namespace: Namespace, root: &str, made_by: &str, why: &str, fix: &str) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).add();
    jail_root_at(&sb, root);
    sb.sh(made_by);
    refused(&sb, SERVER, &format!("the jail root {root} cannot be used: {why}"), fix);
}

fn something_that_stands_where_the_jail_goes(namespace: Namespace) {
    for made_by in [
        "mkdir /jail/mle",
        "touch /jail/mle",
        "ln -s /etc /jail/mle",
        "mkdir /jail/mle; mount -t tmpfs t /jail/mle",
    ] {
        let sb = Sandbox::in_namespace(namespace);
        mle(&sb).add();
        sb.sh(&format!("mkdir -m 700 /jail; {made_by}"));
        let why = "/jail/mle is in the place of the jail, and sshd would serve it whenever no jail is built";
        refused(&sb, SERVER, &format!("the jail root /jail cannot be used: {why}"), "move /jail/mle away");
    }
}

fn that_is_a_file(namespace: Namespace) {
    refused_jail_root(namespace, "/jail", "touch /jail", "/jail is not a directory", "move /jail away");
}

fn that_is_a_fifo_hangs_nobody(namespace: Namespace) {
    refused_jail_root(namespace, "/jail", "mkfifo /jail", "/jail is not a directory", "move /jail away");
}

fn that_is_a_symlink(namespace: Namespace) {
    let made_by = "mkdir /srv/jail; ln -s /srv/jail /jail";
    refused_jail_root(namespace, "/jail", made_by, "/jail is not a directory", "move /jail away");
}

fn that_is_not_roots(namespace: Namespace) {
    let made_by = "install -d -o mle /jail";
    refused_jail_root(
        namespace,
        "/jail",
        made_by,
        "/jail is not owned by root",
        "if it is only for jails, then: chown root /jail",
    );
}

fn that_a_group_can_write(namespace: Namespace) {
    let why = "/jail can be written by its group or by others";
    refused_jail_root(
        namespace,
        "/jail",
        "install -d -m 775 /jail",
        why,
        "if it is only for jails, then: chmod go-w /jail",
    );
}

fn that_everybody_can_write(namespace: Namespace) {
    let why = "/jail can be written by its group or by others";
    refused_jail_root(
        namespace,
        "/jail",
        "install -d -m 1757 /jail",
        why,
        "if it is only for jails, then: chmod go-w /jail",
    );
}

fn whose_parent_a_group_can_write(namespace: Namespace) {
    let why = "/srv/sftp can be written by its group or by others";
    let made_by = "install -d -m 775 /srv/sftp; install -d -m 700 /srv/sftp/jail";
    refused_jail_root(
        namespace,
        "/srv/sftp/jail",
        made_by,
        why,
        "choose another jail_root, or let only root write it",
    );
}

fn that_is_missing_in_a_directory_that_a_group_can_write(namespace: Namespace) {
    let why = "/srv/sftp can be written by its group or by others";
    refused_jail_root(
        namespace,
        "/srv/sftp/jail",
        "install -d -m 775 /srv/sftp",
        why,
        "choose another jail_root, or let only root write it",
    );
}

fn whose_parent_is_missing(namespace: Namespace) {
    let fix = "install -d -o root -g root -m 0755 /srv/sftp";
    refused_jail_root(namespace, "/srv/sftp/jail", "true", "/srv/sftp does not exist", fix);
}
