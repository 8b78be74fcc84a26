//! Row 8: a directory renamed out of a bind mount let `..` escape (CVE-2015-2925).

use super::shared_host;
use sandbox::{Namespace, end};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

in_both_namespaces!(
    row_8_a_directory_renamed_out_of_the_home_leads_nowhere_else,
    row_8_through_sftp_the_same_renames_show_nothing_more,
);

fn row_8_a_directory_renamed_out_of_the_home_leads_nowhere_else(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh(
        "install -d -o mle-sub /home/mle/sub/dir /home/mle/sub/dir/deep; touch /home/mle/of-the-main-account",
    );
    let mut driver = sb
        .command("pam-driver")
        .args(["--confdir", "/etc/alone", "mle-sub", "open", "cd=/jail/mle-sub", "chroot=."])
        // As internal-sftp would be after a chdir; then it waits for the renames.
        .args(["cd=/home/mle/sub/dir/deep", "ls=..", "wait"])
        .args(["ls=..", "ls=../..", "ls=../../..", "ls=../../../..", "ls=/", "ls=/home/mle"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sandbox-enter runs");
    let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("open 0"));
    assert_eq!(lines.next().as_deref(), Some("ls \"..\" [\"deep\"]"));
    sb.sh("mv /home/mle/sub/dir /home/mle/out; mv /home/mle/sub /home/mle/moved");
    drop(driver.stdin.take());
    let seen: Vec<_> = lines.collect();
    end(&mut driver);
    let last = &seen[seen.len() - 2..];
    assert_eq!(last[0], "ls \"/\" [\"dev\", \"etc\", \"home\"]", "{seen:#?}");
    assert_eq!(last[1], "ls \"/home/mle\" [\"sub\"]", "{seen:#?}");
    assert_eq!(seen.len(), 6, "{seen:#?}");
    assert!(seen.iter().all(|line| !line.contains("of-the-main-account")), "{seen:#?}");
}

fn row_8_through_sftp_the_same_renames_show_nothing_more(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("install -d -o mle-sub /home/mle/sub/dir; touch /home/mle/of-the-main-account /home/mle/sub/mine");
    let mut live = sb.sftp_live("mle-sub");
    live.send("cd dir");
    sb.sh("mv /home/mle/sub/dir /home/mle/out; mv /home/mle/sub /home/mle/moved");
    for command in ["ls", "ls ..", "ls ../..", "ls /home/mle", "ls /home", "ls /"] {
        let said = live.send(command).join("\n");
        assert!(!said.contains("of-the-main-account") && !said.contains("moved"), "{command}: {said}");
    }
    assert!(
        live.send("ls /home/mle/sub").iter().any(|line| line.contains("mine")),
        "the home itself is still there"
    );
}
