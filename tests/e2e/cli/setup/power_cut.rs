//! A power cut at every step, with `make exhaustive`: /etc and /var/lib are on a disk, and what was not synced is lost.
//! No file is torn, others can still log in, and the next run undoes what was begun.

use super::killed::Machine;
use sandbox::Sandbox;
use std::collections::BTreeSet;

/// ext4 that writes nothing by itself for five minutes, and does not guess that a rename needs the new content.
const MOUNT: &str = "mount -o loop,commit=300,noauto_da_alloc /tmp/disk /mnt
    mount --bind /mnt/etc /etc; mount --bind /mnt/lib /var/lib";

/// The shutdown of ext4 that drops what is not on the disk: EXT4_GOING_FLAGS_NOLOGFLUSH of ioctl_ext4.
const CUT: &str = r#"perl -e 'open(my $disk, "<", "/mnt") or die; my $flags = pack("L", 2);
    ioctl($disk, 0x8004587d, $flags) or die "$!"'"#;

fn machine() -> Machine {
    Machine::with(put_on_a_disk, cut_power)
}

fn put_on_a_disk(sb: &Sandbox) {
    sb.sh(&format!(
        "mknod /dev/loop-control c 10 237; for i in $(seq 0 63); do mknod /dev/loop$i b 7 $i; done
         truncate -s 64M /tmp/disk; mke2fs -q -t ext4 /tmp/disk
         mount -o loop /tmp/disk /mnt; cp -a /etc /mnt/etc; cp -a /var/lib /mnt/lib; umount /mnt
         {MOUNT}"
    ));
    // The disk loses what was not synced: else the tests of setup below prove nothing. Whatever else on the machine
    // calls sync(2) in that moment saves it, so one loss of some is enough.
    let loses = (0..10).any(|_| {
        sb.sh("echo lost >/etc/lost; echo kept >/etc/kept; sync /etc/kept; echo lost >/etc/lost.later");
        cut(sb);
        let left = sb.sh("cat /etc/kept; cat /etc/lost /etc/lost.later 2>&1 || true");
        sb.sh("rm -f /etc/kept /etc/lost /etc/lost.later; sync -f /etc");
        assert!(left.stdout.starts_with("kept\n"), "{left}");
        !left.stdout.contains("lost\n")
    });
    assert!(loses);
}

fn cut(sb: &Sandbox) {
    sb.sh(&format!("{CUT}; umount /etc /var/lib /mnt; {MOUNT}"));
}

fn cut_power(machine: &Machine, call: &str) {
    cut(&machine.sb);
    // Each file has the content of before or of after; what is staged is read by nobody.
    let now = machine
        .sb
        .sh("cd /etc; find . -type f ! -name '*.sftpjail.dpkg-new' -exec sha256sum {} + | sort -k2");
    let known: BTreeSet<_> = machine.before.lines().chain(machine.complete.lines()).collect();
    // groupadd keeps the first two for itself.
    let groupadds: &[&str] = match call {
        // Before the sync after it: it removes the others at its next run.
        "fsync" => &["./group-", "./gshadow-", "./gshadow+", "./gshadow.lock"],
        _ => &["./group-", "./gshadow-"],
    };
    let torn: Vec<_> = now
        .stdout
        .lines()
        .filter(|line| !known.contains(line) && !groupadds.iter().any(|name| line.ends_with(name)))
        .collect();
    assert!(torn.is_empty(), "{torn:#?}");
    let empty = machine
        .sb
        .sh("test ! -e /var/lib/sftpjail || find /var/lib/sftpjail -size 0 ! -name '*.sftpjail.dpkg-new'");
    assert_eq!(empty.stdout, "");
    machine.others_log_in();
}

/// ext4 writes all changes of directories with one fsync; other filesystems may write those of one directory only.
#[test]
fn every_change_of_a_directory_is_synced_before_the_next() {
    let sb = Sandbox::stock();
    sb.sshd();
    for option in ["--yes", "--undo --yes"] {
        let calls = sb.sh(&format!(
            "strace -fyqqo /tmp/calls -e signal=none -e trace=rename,unlink,rmdir,mkdir,fsync sftpjail setup {option} >/dev/null
             grep ' = 0$' /tmp/calls"
        ));
        let mut unsynced: Option<&str> = None;
        let mut changes = 0;
        let program = calls.stdout.split(' ').next().unwrap();
        for call in calls.stdout.lines() {
            let is_programs = call.split(' ').next() == Some(program);
            // What rehearsals make is in memory.
            if !is_programs && !call.contains("\"/etc/") {
                continue;
            }
            if let Some((_, synced)) = call.split_once("fsync(") {
                let synced = synced.split(['<', '>']).nth(1).unwrap();
                unsynced = unsynced.filter(|directory| *directory != synced);
                continue;
            }
            // The last argument.
            let path = call.rsplit('"').nth(1).unwrap();
            // groupadd makes several changes of /etc, and syncs none.
            assert!(!is_programs || unsynced.is_none(), "{unsynced:?} is not synced before {call}\n{calls}");
            let directory = path.rsplit_once('/').unwrap().0;
            unsynced = Some(if directory.is_empty() { "/" } else { directory });
            changes += 1;
        }
        assert_eq!(unsynced, None, "{calls}");
        assert!(changes > 15, "{calls}");
    }
}

#[test]
fn at_each_rename() {
    machine().survives("--yes", "rename");
}

#[test]
fn at_each_fsync() {
    machine().survives("--yes", "fsync");
}

#[test]
fn at_each_new_directory_removal_and_signal() {
    let machine = machine();
    for call in ["mkdir", "pidfd_send_signal", "unlink"] {
        machine.survives("--yes", call);
    }
}

#[test]
fn at_each_step_of_undo() {
    let machine = machine();
    for call in ["rename", "unlink", "rmdir", "pidfd_send_signal", "fsync"] {
        machine.survives("--undo --yes", call);
    }
}
