//! Groups that setup added: undo removes their lines, and leaves groupadd's copies of the files as they were.

use super::UNDO;
use crate::cli::setup::{assert_same, etc};
use sandbox::Sandbox;

/// A stock machine whose configuration has three groups that do not exist.
fn without_groups() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("mkdir /etc/sftpjail");
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"p\"\ngroups = [\"one\", \"two\", \"three\"]\n",
    );
    sb
}

#[test]
fn three_groups_of_one_setup_leave_nothing_in_the_files_and_their_copies() {
    let sb = without_groups();
    // The copies have something to go back to.
    sb.sh("groupadd before; groupdel before");
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes; grep -q ^two /etc/group-; grep -q ^two /etc/gshadow-");
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains("\nEverything is as it was before.\n"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("! test -e /var/lib/sftpjail");
}

#[test]
fn a_copy_that_others_have_written_since_stays() {
    let sb = without_groups();
    sb.sh("sftpjail setup --yes; groupadd other");
    let copies = || sb.sh("cat /etc/group- /etc/gshadow-").stdout;
    let since = copies();
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains("\nEverything is as it was before.\n"), "{out}");
    assert_eq!(copies(), since);
    sb.sh("getent group other; ! getent group one two three");
}

/// groupadd may get room for the first of them only.
#[test]
fn a_full_disk_that_stops_one_of_the_groups_leaves_the_files_and_their_copies_as_before() {
    let sb = without_groups();
    sb.sh("cp -a /etc /run/etc; size=$(($(du -sk /run/etc | cut -f1) + 1024))
        mount -t tmpfs -o mode=755,size=${size}k tmpfs /etc; cp -a /run/etc/. /etc");
    let mut failed = Vec::new();
    for pages in 0..60 {
        sb.sh(&format!(
            "dd if=/dev/zero of=/etc/filler bs=4k 2>/dev/null || true
            truncate -s -$(({pages} * 4096)) /etc/filler"
        ));
        let before = etc(&sb);
        let out = sb.try_sh("sftpjail setup --yes");
        if out.code == Some(0) {
            sb.sh(&format!("rm /etc/filler; {UNDO}"));
            assert!(failed.iter().any(|stderr: &String| stderr.contains("groupadd")), "{failed:#?}");
            return;
        }
        assert!(out.stderr.contains("as it was before"), "{out}");
        assert_same(&before, &etc(&sb), &[]);
        failed.push(out.stderr);
    }
    panic!("it never had enough room");
}
