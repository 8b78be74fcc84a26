//! `sftpjail check` says that a filesystem is full.

use sandbox::{Namespace, Sandbox};

#[test]
fn a_full_home_or_volume_is_a_warning() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").password("pw").add();
    sb.sh(
        "mkdir -p /etc/sftpjail /srv/full /srv/read; mount -t tmpfs -o nr_inodes=1,mode=755,uid=$(id -u mle) none /srv/full; \
           mount -t tmpfs -o nr_inodes=1,mode=755 none /srv/read",
    );
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/srv/full\"\ntarget = \"/full\"\n\
         [[profile.volume]]\nsource = \"/srv/read\"\ntarget = \"/read\"\nread_only = true\n",
    );
    let said = |what: &str, df: &str| {
        format!(
            "! room           the filesystem of {what} left: the user can log in, and store nothing\n                 → make \
             room on that filesystem: see {df}\n"
        )
    };
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains(&said("/full has no inodes", "df -i")), "{out}");
    assert_eq!(out.stdout.matches("! room").count(), 1, "{out}");
    sb.sh("mount -t tmpfs -o size=64k,mode=750,uid=$(id -u mle),gid=$(id -g mle) none /home/mle; cat /dev/zero >/home/mle/fill || true");
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains(&said("/home/mle has no space", "df -h")), "{out}");
}

in_both_namespaces!(a_full_run_refuses_whom_has_to_be_recorded_and_check_says_so);

/// What leaves no room for a record in a registry of its own, in /run, and in the directory of the user.
const FULL: [(&str, &str, &str, &str); 5] = [
    ("size=4k", "cat /dev/zero >/run/sftpjail/fill || true", "/run/sftpjail", "No space left on device"),
    ("nr_inodes=2", "true", "/run/sftpjail", "No space left on device"),
    ("nr_inodes=2", "mkdir -m 700 /run/sftpjail/mle", "/run/sftpjail/mle", "No space left on device"),
    (
        "size=4k",
        "mkdir -m 700 /run/sftpjail/mle; cat /dev/zero >/run/sftpjail/fill || true",
        "/run/sftpjail/mle",
        "No space left on device",
    ),
    ("ro", "true", "/run/sftpjail", "Read-only file system"),
];

fn a_full_run_refuses_whom_has_to_be_recorded_and_check_says_so(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let limited = "[[profile]]\nname = \"few\"\ngroups = [\"sftp\"]\nmax_sessions = 4\n";
    let unlimited = "[[profile]]\nname = \"all\"\ngroups = [\"sftp\"]\n";
    let of_run = |options: &str, fill: &str| {
        sb.sh(&format!(
            "mkdir -m 700 -p /run/sftpjail; mount -t tmpfs -o mode=700,{options} none /run/sftpjail; {fill}"
        ));
    };
    for (options, fill, at, errno) in FULL {
        of_run(options, fill);
        for profile in [limited, unlimited] {
            sb.configure(profile);
            let check = sb.try_sh("sftpjail check mle");
            let all = sb.try_sh("sftpjail check --all").stdout;
            let why = format!("the registry of sessions cannot be used: {at} cannot be written: {errno}");
            let fix = if errno.starts_with("No space") {
                format!("make room on that filesystem: see df -h {at} and df -i {at}")
            } else {
                "mount that filesystem writable".to_owned()
            };
            let said = |mark: &str, more: &str| {
                format!("{mark} sessions       {why}{more}\n                 → {fix}\n")
            };
            let lines =
                check.stdout.replace("\n                 ", " ").replace(" → ", "\n                 → ");
            if profile == limited || namespace == Namespace::Host {
                assert!(lines.contains(&said("✗", "")), "{options} {fill}: {check}");
                assert!(!lines.contains("✗ rehearsal"), "once is enough: {check}");
                assert!(
                    lines.ends_with(&format!(
                        "mle is jailed but cannot log in: {at} cannot be written: {errno}.\n"
                    )),
                    "{check}"
                );
                assert_eq!(check.code, Some(1));
                assert!(all.ends_with("1 user: 1 cannot log in. The host is ok.\n"), "{all}");
                let refused = sb.sftp("mle", "pwd\n").failed();
                assert!(
                    refused.stderr.contains("SFTP is not possible because of a problem on this server"),
                    "{refused}"
                );
                let entry = sb.wait_for_log("refused user mle");
                assert!(entry.contains(&format!("{why}; fix: {fix}")), "{entry}");
            } else {
                assert!(
                    lines.contains(&said(
                        "!",
                        ". A login goes on, but `sftpjail list` and `kick` do not know its session"
                    )),
                    "{check}"
                );
                assert!(
                    lines.ends_with("mle is jailed and can log in.\n") && check.code == Some(0),
                    "{check}"
                );
                assert!(all.ends_with("1 user: 1 is jailed and can log in. The host is ok.\n"), "{all}");
                sb.sftp("mle", "pwd\n").ok();
            }
        }
        sb.wait_for_logouts();
        sb.sh("umount /run/sftpjail; : >/var/log/auth.log");
    }
    // Room for one record is enough, of which nothing is left.
    sb.configure(limited);
    for options in ["size=4k", "nr_inodes=3"] {
        of_run(options, "true");
        let check = sb.sh("sftpjail check mle").stdout;
        assert!(check.contains("✓ sessions       none is live\n"), "{check}");
        assert_eq!(
            sb.sh("ls -A /run/sftpjail; df --output=iused /run/sftpjail | tail -1 | tr -d ' '").stdout,
            "1\n"
        );
        sb.sftp("mle", "pwd\n").ok();
        sb.wait_for_logouts();
        sb.sh("umount /run/sftpjail");
    }
    // Before the first session of all, in /run itself.
    sb.sh(
        "rmdir /run/sftpjail; mount -o remount,nr_inodes=$(($(df --output=iused /run | tail -1) + 2)) /run",
    );
    let check = sb.try_sh("sftpjail check mle").stdout;
    assert!(
        check.contains("mle is jailed but cannot log in: /run cannot be written: No space left on device.\n"),
        "{check}"
    );
    sb.sh("mount -o remount,nr_inodes=$(($(df --output=iused /run | tail -1) + 3)) /run; sftpjail check mle");
    sb.sftp("mle", "pwd\n").ok();
}

