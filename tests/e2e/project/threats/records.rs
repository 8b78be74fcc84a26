//! Row 6: a predictable temporary file of pam_mount's (CVE-2008-5138). What is known of live sessions
//! is in /run/sftpjail, which is root's alone.

use super::shared_host;
use crate::common::libpam::{answers, code};
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    row_6_a_symlink_at_the_name_of_a_record_is_not_followed,
    row_6_a_symlink_at_a_directory_of_records_is_not_followed,
    row_6_records_that_are_not_kept_by_root_alone_are_not_relied_on,
);

/// What no session may change: a file, and its directory, in which nothing may appear.
const VICTIM: &str = "mkdir /victim; echo precious >/victim/file; touch -d 2001-01-01 /victim/file /victim";

fn victim(sb: &Sandbox) -> String {
    sb.sh("find /victim -printf '%p %y %m %U %G %s %T@\\n' | sort; cat /victim/file").stdout
}

/// A session of pam-driver's, whose pid is foretold; `during` are steps between open and close.
fn session(sb: &Sandbox, during: &str) -> sandbox::Output {
    let driver = "pam-driver --confdir /etc/alone mle-sub";
    // The last command of a shell would keep the shell's pid.
    sb.sh(&format!("echo 6999 >/proc/sys/kernel/ns_last_pid; {driver} open {during} close; true"))
}

fn row_6_a_symlink_at_the_name_of_a_record_is_not_followed(namespace: Namespace) {
    let sb = shared_host(namespace);
    let out = session(&sb, "ls=/run/sftpjail/mle-sub");
    assert_eq!(code(&out, "open"), "0");
    let [listed] = answers(&out, "ls")[..] else { panic!("{out}") };
    let (_, records) = listed.split_once(" [").expect("a list");
    let records: Vec<_> = records.split('"').skip(1).step_by(2).collect();
    assert!(matches!(records[..], [record] if record.contains("7000")), "the foretold pid: {records:?}");

    sb.sh(VICTIM);
    let before = victim(&sb);
    let others = ["new", "tmp", "lock", "mutex", "record", "jail", "7000"];
    let names = records.iter().chain(&others).flat_map(|name| {
        [
            name.to_string(),
            format!(".{name}"),
            format!("{name}.tmp"),
            format!("{name}.new"),
            format!("{name}~"),
        ]
    });
    for name in names {
        for target in ["file", "new"] {
            sb.sh("rm -rf /run/sftpjail; mkdir -p -m 700 /run/sftpjail /run/sftpjail/mle-sub");
            sb.sh(&format!("ln -s /victim/{target} /run/sftpjail/mle-sub/{name}"));
            // Whether it is served then does not matter.
            session(&sb, "");
            assert_eq!(victim(&sb), before, "{name} -> {target}");
        }
    }
    sb.sh("rm -rf /run/sftpjail");
    sb.sftp("mle-sub", "ls\n").ok();
}

fn row_6_a_symlink_at_a_directory_of_records_is_not_followed(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh(VICTIM);
    let before = victim(&sb);
    for planted in [
        "ln -s /victim /run/sftpjail",
        "ln -s /victim/new /run/sftpjail",
        "mkdir -m 700 /run/sftpjail; ln -s /victim /run/sftpjail/mle-sub",
        "mkdir -m 700 /run/sftpjail; ln -s /victim/new /run/sftpjail/mle-sub",
    ] {
        sb.sh(&format!("rm -rf /run/sftpjail; {planted}"));
        let out = sb.sftp("mle-sub", "ls\n");
        assert_eq!(out.code == Some(0), namespace == Namespace::Private, "{planted}: {out}");
        sb.wait_for_logouts();
        assert_eq!(victim(&sb), before, "{planted}");
    }
    sb.sh("rm -r /run/sftpjail");
    sb.sftp("mle-sub", "ls\n").ok();
}

fn row_6_records_that_are_not_kept_by_root_alone_are_not_relied_on(namespace: Namespace) {
    for planted in [
        "ln -s /srv /run/sftpjail",
        "touch /run/sftpjail",
        "install -d -m 700 -o mle-sub /run/sftpjail",
        "install -d -m 770 -g sftp /run/sftpjail",
        "install -d -m 777 /run/sftpjail",
    ] {
        let sb = shared_host(namespace);
        sb.sh(planted);
        let out = sb.sftp("mle-sub", "ls\n");
        let event = match namespace {
            // In the host's, who else is in the jail decides who takes it down.
            Namespace::Host => {
                out.failed();
                "refused user mle-sub "
            }
            Namespace::Private => {
                out.ok();
                "no record of a session of user mle-sub"
            }
        };
        let line = sb.wait_for_log(event);
        assert!(line.contains("/run/sftpjail ") && line.contains("; fix: "), "{planted}: {line}");
    }
}
