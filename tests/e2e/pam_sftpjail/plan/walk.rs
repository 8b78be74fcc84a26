//! Symlinks at a home and on the way to it.

use sandbox::{Namespace, Sandbox};

use crate::common::refused::{HOME, mle, refused};

in_both_namespaces!(
    a_home_that_is_a_symlink_even_of_roots,
    a_symlink_on_the_way_that_the_user_could_replace,
    a_symlink_on_the_way_that_belongs_to_a_user,
    roots_symlink_in_a_directory_that_a_group_can_write,
    roots_symlink_in_a_directory_that_everybody_can_write,
    roots_symlink_below_a_directory_that_everybody_can_write,
    roots_symlink_that_leads_into_the_system,
    more_symlinks_than_the_kernel_follows,
);

fn a_home_that_is_a_symlink_even_of_roots(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).make_home(false).add();
    sb.sh("install -d -o mle /srv/mle; ln -s /srv/mle /home/mle");
    refused(
        &sb,
        HOME,
        "the home directory /home/mle cannot be used: it is a symlink",
        "give the account the link's target as its home (usermod -d)",
    );
}

/// `/home/way` or whatever `made_by` makes leads to /srv/real, where there is a sound home.
#[track_caller]
fn refused_symlink(namespace: Namespace, home: &str, made_by: &str, link: &str) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).home(home).make_home(false).add();
    sb.sh(&format!("install -d /srv/real; install -d -o mle /srv/real/sub; {made_by}"));
    sb.sh(&format!("test -d {home}/."));
    refused(
        &sb,
        HOME,
        &format!(
            "the home directory {home} cannot be used: {link} is a symlink that others than root could replace"
        ),
        "find out who made the symlink, and replace it with a directory",
    );
}

fn a_symlink_on_the_way_that_the_user_could_replace(namespace: Namespace) {
    let made_by = "install -d -o mle /home/mle; ln -s /srv/real /home/mle/way";
    refused_symlink(namespace, "/home/mle/way/sub", made_by, "/home/mle/way");
}

fn a_symlink_on_the_way_that_belongs_to_a_user(namespace: Namespace) {
    refused_symlink(
        namespace,
        "/home/way/sub",
        "ln -s /srv/real /home/way; chown -h mle /home/way",
        "/home/way",
    );
}

fn roots_symlink_in_a_directory_that_a_group_can_write(namespace: Namespace) {
    let made_by = "install -d -m 775 -g sftp /srv/team; ln -s /srv/real /srv/team/way";
    refused_symlink(namespace, "/srv/team/way/sub", made_by, "/srv/team/way");
}

fn roots_symlink_in_a_directory_that_everybody_can_write(namespace: Namespace) {
    let made_by = "install -d -m 1777 /srv/all; ln -s /srv/real /srv/all/way";
    refused_symlink(namespace, "/srv/all/way/sub", made_by, "/srv/all/way");
}

fn roots_symlink_below_a_directory_that_everybody_can_write(namespace: Namespace) {
    let made_by = "install -d -m 777 /srv/all; install -d /srv/all/in; ln -s /srv/real /srv/all/in/way";
    refused_symlink(namespace, "/srv/all/in/way/sub", made_by, "/srv/all/in/way");
}

fn roots_symlink_that_leads_into_the_system(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).home("/home/way/sub").make_home(false).add();
    sb.sh("ln -s /etc /home/way; install -d -o mle /etc/sub");
    refused(
        &sb,
        HOME,
        "the home directory /home/way/sub cannot be used: /etc/sub is in the system directory /etc",
        "change the symlink that leads there",
    );
}

fn more_symlinks_than_the_kernel_follows(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).home("/srv/40/sub").make_home(false).add();
    sb.sh("install -d /srv/real; install -d -o mle /srv/real/sub; ln -s real /srv/1
        for n in $(seq 2 41); do ln -s $((n - 1)) /srv/$n; done
        test -d /srv/40/sub; not test -d /srv/41/sub");
    let seen = sb.login("mle").password("pw").sftp("pwd\n").ok();
    assert!(seen.stdout.contains("/srv/40/sub\n"), "{seen}");
    sb.sh("usermod -d /srv/41/sub mle");
    refused(
        &sb,
        HOME,
        "the home directory /srv/41/sub cannot be used: /srv/1 leads through more than 40 symlinks",
        "replace the symlink with a directory, or set the account's home to a path without it",
    );
}
