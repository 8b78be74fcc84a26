//! Names that are paths, options or no text: a member's entry in passwd does not make them sound.

mod strangers;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use sandbox::{Namespace, Sandbox};

use crate::common::libpam::alone;
use crate::common::refused::surroundings;

in_both_namespaces!(
    two_dots,
    one_dot,
    a_slash,
    a_way_out,
    an_option,
    an_escape_character,
    a_newline,
    nothing,
    no_utf8,
);

/// A member of this name, with nothing else to complain of, is refused by both hooks.
#[track_caller]
fn refused_name(namespace: Namespace, name: &[u8], reason: &str) {
    let sb = Sandbox::in_namespace(namespace);
    let name = OsStr::from_bytes(name);
    // sftp is the primary group: no list of members has to hold the name.
    sb.user(name).home("/srv/mle").primary("sftp").key(false).raw().add();
    let before = surroundings(&sb);
    // PAM_PERM_DENIED and PAM_SESSION_ERR for who cannot have a jail, PAM_USER_UNKNOWN for who is nobody.
    let codes = if reason.ends_with("so it cannot name a jail") { ["6", "14"] } else { ["10", "10"] };
    let told = "message 3: SFTP is not possible: this account name cannot be used for it. \
                Please ask the administrator of this server.\n";
    let out = alone(&sb, name, &["account"]);
    assert_eq!(out.stdout, format!("{told}account {}\n", codes[0]));
    let out = alone(&sb, name, &["open"]);
    assert_eq!(out.stdout, format!("open {}\n", codes[1]));
    for phase in ["account", "session"] {
        let line = sb.wait_for_log(&format!("pam_sftpjail(sshd:{phase}): refused user "));
        assert!(line.contains(&format!(" rhost=192.0.2.7: {reason}; fix: ")), "{line}");
    }
    assert_eq!(surroundings(&sb), before);
    sb.sh("test ! -e /jail");
}

fn two_dots(namespace: Namespace) {
    refused_name(
        namespace,
        b"..",
        "the user name .. is an entry of every directory, so it cannot name a jail",
    );
}

fn one_dot(namespace: Namespace) {
    refused_name(namespace, b".", "the user name . is an entry of every directory, so it cannot name a jail");
}

fn a_slash(namespace: Namespace) {
    refused_name(namespace, b"a/b", "the user name a/b contains a slash, so it cannot name a jail");
}

fn a_way_out(namespace: Namespace) {
    refused_name(namespace, b"../etc", "the user name ../etc contains a slash, so it cannot name a jail");
}

fn an_option(namespace: Namespace) {
    // glibc's `files` never finds a name that begins so.
    refused_name(namespace, b"-x", "there is no user -x");
}

fn an_escape_character(namespace: Namespace) {
    refused_name(
        namespace,
        b"a\x1b[2Jb",
        "the user name \"a\\x1b[2Jb\" contains a control character, so it cannot name a jail",
    );
}

fn a_newline(namespace: Namespace) {
    refused_name(namespace, b"a\nb", "there is no user \"a\\x0ab\"");
}

fn nothing(namespace: Namespace) {
    refused_name(namespace, b"", "the user name \"\" is empty, so it cannot name a jail");
}

fn no_utf8(namespace: Namespace) {
    refused_name(namespace, b"caf\xe9", "the login name is not UTF-8");
}
