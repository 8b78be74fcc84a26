//! A profile whose home is read-only: the kernel refuses every kind of write.

use sandbox::{Namespace, Sandbox};

use crate::common::jailed::{left_nothing, names, sees_only};

in_both_namespaces!(
    a_read_only_home_can_be_read_and_nothing_in_it_can_be_changed,
    what_is_mounted_below_a_read_only_home_during_a_session_stays_outside,
);

const PROFILE: &str = "[[profile]]\nname = \"look\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n";

/// Every kind of write that sftp has. `#` is the directory, `@` a group of the user's.
const WRITES: [&str; 15] = [
    "put /tmp/longer #/new",
    "put /tmp/longer #/file",
    "put -a /tmp/longer #/file",
    "put -p /tmp/longer #/file",
    "mkdir #/new",
    "rmdir #/folder",
    "rm #/file",
    "rename #/file #/new",
    // Without the extension that OpenSSH has for it.
    "rename -l #/file #/new",
    "rename #/file #/folder/file",
    "ln #/file #/new",
    "ln -s file #/new",
    "chmod 600 #/file",
    "chmod 700 #",
    "chgrp @ #/file",
];

/// A member with that profile, and a filesystem below the home: `disk`.
fn member(sb: &Sandbox) {
    sb.configure(PROFILE);
    sb.user("mle").primary("sftp").group("users").add();
    sb.sh("cd /home/mle; mkdir disk usb; mount -t tmpfs disk disk");
    sb.write("/tmp/longer", "a longer text than that of the file\n");
    refill(sb);
}

/// In the home and in `disk`: the user's own `file` and `folder`, and nothing `new`.
fn refill(sb: &Sandbox) {
    sb.sh("cd /home/mle; for d in . disk; do
        rm -rf $d/new $d/folder $d/file; mkdir $d/folder; echo text >$d/file; chmod 755 $d
    done; chown -R mle:sftp .");
}

/// Everything in the home that a user could change.
fn state(sb: &Sandbox) -> String {
    sb.sh("cd /home/mle; find . -printf '%p %y %m %u %g %n %s %T@ %l\\n' | sort; cat file disk/file || :")
        .stdout
}

fn a_read_only_home_can_be_read_and_nothing_in_it_can_be_changed(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    member(&sb);
    let users = sb.sh("getent group users | cut -d: -f3").stdout;
    let before = sb.mounts();
    // Sessions with the default profile prove that each of the writes is one.
    for (profile, writable) in [(PROFILE, false), ("", true)] {
        sb.configure(profile);
        let mut live = sb.sftp_live("mle");
        sees_only(&mut live, "/home/mle");
        for directory in [".", "disk"] {
            live.send(&format!("get {directory}/file /tmp/read"));
            assert_eq!(sb.read_text("/tmp/read"), "text\n");
            sb.sh("rm /tmp/read");
            for write in WRITES {
                let write = write.replace('#', directory).replace('@', users.trim());
                refill(&sb);
                let kept = state(&sb);
                let said = live.send(&write).join("\n");
                assert_eq!(state(&sb) != kept, writable, "{write}: {said}");
                // EROFS is "Failure" in SFTP. "Permission denied" would mean that only a mode is in the way.
                assert_eq!(said.contains("Failure"), !writable, "{write}: {said}");
            }
            refill(&sb);
        }
        assert_eq!(live.quit(), Some(0));
        left_nothing(&sb, &before);
    }
}

fn what_is_mounted_below_a_read_only_home_during_a_session_stays_outside(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let before = sb.mounts();
    member(&sb);
    let mut live = sb.sftp_live("mle");
    // A mount that came in now would be writable, as the host has it.
    for place in ["usb", "disk/folder"] {
        sb.sh(&format!(
            "mount -t tmpfs -o uid=mle late /home/mle/{place}; echo late >/home/mle/{place}/late"
        ));
        assert_eq!(names(&mut live, place), [""; 0]);
        let said = live.send(&format!("put /tmp/longer {place}/new")).join("\n");
        assert!(said.contains("Failure"), "{place}: {said}");
        assert_eq!(sb.sh(&format!("ls -A /home/mle/{place}")).stdout, "late\n");
        // Nor does the session keep the host from taking it away.
        sb.sh(&format!("umount /home/mle/{place}"));
    }
    // What the session has since its beginning it keeps, but the host's directory is free.
    sb.sh("umount /home/mle/disk");
    sees_only(&mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}
