//! Refused, with the right words to user and admin: a member whose home is not a directory of the user's.

use sandbox::{Namespace, Sandbox};

use crate::common::refused::{HOME, mle, refused};

in_both_namespaces!(
    a_home_that_is_missing,
    a_home_whose_parent_is_missing,
    a_home_that_is_a_file,
    a_home_that_is_a_fifo_hangs_nobody,
    a_fifo_on_the_way_to_the_home_hangs_nobody,
    a_file_on_the_way_to_the_home,
    a_home_of_a_third_user,
);

fn a_home_that_is_missing(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).make_home(false).add();
    refused(
        &sb,
        HOME,
        "the home directory /home/mle cannot be used: it does not exist",
        "restore it from a backup, or make an empty one: install -d -m 0755 -o mle -g mle /home/mle",
    );
}

fn a_home_whose_parent_is_missing(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).home("/srv/web/mle").make_home(false).add();
    refused(
        &sb,
        HOME,
        "the home directory /srv/web/mle cannot be used: /srv/web does not exist",
        "restore it from a backup, or make an empty one: install -d -m 0755 -o mle -g mle /srv/web/mle",
    );
}

/// A home, or a component of it, at which something else than a directory stands.
#[track_caller]
fn refused_obstacle(namespace: Namespace, home: &str, made_by: &str, stands_there: &str) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).home(home).make_home(false).add();
    sb.sh(made_by);
    refused(
        &sb,
        HOME,
        &format!("the home directory {home} cannot be used: {stands_there} is not a directory"),
        "move it away and make a directory there",
    );
}

fn a_home_that_is_a_file(namespace: Namespace) {
    refused_obstacle(namespace, "/home/mle", "install -o mle /dev/null /home/mle", "it");
}

fn a_home_that_is_a_fifo_hangs_nobody(namespace: Namespace) {
    refused_obstacle(namespace, "/home/mle", "mkfifo /home/mle; chown mle /home/mle", "it");
}

fn a_fifo_on_the_way_to_the_home_hangs_nobody(namespace: Namespace) {
    refused_obstacle(namespace, "/home/way/mle", "mkfifo /home/way", "/home/way");
}

fn a_file_on_the_way_to_the_home(namespace: Namespace) {
    refused_obstacle(namespace, "/home/way/mle", "touch /home/way", "/home/way");
}

fn a_home_of_a_third_user(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let joe = sb.user("joe").add();
    let mle = mle(&sb).make_home(false).home("/home/joe").add();
    let (joe, mle) = (joe.uid, mle.uid);
    refused(
        &sb,
        HOME,
        &format!("the home directory /home/joe belongs to uid {joe}, not to mle (uid {mle}) or root"),
        "leave it to joe; give mle a home of its own, and a profile whose jail shows /home/joe as a volume \
         ([[profile.volume]] with source = \"/home/joe\" and target = \"/joe\"), with a group or an access control \
         list for what mle may do there",
    );
}
