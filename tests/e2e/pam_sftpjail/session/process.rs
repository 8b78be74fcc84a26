//! The calling process: sshd must be after a session what it was before, whatever happens.

mod file_size;

use crate::common::jailed::{left_nothing, left_nothing_below};
use crate::common::libpam::{IGNORED, answers, install_alone, states};
use sandbox::{Namespace, Output, Sandbox};

in_both_namespaces!(
    a_session_leaves_the_process_as_it_was,
    close_without_open_and_a_second_close_find_nothing,
    a_second_open_is_refused_and_the_first_goes_on,
    without_descriptors_a_member_is_jailed_or_refused_never_ignored,
    when_the_groups_cannot_be_read_a_member_is_refused_never_ignored,
    without_memory_a_member_is_jailed_or_refused_never_ignored,
    ten_thousand_sessions_in_one_process_leak_nothing,
    the_module_starts_no_process_and_trusts_no_variable,
    a_service_in_a_chroot_stays_in_it,
);

/// A member, and pam-driver.
fn driven(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").add();
    sb.user("mle-sub").home("/home/mle/sub").primary("mle").group("sftp").add();
    install_alone(&sb, "");
    sb
}

/// Runs pam-driver's `steps`, with `before` (a wrapper such as strace) in front of it.
fn drive(sb: &Sandbox, before: &str, steps: &str) -> Output {
    sb.try_sh(&format!("{before} pam-driver --confdir /etc/alone mle-sub {steps}"))
}

/// Whatever sessions that were cut short have left, the next one takes away.
#[track_caller]
fn is_fixed(sb: &Sandbox, before: &[String]) {
    let out = drive(sb, "", "open close").ok();
    assert_eq!((answers(&out, "open"), answers(&out, "close")), (vec!["0"], vec!["0"]));
    left_nothing(sb, before);
}

fn a_session_leaves_the_process_as_it_was(namespace: Namespace) {
    let sb = driven(namespace);
    let out = drive(&sb, "", "umask=027 cd=/var/log state account open state close state").ok();
    let [before, during, after] = &states(&out)[..] else { panic!("{out}") };
    assert_eq!(before, after);
    assert_eq!(answers(&out, "open"), ["0"]);
    assert_eq!(answers(&out, "close"), ["0"]);
    // Even during it, all but the namespace is the same; what is open besides is the session's record
    // and the way back, where there is one to go.
    let differing = during.iter().filter(|line| !before.contains(line));
    let differing: Vec<_> = differing.map(|line| line.split(' ').nth(1).expect("a key")).collect();
    let (expected, ways_back) = match namespace {
        Namespace::Private => (&["fds", "namespace"][..], 1),
        Namespace::Host => (&["fds"][..], 0),
    };
    assert_eq!(differing, expected);
    let (fds, count) = (during[0], |line: &str| line.matches(": \"").count());
    assert_eq!(count(fds), count(before[0]) + 1 + ways_back, "{fds}");
    assert_eq!(fds.matches("mnt:[").count(), ways_back, "{fds}");
    assert_eq!(fds.matches(&format!("/run/sftpjail/mle-sub/{namespace}-")).count(), 1, "{fds}");
}

fn close_without_open_and_a_second_close_find_nothing(namespace: Namespace) {
    let sb = driven(namespace);
    let out = drive(&sb, "", "state close state open close close state").ok();
    assert_eq!(answers(&out, "close"), [IGNORED, "0", IGNORED]);
    let states = states(&out);
    assert!(states.iter().all(|state| *state == states[0]), "{out}");
}

fn a_second_open_is_refused_and_the_first_goes_on(namespace: Namespace) {
    let sb = driven(namespace);
    let out = drive(&sb, "", "state open open ls=/jail close state").ok();
    assert_eq!(answers(&out, "open"), ["0", "14"]);
    assert_eq!(answers(&out, "ls"), ["\"/jail\" [\"mle-sub\"]"]);
    // libpam answers for close what the last open was answered; the state tells.
    let [before, after] = &states(&out)[..] else { panic!("{out}") };
    assert_eq!(before, after);
    assert!(sb.wait_for_log("refused user mle-sub").contains("open already"));
    sb.wait_for_log("session closed for user mle-sub");
}

fn without_descriptors_a_member_is_jailed_or_refused_never_ignored(namespace: Namespace) {
    let sb = driven(namespace);
    let mut chroots = vec![""];
    // In a chroot the refusal must not lead out of it either. With jails in the host's namespace nobody
    // leaves that.
    if namespace == Namespace::Private {
        sb.sh("mkdir /cage; mount --bind / /cage; for d in dev home proc run usr var/log; do mount --rbind /$d /cage/$d; done");
        chroots.push("chroot /cage");
    }
    let before = sb.mounts();
    for chroot in chroots {
        let mut refused = 0;
        for limit in 3..30 {
            // The first account call loads the modules; what is to be tested is ours, not libpam's.
            let steps = format!(
                "cd=/var/log account close nofile=1000 state nofile={limit} account open close nofile=1000 state"
            );
            let out = drive(&sb, chroot, &steps);
            for step in ["account", "open"] {
                let answers = answers(&out, step);
                let answer = *answers.last().unwrap_or_else(|| panic!("{limit}: {out}"));
                assert_ne!(answer, IGNORED, "{limit}: {out}");
                refused += usize::from(answer != "0");
            }
            let [was, is] = &states(&out)[..] else { panic!("{limit}: {out}") };
            assert_eq!(was, is, "{chroot:?} {limit}");
        }
        assert!(refused > 10, "the limits are tight enough to matter: {refused}");
    }
    is_fixed(&sb, &before);
}

