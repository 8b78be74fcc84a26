//! Rows 1 and 13: a path was resolved twice, and a user swapped components for symlinks in between:
//! of homes in pam_namespace before 1.7.1 (CVE-2025-6020), of shared folders in firejail, flatpak and
//! runc (CVE-2021-26910, CVE-2024-42472, CVE-2021-30465).

use super::shared_host;
use crate::common::jailed::left_nothing;
use sandbox::{Namespace, Sandbox, end};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

in_both_namespaces!(
    row_1_a_home_swapped_for_a_symlink_is_mounted_as_checked_or_refused,
    row_1_a_component_swapped_for_a_symlink_is_mounted_as_checked_or_refused,
    row_13_a_symlink_that_a_user_put_into_a_volumes_source_is_refused,
    row_13_a_source_swapped_for_a_symlink_is_mounted_as_checked_or_refused,
    row_13_a_component_of_a_source_swapped_for_a_symlink_is_mounted_as_checked_or_refused,
);

/// pam-driver's process that exchanges two names until it is ended.
fn swapping(sb: &Sandbox, a: &str, b: &str) -> Child {
    let mut child = sb
        .command("pam-driver")
        .args(["root", &format!("swap={a}:{b}")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("sandbox-enter runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "swapping\n");
    child
}

/// 1,000 sessions while `a` and `b` change places: each finds what was checked, or is refused.
fn sessions_while_swapping(sb: &Sandbox, a: &str, b: &str) {
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
}

fn row_1_a_home_swapped_for_a_symlink_is_mounted_as_checked_or_refused(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("touch /home/mle/sub/mine; install -d -o mle-sub /secret; touch /secret/secret");
    sb.sh("ln -s /secret /home/mle/link; chown -h mle-sub /home/mle/link");
    sessions_while_swapping(&sb, "/home/mle/sub", "/home/mle/link");
}

fn row_1_a_component_swapped_for_a_symlink_is_mounted_as_checked_or_refused(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("install -d -o mle /home/mle/mid; install -d -o mle-sub /home/mle/mid/sub; touch /home/mle/mid/sub/mine");
    sb.sh("install -d -o mle-sub /secret /secret/sub; touch /secret/sub/secret");
    sb.sh("ln -s /secret /home/mle/link; chown -h mle /home/mle/link; usermod -d /home/mle/mid/sub mle-sub");
    sessions_while_swapping(&sb, "/home/mle/mid", "/home/mle/link");
}

/// A host on which a volume takes the home's place in the jail, where pam-driver looks. Its source is
/// below /srv/mle-sub, which belongs to mle-sub and has the symlink `link` to /secret.
fn host_with_volume(namespace: Namespace, source: &str) -> Sandbox {
    let sb = shared_host(namespace);
    sb.configure(&format!(
        "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\nhome = \"none\"\n\
         [[profile.volume]]\nsource = \"/srv/%u/{source}\"\ntarget = \"%h\"\n"
    ));
    sb.sh("install -d -o mle-sub /srv/mle-sub /secret /secret/volume; touch /secret/secret /secret/volume/secret");
    sb.sh("ln -s /secret /srv/mle-sub/link; chown -h mle-sub /srv/mle-sub/link");
    sb.sh(&format!("cd /srv/mle-sub; mkdir -p {source}; touch {source}/mine; chown -R mle-sub ."));
    sb
}

fn row_13_a_symlink_that_a_user_put_into_a_volumes_source_is_refused(namespace: Namespace) {
    for (source, component) in [("volume", "volume"), ("mid/volume", "mid")] {
        let sb = host_with_volume(namespace, source);
        let before = sb.mounts();
        assert_eq!(sb.sftp("mle-sub", "ls\n").ok().stdout.matches("mine").count(), 1);
        sb.sh(&format!("cd /srv/mle-sub; mv {component} away; mv link {component}"));
        let out = sb.sftp("mle-sub", "ls\n").failed();
        assert!(!out.stdout.contains("secret"), "{out}");
        let line = sb.wait_for_log("refused user mle-sub");
        assert!(line.contains(&format!("/srv/mle-sub/{component} is a symlink")), "{line}");
        left_nothing(&sb, &before);
    }
}

fn row_13_a_source_swapped_for_a_symlink_is_mounted_as_checked_or_refused(namespace: Namespace) {
    let sb = host_with_volume(namespace, "volume");
    sessions_while_swapping(&sb, "/srv/mle-sub/volume", "/srv/mle-sub/link");
}

fn row_13_a_component_of_a_source_swapped_for_a_symlink_is_mounted_as_checked_or_refused(
    namespace: Namespace,
) {
    let sb = host_with_volume(namespace, "mid/volume");
    sessions_while_swapping(&sb, "/srv/mle-sub/mid", "/srv/mle-sub/link");
}