/// Each first session of a user makes a directory there; a jail in a namespace of its own needs none.
#[test]
fn a_jail_root_without_room_for_the_directories_of_jails() {
    let (private, host) = (Namespace::Private, Namespace::Host);
    for (namespace, options) in
        [(host, "nr_inodes=1"), (host, "ro"), (private, "nr_inodes=1"), (private, "ro")]
    {
        let sb = Sandbox::in_namespace(namespace);
        sb.user("mle").group("sftp").add();
        sb.sh(&format!("mkdir -m 700 /jail; mount -t tmpfs -o mode=700,{options} none /jail"));
        let check = sb.try_sh("sftpjail check mle");
        if namespace == private {
            assert_eq!(check.code, Some(0), "{check}");
            sb.sftp("mle", "pwd\n").ok();
            continue;
        }
        let (errno, fix) = match options {
            "ro" => ("Read-only file system", "mount that filesystem writable: it is mounted read-only"),
            _ => ("No space left on device", "make room on that filesystem: space, inodes and root's quota"),
        };
        let lines = check.stdout.replace("\n                 ", " ");
        assert!(
            lines.contains("✗ rehearsal      building the jail failed: mkdirat(/jail/mle): ")
                && lines.contains(&format!("{errno} → {fix}")),
            "{check}"
        );
        assert!(lines.ends_with("mle is jailed but cannot log in: building the jail fails.\n"), "{check}");
        sb.sftp("mle", "pwd\n").failed();
        assert!(sb.wait_for_log("refused user mle").contains(errno));
        sb.sh("mount -o remount,rw,nr_inodes=5 /jail; sftpjail check mle; test -z \"$(ls -A /jail)\"");
        sb.sftp("mle", "pwd\n").ok();
    }
}

/// The first login of all makes the jail root, in both namespaces.
#[test]
fn a_jail_root_that_cannot_be_made() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.sh("mkdir /srv/jails; mount -t tmpfs -o nr_inodes=1,mode=755 none /srv/jails
        sed -i 's,/jail/%u,/srv/jails/all/%u,' /etc/ssh/sshd_config");
    sb.configure("jail_root = \"/srv/jails/all\"\n");
    let said = |errno: &str, fix: &str| {
        format!(
            "✗ rehearsal      building the jail failed: mkdirat(all): {errno}\n                 → {fix}\n"
        )
    };
    let check = sb.try_sh("sftpjail check mle").stdout;
    let full =
        said("No space left on device", "make room on that filesystem: space, inodes and root's quota");
    assert!(check.contains(&full), "{check}");
    // As root, who is no less than root.
    sb.sh("mount -o remount,ro /srv/jails");
    let check = sb.try_sh("sftpjail check mle").stdout;
    let read_only = said("Read-only file system", "mount that filesystem writable: it is mounted read-only");
    assert!(check.contains(&read_only) && !check.contains("run this as root"), "{check}");
    assert!(check.ends_with("mle is jailed but cannot log in: building the jail fails.\n"), "{check}");
}

/// The first login of a member makes it, and no check does.
#[test]
fn a_source_of_a_volume_that_cannot_be_made() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n[[profile.volume]]\nsource = \"/srv/all/%u\"\n\
         target = \"/up\"\ncreate = { owner = \"%u\", group = \"%g\", mode = \"0750\" }\n",
    );
    for (options, errno) in [
        ("nr_inodes=1", Some("No space left on device")),
        ("ro", Some("Read-only file system")),
        ("size=4k", None),
    ] {
        sb.sh(&format!(
            "mkdir -p /srv/all; mount -t tmpfs -o mode=755,{options} none /srv/all
             cat /dev/zero >/srv/all/fill || true"
        ));
        let check = sb.try_sh("sftpjail check mle");
        sb.sh("not test -e /srv/all/mle");
        if let Some(errno) = errno {
            let said = format!("✗ rehearsal      building the jail failed: mkdirat(mle): {errno}\n");
            assert!(check.stdout.contains(&said) && check.code == Some(1), "{check}");
            sb.sftp("mle", "pwd\n").failed();
        } else {
            // A directory takes no space there.
            assert_eq!(check.code, Some(0), "{check}");
            sb.sftp("mle", "pwd\n").ok();
        }
        sb.wait_for_logouts();
        sb.sh("umount /srv/all");
    }
}
