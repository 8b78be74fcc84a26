//! Row 1: pam_namespace before 1.7.1 resolved a path twice, and a user swapped components for symlinks
//! in between (CVE-2025-6020).

use super::shared_host;
use sandbox::{Sandbox, end};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// pam-driver's process that exchanges two names until it is ended.
fn swapping(sb: &Sandbox, a: &str, b: &str) -> Child {
    let mut child = sb
        .command("pam-driver")
        .args(["root", &format!("swap={a}:{b}")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("nsenter runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "swapping\n");
    child
}

/// 1,000 sessions while `a` and `b` change places: how often each thing was found in the jail.
fn sessions_while_swapping(sb: &Sandbox, a: &str, b: &str) -> Vec<(usize, String)> {
    let mut swapper = swapping(sb, a, b);
    let out = sb.sh("pam-driver --confdir /etc/alone mle-sub opens=1000").stdout;
    end(&mut swapper);
    let found: Vec<_> = out
        .lines()
        .filter_map(|line| line.strip_prefix("opens ")?.split_once(' '))
        .map(|(count, what)| (count.parse().expect("a count"), what.to_owned()))
        .collect();
    assert_eq!(found.iter().map(|(count, _)| count).sum::<usize>(), 1000, "{out}");
    for (_, what) in &found {
        assert!(what == "[\"mine\"]" || what == "refused 14", "{out}");
    }
    // A race that nobody wins and nobody loses has not been run.
    assert!(found.len() == 2, "both outcomes were seen: {out}");
    found
}

#[test]
fn row_1_a_home_swapped_for_a_symlink_is_mounted_as_checked_or_refused() {
    let sb = shared_host();
    sb.sh("touch /home/mle/sub/mine; install -d -o mle-sub /secret; touch /secret/secret");
    sb.sh("ln -s /secret /home/mle/link; chown -h mle-sub /home/mle/link");
    sessions_while_swapping(&sb, "/home/mle/sub", "/home/mle/link");
}

#[test]
fn row_1_a_component_swapped_for_a_symlink_is_mounted_as_checked_or_refused() {
    let sb = shared_host();
    sb.sh("install -d -o mle /home/mle/mid; install -d -o mle-sub /home/mle/mid/sub; touch /home/mle/mid/sub/mine");
    sb.sh("install -d -o mle-sub /secret /secret/sub; touch /secret/sub/secret");
    sb.sh("ln -s /secret /home/mle/link; chown -h mle /home/mle/link; usermod -d /home/mle/mid/sub mle-sub");
    sessions_while_swapping(&sb, "/home/mle/mid", "/home/mle/link");
}
