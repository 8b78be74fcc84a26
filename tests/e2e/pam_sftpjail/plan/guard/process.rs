//! The calling process, and those who change names while it guards them.

use super::member;
use crate::common::libpam::states;
use crate::common::libpam::{answers, install_alone};
use sandbox::{Namespace, Sandbox, end};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

in_both_namespaces!(
    where_root_is_kept_out_of_a_home_the_users_rights_serve,
    making_what_is_missing_leaves_the_process_as_it_was,
    a_list_of_ten_names_needs_few_descriptors,
    a_name_that_is_swapped_during_the_login_is_never_another_ones,
    a_name_that_was_swapped_since_it_was_checked_refuses_the_login,
);

const GUARD: [&str; 3] = [".none", ".config/systemd", ".ssh"];

fn driven(namespace: Namespace) -> Sandbox {
    let sb = member(namespace, &GUARD);
    sb.user("mle-sub").home("/home/mle/sub").primary("mle").group("sftp").add();
    install_alone(&sb, "");
    sb
}

fn making_what_is_missing_leaves_the_process_as_it_was(namespace: Namespace) {
    let sb = driven(namespace);
    let out = sb.sh("pam-driver --confdir /etc/alone mle-sub umask=027 state open close state");
    assert_eq!(answers(&out, "open"), ["0"]);
    let [before, after] = &states(&out)[..] else { panic!("{out}") };
    assert_eq!(before, after);
    assert!(before.iter().any(|line| line.starts_with("state dumpable ")), "{out}");
    assert_eq!(
        sb.sh("stat -c '%a %U' /home/mle/sub/.none /home/mle/sub/.config/systemd").stdout,
        "600 mle-sub\n700 mle-sub\n"
    );
}

/// As on NFS with root_squash: without these capabilities root is nobody to the modes of a home.
fn where_root_is_kept_out_of_a_home_the_users_rights_serve(namespace: Namespace) {
    let sb = driven(namespace);
    sb.sh("mkdir -m 700 /home/mle/sub/.config; chown mle-sub /home/mle/sub/.config; chmod 700 /home/mle/sub; chmod 755 /home/mle");
    let squashed =
        "setpriv --bounding-set=-dac_override,-dac_read_search pam-driver --confdir /etc/alone mle-sub";
    let out = sb.sh(&format!("{squashed} open close"));
    assert_eq!(answers(&out, "open"), ["0"]);
    let made = "cd /home/mle/sub; stat -c '%n %a %U' .none .config/systemd .ssh";
    assert_eq!(sb.sh(made).stdout, ".none 600 mle-sub\n.config/systemd 700 mle-sub\n.ssh 700 mle-sub\n");
    // Without them it could not have been done by root.
    let tried =
        sb.try_sh("setpriv --bounding-set=-dac_override,-dac_read_search mkdir /home/mle/sub/x").failed();
    assert!(tried.stderr.contains("Permission denied"), "{tried}");
    let again = sb.sh(&format!("{squashed} state open close state"));
    let [before, after] = &states(&again)[..] else { panic!("{again}") };
    assert_eq!((before, answers(&again, "open")), (after, vec!["0"]));
}

/// One for each mount, and not two.
fn a_list_of_ten_names_needs_few_descriptors(namespace: Namespace) {
    let names: Vec<_> = (0..10).map(|n| format!(".guarded{n}")).collect();
    let sb = member(namespace, &names.iter().map(String::as_str).collect::<Vec<_>>());
    install_alone(&sb, "");
    let out = sb.sh("prlimit --nofile=32 pam-driver --confdir /etc/alone mle open close");
    assert_eq!(answers(&out, "open"), ["0"], "{out}");
    let few = sb.sh("prlimit --nofile=12 pam-driver --confdir /etc/alone mle open close");
    assert_eq!(answers(&few, "open"), ["14"], "{few}");
}

/// By somebody outside of the jail, who sees none of its mounts.
fn a_name_that_is_swapped_during_the_login_is_never_another_ones(namespace: Namespace) {
    let sb = driven(namespace);
    sb.sh("install -d -o mle-sub /secret; touch /secret/secret; chown mle-sub /secret/secret");
    let home = "/home/mle/sub";
    for (guarded, other, make) in [
        (".none", "other", "ln -s /secret/secret other; echo mine >.none"),
        (".none", "other", "ln -s /secret/missing other; echo mine >.none"),
        (".config", "other", "ln -s /secret other; mkdir -p .config/systemd"),
        (".config", "other", "ln -s /secret other; mkdir -p .config"),
        (".ssh", "other", "mkdir other .ssh; touch other/one .ssh/two"),
    ] {
        sb.sh(&format!("cd {home}; rm -rf .none .config other .ssh; {make}; chown -hR mle-sub ."));
        let mut swapper = sb
            .command("unshare")
            .args(["-m", "--propagation", "private", "pam-driver", "root"])
            .arg(format!("swap={home}/{guarded}:{home}/{other}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("sandbox-enter runs");
        let mut line = String::new();
        BufReader::new(swapper.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let out = sb.sh("pam-driver --confdir /etc/alone mle-sub mounts=300");
        end(&mut swapper);
        let counts = answers(&out, "mounts");
        assert!(
            counts.iter().all(|count| count.ends_with(" inside") || count.ends_with(" refused 14")),
            "{out}"
        );
        assert!(counts.iter().any(|count| count.ends_with(" refused 14")), "nobody raced: {out}");
        assert_eq!(sb.sh("ls -A /secret; stat -c %s /secret/secret").stdout, "secret\n0\n", "{make}");
    }
}

/// Whichever of the two moments somebody chooses: after the name was checked, and after the place in the
/// jail was looked up.
fn a_name_that_was_swapped_since_it_was_checked_refuses_the_login(namespace: Namespace) {
    let sb = driven(namespace);
    sb.sh("cd /home/mle/sub; mkdir -p .config/systemd; chown -R mle-sub .config");
    // The jail root is a mount from then on.
    sb.sh("pam-driver --confdir /etc/alone mle-sub open close; mkdir /home/mle/sub/other");
    // The third tree is .config's; the seventh mount is that of /dev/log, after all that is guarded.
    for (call, number, nth) in
        [("open_tree", libc::SYS_open_tree, 3), ("move_mount", libc::SYS_move_mount, 7)]
    {
        let before = sb.mounts();
        sb.sh(&format!(
            "strace -qqo /dev/null -e trace={call} -e inject={call}:delay_enter=5s:when={nth} \
             pam-driver --confdir /etc/alone mle-sub open close >/tmp/said &
             is_there() {{ grep -qs '^{number} ' /proc/$(pgrep -x pam-driver)/syscall; }}
             for i in $(seq 500); do is_there && sleep 0.5 && is_there && break; sleep 0.02; done
             unshare -m --propagation private sh -ec '
                 umount -l /jail 2>/dev/null || :
                 cd /home/mle/sub; mv .config away; mkdir -p .config/systemd; chown -R mle-sub .config'
             wait; rm -r /home/mle/sub/away"
        ));
        let said = sb.read_text("/tmp/said");
        assert!(said.starts_with("open 14\n"), "{call}: {said}");
        assert_eq!(sb.mounts(), before);
    }
    sb.sh("logger -p auth.info the end");
    sb.wait_for_log("the end");
    let reason = "/home/mle/sub/.config cannot be guarded: it was replaced during the login";
    assert_eq!(sb.log_lines(reason).len(), 2);
}
