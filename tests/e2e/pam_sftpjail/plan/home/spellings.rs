//! Homes in passwd that no jail can hold, whatever stands on the disk.

use sandbox::{Namespace, Sandbox};

use crate::common::config::jail_root_at;
use crate::common::refused::{HOME, mle, refused};

in_both_namespaces!(
    the_root_directory_as_a_home,
    etc_as_a_home,
    a_home_below_usr,
    a_home_below_the_jail_root,
    a_home_above_the_jail_root,
    a_relative_home,
    a_home_with_dots,
    an_empty_home,
    a_home_of_five_thousand_bytes,
);

/// The fix for a home that overlaps the jail root.
const OVERLAPPING: &str = "give the account another home, such as /home/mle, or set another jail_root in the \
                           configuration, outside of all homes";

/// The same for a home in which `why` is wrong with the spelling.
#[track_caller]
fn refused_spelling(namespace: Namespace, home: &str, why: &str) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).home(home).make_home(false).raw().add();
    let shown = match home.len() {
        0 => "\"\"".to_owned(),
        // The middle of a very long one is left out.
        n if n > 512 => format!("{}[{} bytes]{}", &home[..256], n - 512, &home[n - 256..]),
        _ => home.to_owned(),
    };
    let reason = format!("the home directory {shown} {why}");
    let fix = match why.starts_with("overlaps ") {
        true => OVERLAPPING,
        false => "give the account another home, such as /home/mle",
    };
    refused(&sb, HOME, &reason, fix);
}

fn the_root_directory_as_a_home(namespace: Namespace) {
    refused_spelling(namespace, "/", "is the root directory");
}

fn etc_as_a_home(namespace: Namespace) {
    refused_spelling(namespace, "/etc", "is in the system directory /etc");
}

fn a_home_below_usr(namespace: Namespace) {
    refused_spelling(namespace, "/usr/share", "is in the system directory /usr");
}

fn a_home_below_the_jail_root(namespace: Namespace) {
    refused_spelling(namespace, "/jail/mle", "overlaps the jail root /jail");
}

fn a_home_above_the_jail_root(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    jail_root_at(&sb, "/srv/sftp/jail");
    sb.sh("mkdir -p /srv/sftp");
    mle(&sb).home("/srv").make_home(false).add();
    refused(&sb, HOME, "the home directory /srv overlaps the jail root /srv/sftp/jail", OVERLAPPING);
}

fn a_relative_home(namespace: Namespace) {
    refused_spelling(namespace, "home/mle", "is relative");
}

fn a_home_with_dots(namespace: Namespace) {
    refused_spelling(namespace, "/home/../home/mle", "contains '..'");
}

fn an_empty_home(namespace: Namespace) {
    refused_spelling(namespace, "", "is an empty path");
}

fn a_home_of_five_thousand_bytes(namespace: Namespace) {
    refused_spelling(namespace, &format!("/home/{}", "long/".repeat(999)), "is longer than 4095 bytes");
}
