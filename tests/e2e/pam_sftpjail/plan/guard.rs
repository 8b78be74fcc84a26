//! A profile's `guard`: names below the home that a session can neither change nor make.

mod aliases;
mod missing;
mod process;
mod refused;

use crate::common::config::guarding;
use crate::common::jailed::left_nothing;
use crate::common::mount_table::of_jail;
use sandbox::{LiveSftp, Namespace, Output, Sandbox};
use std::io::Write;
use std::process::Stdio;

in_both_namespaces!(
    an_uploaded_key_admits_nobody,
    nothing_that_is_guarded_can_be_changed_or_replaced,
    the_directory_above_a_guarded_name_cannot_be_renamed_and_holds_what_it_held,
    what_the_host_mounts_or_has_mounted_at_a_guarded_name_is_guarded,
    a_session_is_guarded_again_after_the_host_has_replaced_a_name,
    probe_shows_that_what_is_guarded_cannot_be_changed,
);

pub(super) const GUARD: [&str; 7] =
    [".ssh", ".forward", ".procmailrc", ".pam_environment", ".config/systemd", ".bashrc", ".profile"];

/// A member with Debian's own dotfiles, and that guard.
pub(super) fn member(namespace: Namespace, guard: &[&str]) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.configure(&guarding(guard));
    sb.user("mle").group("sftp").password("pw").add();
    sb.sh("cp /etc/skel/.bashrc /etc/skel/.profile /home/mle; chown mle:mle /home/mle/.bashrc /home/mle/.profile");
    sb.write("/tmp/text", "a text of the user's\n");
    sb
}

/// A login with a key that nobody has given to mle.
fn with_second_key(sb: &Sandbox) -> Output {
    sb.sshd();
    sb.try_sh(
        "sftp -F /dev/null -b /dev/null -o IdentityFile=/root/second -o IdentitiesOnly=yes -o BatchMode=yes \
         -o UserKnownHostsFile=/root/.ssh/known_hosts mle@127.0.0.1",
    )
}

fn an_uploaded_key_admits_nobody(namespace: Namespace) {
    let sb = member(namespace, &[]);
    sb.sh("ssh-keygen -q -t ed25519 -N '' -f /root/second; cat /root/.ssh/id_ed25519.pub /root/second.pub >/tmp/keys");
    let keys = sb.read_text("/home/mle/.ssh/authorized_keys");
    let upload = "put /tmp/keys .ssh/authorized_keys\n";
    with_second_key(&sb).failed();
    // So it is without a guard.
    sb.sftp("mle", upload).ok();
    with_second_key(&sb).ok();
    sb.wait_for_logouts();

    sb.write("/home/mle/.ssh/authorized_keys", &keys);
    sb.configure(&guarding(&GUARD));
    for way in [
        upload.to_owned(),
        format!("rename .ssh away\nmkdir .ssh\n{upload}"),
        format!("-mkdir other\nput /tmp/keys other/authorized_keys\nrename other .ssh\n{upload}"),
        "rename .ssh/authorized_keys .ssh/old\nput /tmp/keys .ssh/authorized_keys\n".into(),
        "put /tmp/keys .ssh/authorized_keys2\n".into(),
        "ln .ssh/authorized_keys keys\nput /tmp/keys keys\n".into(),
        "rm .ssh/authorized_keys\nput /tmp/keys .ssh/authorized_keys\n".into(),
    ] {
        sb.sftp("mle", &way).failed();
        with_second_key(&sb).failed();
    }
    assert_eq!(sb.read_text("/home/mle/.ssh/authorized_keys"), keys);
    sb.sftp("mle", "ls\n").ok();
}

/// Every request of sftp's that changes something. `#` is the guarded name, `@` a group of the user's.
const CHANGES: [&str; 18] = [
    "cp mine #",
    "put /tmp/text #",
    "put -a /tmp/text #",
    "put -p /tmp/text #",
    "put /tmp/text #/new",
    "rm #",
    "rm #/file",
    "rmdir #",
    "mkdir #/new",
    "rename # new",
    "rename -l # new",
    "rename mine #",
    "rename folder #",
    "rename -l mine #",
    "ln # new",
    "chmod 711 #",
    "chgrp @ #",
    "chgrp -h @ #",
];

/// What the test guards: directories and files, with something in them and empty; the last is missing.
const NAMES: [&str; 6] = [".ssh", ".config/systemd", ".forward", ".bashrc", ".empty", ".none"];

