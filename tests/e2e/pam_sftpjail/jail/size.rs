//! What a client is told of the size of `/`, and what becomes of it when a client copies all of `/`.

use crate::common::jailed::names;
use crate::common::libpam::{answers, install_alone};
use crate::common::mount_table::of_jail;
use sandbox::{LiveSftp, Namespace, Sandbox};

in_both_namespaces!(
    the_root_has_as_much_room_as_the_home_and_takes_no_memory_for_it,
    a_full_home_has_no_room_and_lets_its_user_in,
    without_a_home_the_first_volume_that_can_be_written_counts,
    another_amount_of_free_space_is_no_other_jail,
    a_mounted_drive_takes_an_upload,
    all_of_the_jail_can_be_copied,
);

/// The most that the jail's own files are granted, in KiB.
const OWN: u64 = 512;

/// A member whose home is a filesystem of its own, of this many MiB and inodes.
fn member(namespace: Namespace, mebibytes: u32, inodes: u32) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.sh(&format!("mkdir /home/mle; mount -t tmpfs -o size={mebibytes}m,nr_inodes={inodes} home /home/mle"));
    sb.user("mle").group("sftp").add();
    sb.sh("mkdir -p /home/mle/.ssh; cp /root/.ssh/id_ed25519.pub /home/mle/.ssh/authorized_keys; chown -R mle:mle /home/mle");
    sb
}

/// Size, used and available of a path, in KiB or, with `-i`, in inodes: `df` of sftp's.
#[track_caller]
fn df(live: &mut LiveSftp, words: &str) -> [u64; 3] {
    let said = live.send(&format!("df {words}"));
    let mut numbers = said[1].split_whitespace().map(|word| word.parse().expect("a number"));
    [(); 3].map(|()| numbers.next().expect("a column"))
}

#[track_caller]
fn is_about(found: u64, expected: u64) {
    assert!((expected..expected + OWN).contains(&found), "{found} is not about {expected}");
}

fn the_root_has_as_much_room_as_the_home_and_takes_no_memory_for_it(namespace: Namespace) {
    let sb = member(namespace, 800, 5000);
    sb.sh("head -c 100M /dev/zero >/home/mle/file; chown mle /home/mle/file");
    let mut live = sb.sftp_live("mle");
    let [_, _, home] = df(&mut live, ".");
    let [size, used, available] = df(&mut live, "/");
    is_about(available, home);
    is_about(size, home);
    assert!(used < 64, "{used}");
    let ([_, _, home], [_, _, root]) = (df(&mut live, "-i ."), df(&mut live, "-i /"));
    is_about(root, home);
    // Nothing can be written there all the same.
    sb.write("/tmp/letter", "a letter\n");
    for change in [
        "put /tmp/letter /x",
        "mkdir /x",
        "put /tmp/letter /etc/x",
        "put /tmp/letter /etc/passwd",
        "rm /etc/group",
        "mkdir /home/x",
        "ln -s a /x",
    ] {
        assert!(!live.send(change).is_empty(), "{change}");
    }
    assert_eq!(names(&mut live, "/"), ["dev", "etc", "home"]);
    let own = &of_jail(&sb, "mle")[0];
    assert!(own.kind == "tmpfs" && own.flags.starts_with("ro,"), "{own:?}");
    if namespace == Namespace::Host {
        // root cannot either, short of mounting it anew.
        let out = sb.try_sh("touch /jail/mle/x").failed();
        assert!(out.stderr.contains("Read-only file system"), "{out}");
    }
}

fn a_full_home_has_no_room_and_lets_its_user_in(namespace: Namespace) {
    let sb = member(namespace, 2, 50);
    sb.sh("cd /home/mle; cat /dev/zero >file 2>/dev/null || :; i=0; while touch empty$i 2>/dev/null; do i=$((i + 1)); done");
    let mut live = sb.sftp_live("mle");
    assert_eq!(df(&mut live, ".")[2], 0);
    let [_, _, available] = df(&mut live, "/");
    assert!(available < OWN, "{available}");
    assert!(live.send("rm file").concat().is_empty());
}