/// With `group: files systemd`, Debian's own, the next service answers "not found" for a file that
/// cannot be opened.
fn when_the_groups_cannot_be_read_a_member_is_refused_never_ignored(namespace: Namespace) {
    let sb = driven(namespace);
    for errno in ["ENOMEM", "EIO", "EMFILE", "ENFILE", "EACCES", "ENOENT"] {
        let strace = format!("strace -qqo /dev/null -P /etc/group -e inject=openat:error={errno}");
        let out = drive(&sb, &strace, "state account open close state");
        for step in ["account", "open"] {
            assert_eq!(answers(&out, step), ["4"], "{errno}: {out}");
        }
        let [before, after] = &states(&out)[..] else { panic!("{errno}: {out}") };
        assert_eq!(before, after);
    }
    assert!(sb.wait_for_log("refused user mle-sub").contains("looking up the groups in /etc/group failed: "));
}

fn without_memory_a_member_is_jailed_or_refused_never_ignored(namespace: Namespace) {
    let sb = driven(namespace);
    let before = sb.mounts();
    let mut refused = 0;
    for bytes in (0..40).map(|step| step * 256) {
        let steps = format!("account close memory={bytes} account open close");
        let out = drive(&sb, "", &steps);
        for step in ["account", "open"] {
            // A process that is killed has let nobody in.
            let answers = answers(&out, step);
            let expected = usize::from(step == "account") + 1;
            let answer = if answers.len() < expected { "dead" } else { answers[expected - 1] };
            assert_ne!(answer, IGNORED, "{bytes}: {out}");
            refused += usize::from(answer != "0");
        }
    }
    assert!(refused > 10, "the limits are tight enough to matter: {refused}");
    is_fixed(&sb, &before);
}

fn ten_thousand_sessions_in_one_process_leak_nothing(namespace: Namespace) {
    let sb = driven(namespace);
    let before = sb.mounts();
    sb.stop_syslog();
    let mut driver = sb.command("pam-driver");
    // On a busy machine they take more than the minute that a script may.
    let out = driver.args(["--confdir", "/etc/alone", "mle-sub", "cycles=10000"]).output();
    let out = String::from_utf8(out.expect("sandbox-enter runs").stdout).expect("UTF-8");
    let mut seen = 0;
    for line in out.lines().filter_map(|line| line.strip_prefix("cycles ")) {
        let [what, before, after] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let [before, after] = [before, after].map(|n| n.parse::<i64>().expect("a number"));
        // 10,000 leaked allocations of the smallest size would be 160 KiB.
        let room = if what == "resident-kib" { 128 } else { 0 };
        assert!(after <= before + room, "{line}");
        seen += 1;
    }
    assert_eq!(seen, 4, "{out}");
    left_nothing(&sb, &before);
}

/// Threats, row 5: pam_namespace's helper inherited the environment (CVE-2010-3853).
fn the_module_starts_no_process_and_trusts_no_variable(namespace: Namespace) {
    let sb = driven(namespace);
    sb.sh("mkdir /evil && printf '#!/bin/sh\\ntouch /evil/ran\\n' | tee /evil/mount /evil/umount > /evil/sh");
    sb.sh("chmod +x /evil/*");
    let environment = "env PATH=/evil TMPDIR=/evil XDG_CONFIG_HOME=/evil HOME=/evil \
                       TZ=/evil/zone LC_ALL=/evil SFTPJAIL_CONFIG=/evil/config.toml";
    let strace = "strace -fqqo /tmp/calls -e trace=%process,open,openat,openat2";
    let driver = "/usr/local/sbin/pam-driver --confdir /etc/alone mle-sub state account open close state";
    let out = sb.sh(&format!("{strace} {environment} {driver}"));
    let [before, after] = &states(&out)[..] else { panic!("{out}") };
    assert_eq!(before, after);
    assert_eq!(answers(&out, "open"), ["0"]);
    let calls = sb.read_text("/tmp/calls");
    assert!(calls.contains("/etc/alone"), "strace saw the calls: {calls}");
    // strace executes env, env the driver, and nobody anything after that.
    assert_eq!(calls.matches("execve(").count(), 2, "{calls}");
    assert_eq!(calls.matches("clone").count() + calls.matches("fork(").count(), 0, "{calls}");
    let module: Vec<_> = calls.lines().skip_while(|line| !line.contains("pam_sftpjail.so")).collect();
    assert!(!module.is_empty());
    assert!(module.iter().all(|line| !line.contains("/evil")), "{module:#?}");
}

/// A jail in a namespace of its own would lead out of the chroot, at the latest when it ends.
fn a_service_in_a_chroot_stays_in_it(namespace: Namespace) {
    let sb = driven(namespace);
    sb.sh("mkdir /cage && for d in usr etc dev home root proc var run; do mkdir /cage/$d; mount --rbind /$d /cage/$d; done");
    sb.sh("for l in bin lib lib64 sbin; do ln -s usr/$l /cage/$l; done");
    let before = sb.mounts();
    let out = sb.sh("chroot /cage pam-driver --confdir /etc/alone mle-sub cd=/home state open close state");
    let [was, is] = &states(&out)[..] else { panic!("{out}") };
    assert_eq!(was, is);
    sb.sh("test ! -e /jail");
    match namespace {
        Namespace::Private => {
            assert_eq!(answers(&out, "open"), ["14"]);
            assert!(sb.wait_for_log("refused user mle-sub").contains("runs in a chroot"));
        }
        Namespace::Host => assert_eq!(answers(&out, "open"), ["0"]),
    }
    left_nothing_below(&sb, "/cage/jail", &before);
}