/// Puts it there anew, but for the key.
fn fill(sb: &Sandbox) {
    sb.sh("cd /home/mle; rm -rf new mine folder .config .forward .bashrc .empty .none .ssh/new
           mkdir -p .config/systemd/user .empty folder .ssh
           for f in .ssh/file .config/systemd/file .forward mine; do echo kept >$f; done; touch .bashrc
           chown -R mle:mle .; chmod -R u=rwX,go= .");
}

/// All that a user could change of the names.
fn state(sb: &Sandbox) -> String {
    let find = format!("find {} -printf '%p %y %i %m %u %g %n %s %T@ %l\\n' 2>&1", NAMES.join(" "));
    sb.sh(&format!("cd /home/mle; {{ {find} || :; }} | sort")).stdout
}

fn nothing_that_is_guarded_can_be_changed_or_replaced(namespace: Namespace) {
    let sb = member(namespace, &[]);
    sb.sh("usermod -aG users mle");
    let users = sb.sh("getent group users | cut -d: -f3").stdout;
    let change_of = |change: &str, name: &str| change.replace('#', name).replace('@', users.trim());
    let before = sb.mounts();
    // Without a guard each request changes one of them at least, or it would prove nothing.
    let mut live = sb.sftp_live("mle");
    for change in CHANGES {
        let changes = NAMES.iter().any(|name| {
            fill(&sb);
            let kept = state(&sb);
            live.send(&change_of(change, name));
            state(&sb) != kept
        });
        assert!(changes, "{change}");
    }
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();

    fill(&sb);
    sb.sh("cp /root/.ssh/id_ed25519.pub /home/mle/.ssh/authorized_keys; chown -R mle:mle /home/mle/.ssh");
    sb.configure(&guarding(&NAMES));
    let mut live = sb.sftp_live("mle");
    let kept = state(&sb);
    for name in NAMES {
        for change in CHANGES {
            let said = live.send(&change_of(change, name)).join("\n");
            assert!(!said.is_empty(), "{change} of {name}");
            assert_eq!(state(&sb), kept, "{change} of {name}: {said}");
        }
        // Into a directory of that name it would go.
        live.send(&format!("ln -s /home/mle/mine {name}"));
        assert_eq!(state(&sb), kept, "a symlink as {name}");
    }
    // It can be read, and all else can be changed.
    assert!(live.send("get .forward /tmp/read").is_empty());
    assert_eq!(sb.read_text("/tmp/read"), "kept\n");
    for other in
        ["put /tmp/text .forward2", "rename .forward2 x", "mkdir .config/other", "rm mine", "rmdir folder"]
    {
        assert!(!live.send(other).concat().contains("ailure"), "{other}");
    }
    sb.sh("cd /home/mle; test -e x -a -e .config/other -a ! -e mine -a ! -e folder");
    for mount in of_jail(&sb, "mle") {
        assert!(mount.flags.contains("nosuid,nodev,noexec"), "{mount:?}");
        let is_guarded = NAMES.iter().any(|name| mount.at == format!("/home/mle/{name}"));
        let is_open = ["/home/mle", "/home/mle/.config"].contains(&mount.at.as_str());
        assert_eq!(mount.flags.starts_with("ro,"), !is_open, "{mount:?}");
        assert!(!is_guarded || mount.propagation.is_empty(), "{mount:?}");
    }
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

/// Threats, row 28.
fn the_directory_above_a_guarded_name_cannot_be_renamed_and_holds_what_it_held(namespace: Namespace) {
    let sb = member(namespace, &[".config/systemd", ".config/autostart"]);
    sb.sh(
        "mkdir -p /home/mle/.config/systemd/user /home/mle/.config/app; chown -R mle:mle /home/mle/.config",
    );
    sb.sh("mkdir /home/mle/.config/disk; mount -t tmpfs disk /home/mle/.config/disk; touch /home/mle/.config/disk/deep");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    for change in ["rename .config away", "rmdir .config", "rename folder .config", "rename -l .config away"]
    {
        sb.sh("install -d -o mle /home/mle/folder");
        assert!(!live.send(change).is_empty(), "{change}");
        sb.sh("test -d /home/mle/.config/systemd/user");
    }
    for change in ["put /tmp/text .config/systemd/user/x.service", "mkdir .config/autostart/x"] {
        assert!(!live.send(change).is_empty(), "{change}");
    }
    // The rest is the user's, and what is mounted there, or will be, is there.
    for change in [
        "put /tmp/text .config/app/settings",
        "rename .config/app .config/app2",
        "get .config/disk/deep /tmp/x",
    ] {
        assert_eq!(live.send(change), [""; 0], "{change}");
    }
    sb.sh("mkdir /home/mle/.config/usb; mount -t tmpfs usb /home/mle/.config/usb; touch /home/mle/.config/usb/later");
    assert_eq!(live.send("get .config/usb/later /tmp/x"), [""; 0]);
    sb.sh("umount /home/mle/.config/usb");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn what_the_host_mounts_or_has_mounted_at_a_guarded_name_is_guarded(namespace: Namespace) {
    let sb = member(namespace, &[".ssh", ".forward", ".gnupg"]);
    sb.sh("mkdir /home/mle/.gnupg; mount -t tmpfs -o mode=777 disk /home/mle/.gnupg; mkdir -m 777 /home/mle/.gnupg/in");
    sb.sh("mount -t tmpfs -o mode=777 disk /home/mle/.gnupg/in");
    let mut live = sb.sftp_live("mle");
    // Whatever the host does there later.
    sb.sh("mount -t tmpfs -o mode=777 later /home/mle/.ssh");
    let tried = |live: &mut LiveSftp| {
        for at in [".gnupg", ".gnupg/in", ".ssh"] {
            assert!(!live.send(&format!("put /tmp/text {at}/x")).is_empty(), "{at}");
            assert!(!live.send(&format!("rename {at} away")).is_empty(), "{at}");
        }
    };
    tried(&mut live);
    sb.sh("umount /home/mle/.ssh; umount /home/mle/.gnupg/in; umount -l /home/mle/.gnupg");
    tried(&mut live);
    sb.sh("find /home/mle/.ssh /home/mle/.gnupg -name x | wc -l | grep -qx 0");
    assert_eq!(live.quit(), Some(0));
}

fn a_session_is_guarded_again_after_the_host_has_replaced_a_name(namespace: Namespace) {
    let sb = member(namespace, &[".forward", ".config/systemd"]);
    sb.sh("mkdir /home/mle/.config; touch /home/mle/.forward; chown mle:mle /home/mle/.config /home/mle/.forward");
    // A process in a namespace of its own, such as a service's; in that of the jail nobody can.
    let replace = "read line; cd /home/mle; mv .config old; install -d -o mle .config .config/systemd; \
                   echo new >new; chown mle new; mv new .forward";
    let mut service = sb
        .command("unshare")
        .args(["-m", "--propagation", "slave", "sh", "-ec", &format!("touch /tmp/ready; {replace}")])
        .stdin(Stdio::piped())
        .spawn()
        .expect("sandbox-enter runs");
    sb.sh("for i in $(seq 500); do [ -e /tmp/ready ] && exit 0; sleep 0.02; done; exit 1");
    let mut first = sb.sftp_live("mle");
    drop(service.stdin.take().map(|mut line| line.write_all(b"now\n")));
    assert!(service.wait().expect("it ends").success());
    let mut second = sb.sftp_live("mle");
    let mut shared = vec![&mut second];
    if namespace == Namespace::Host {
        shared.push(&mut first);
        sb.try_sh("mv /home/mle/.forward /home/mle/away").failed();
    }
    for live in shared {
        for change in ["put /tmp/text .forward", "rename .config x", "mkdir .config/systemd/x", "rm .forward"]
        {
            assert!(!live.send(change).is_empty(), "{change}");
        }
    }
    assert_eq!(sb.read_text("/home/mle/.forward"), "new\n");
    assert_eq!((first.quit(), second.quit()), (Some(0), Some(0)));
}

fn probe_shows_that_what_is_guarded_cannot_be_changed(namespace: Namespace) {
    let sb = member(namespace, &GUARD);
    sb.install_log_drop_in();
    let out = sb.sh("sftpjail probe mle").stdout;
    assert!(
        out.contains("✓ guard          no session can change /home/mle/.ssh, /home/mle/.forward, "),
        "{out}"
    );
    // Nothing in the way of a session but the guard: without it, probe would see.
    let names = "cd /home/mle; stat -c '%n %a' .ssh .forward .config/systemd .bashrc";
    assert_eq!(sb.sh(names).stdout, ".ssh 700\n.forward 600\n.config/systemd 700\n.bashrc 644\n");
}