fn without_a_home_the_first_volume_that_can_be_written_counts(namespace: Namespace) {
    let sb = member(namespace, 2, 50);
    sb.sh("mkdir -p /srv/read /srv/write /srv/more; mount -t tmpfs -o size=10m read /srv/read
           mount -t tmpfs -o size=30m,mode=777 write /srv/write; mount -t tmpfs -o size=50m,mode=777 more /srv/more");
    let volume = |name: &str, more: &str| {
        format!("[[profile.volume]]\nsource = \"/srv/{name}\"\ntarget = \"/{name}\"\n{more}\n")
    };
    let profile = "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\nhome = \"none\"\n";
    let read = volume("read", "read_only = true");
    for (volumes, expected) in
        [(read.clone() + &volume("write", "") + &volume("more", ""), 30 << 10), (read, 10 << 10)]
    {
        sb.configure(&(profile.to_owned() + &volumes));
        let mut live = sb.sftp_live("mle");
        is_about(df(&mut live, "/")[2], expected);
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
    }
}

fn another_amount_of_free_space_is_no_other_jail(namespace: Namespace) {
    let sb = member(namespace, 100, 500);
    let mut first = sb.sftp_live("mle");
    sb.sh("head -c 20M /dev/zero >/home/mle/file");
    let mut second = sb.sftp_live("mle");
    assert!(df(&mut first, ".")[2] < 81 << 10);
    assert!(df(&mut first, "/")[2] > 99 << 10, "it is as it was at the login");
    assert_eq!(second.send("pwd"), ["Remote working directory: /home/mle"]);
    // A filesystem that does not answer keeps nobody out either.
    if namespace == Namespace::Private {
        install_alone(&sb, "");
        let out = sb.sh("strace -qqo /dev/null -e inject=fstatfs:error=ETIMEDOUT pam-driver --confdir /etc/alone mle open close");
        assert_eq!(answers(&out, "open"), ["0"]);
    }
}

fn a_mounted_drive_takes_an_upload(namespace: Namespace) {
    let sb = member(namespace, 700, 5000);
    sb.sshd();
    sb.sh("test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229; mkdir /mnt/drive
           sshfs -o BatchMode=yes mle@127.0.0.1:/ /mnt/drive
           head -c 20M /dev/urandom >/tmp/large; cp /tmp/large /mnt/drive/home/mle/; cmp /tmp/large /home/mle/large");
    let available: u64 =
        sb.sh("df --output=avail -k /mnt/drive | tail -n 1").stdout.trim().parse().expect("a number");
    assert!((690 << 10..701 << 10).contains(&available), "{available}");
    sb.sh("umount /mnt/drive");
}

/// OpenSSH's sftp, and lftp. The socket of the log cannot be read by SFTP: sftp says so and goes on, lftp
/// calls it an error unless it is left out, or the jail has none.
fn all_of_the_jail_can_be_copied(namespace: Namespace) {
    for (log, exclude) in [(true, "-x ^dev/"), (false, "")] {
        let sb = Sandbox::in_namespace(namespace);
        sb.user("mle").group("sftp").add();
        sb.install_log_drop_in();
        sb.configure(&format!("[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\nlog = {log}\n"));
        sb.sh("mkdir -p /home/mle/a/b /tmp/sftp; echo deep >/home/mle/a/b/c; chown -R mle:mle /home/mle/a");
        sb.sftp("mle", "get -r / /tmp/sftp\n").ok();
        sb.sh(&format!(
            "cd /tmp; lftp -c 'set sftp:connect-program \"ssh -a -x -o BatchMode=yes\"; set cmd:fail-exit yes;
                               open -u mle, sftp://127.0.0.1; mirror {exclude} / lftp'"
        ));
        for copy in ["/tmp/sftp", "/tmp/lftp"] {
            assert_eq!(
                sb.sh(&format!("cat {copy}/home/mle/a/b/c; grep -c mle {copy}/etc/passwd")).stdout,
                "deep\n1\n"
            );
        }
    }
}
