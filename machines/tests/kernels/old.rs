//! Linux 5.10, which cannot build jails: members are refused, everybody else logs in, and everybody is told why.

use machines::{Guest, Image, OPTIONS, System};

/// Debian 12 with the kernel of Debian 11, as on a host whose boot loader still starts that.
fn with_linux_5_10() -> Image {
    Image { kernel: "bullseye", ..Image::of("bookworm") }
}

const TOO_OLD: &str = "this kernel is too old for jails: Linux 5.10.";
const LACKS: &str = " has no mount_setattr(2)";
const FIX: &str = "boot Linux 5.12 or newer";

#[track_caller]
fn says_why(text: &str) {
    let text: Vec<_> = text.split_whitespace().collect();
    let text = text.join(" ");
    assert!(text.contains(TOO_OLD) && text.contains(LACKS) && text.contains(FIX), "{text}");
}

#[test]
fn a_host_that_boots_a_kernel_that_is_too_old_refuses_its_members_and_nobody_else() {
    let mut guest = Guest::boot(&Image::of("bookworm"));
    guest.sh("sftpjail setup --yes");
    guest.user("anna", "sftp");
    guest.user("joe", "");
    assert!(guest.sftp("anna", "pwd\n").ok().stdout.contains("/home/anna"));

    guest.boot_kernel_of(&with_linux_5_10());
    assert_eq!(guest.name(), "Debian 12, Linux 5.10");
    // The module: to the user, and to the admin.
    let refused = guest
        .try_sh(&format!("sftp {} -b /dev/null anna@127.0.0.1", OPTIONS.trim_start_matches("-q ")))
        .failed();
    assert!(refused.stderr.contains("SFTP is not possible because of a problem on this server"), "{refused}");
    says_why(&guest.sh("journalctl --sync; journalctl --no-pager -b | grep 'refused user anna'").stdout);
    guest.sh("not ls -d /jail/anna; not grep /jail /proc/mounts");
    for user in ["joe", "root"] {
        assert_eq!(guest.ssh(user, "id -un").ok().stdout, format!("{user}\n"));
    }
    // check, of a member and of all.
    for who in ["anna", "--all"] {
        let checked = guest.try_sh(&format!("sftpjail check {who}"));
        assert_eq!(checked.code, Some(1), "{checked}");
        says_why(&checked.stdout);
    }
    let probed = guest.try_sh("sftpjail probe anna").failed();
    assert!(!probed.stdout.contains("panicked") && !probed.stderr.contains("panicked"), "{probed}");
    // setup refuses to go on, and undo works.
    let before = etc(&guest);
    let set_up = guest.try_sh("sftpjail setup --yes").failed();
    says_why(&set_up.stderr);
    assert_eq!(etc(&guest), before);
    guest.sh("sftpjail setup --undo --yes");
    assert_eq!(guest.ssh("anna", "id -un").ok().stdout, "anna\n");
    // Nothing is set up, and nothing will be.
    let before = etc(&guest);
    for option in ["--dry-run", "--yes"] {
        let set_up = guest.try_sh(&format!("sftpjail setup {option}")).failed();
        says_why(&set_up.stderr);
        assert_eq!(set_up.stdout, "", "{set_up}");
    }
    assert_eq!(etc(&guest), before);
    guest.sh("not ls -d /jail /var/lib/sftpjail/setup/journal.json");
}

/// A line for each file below /etc: its digest and path.
fn etc(guest: &Guest) -> String {
    guest.sh("find /etc -type f -exec sha256sum {} + | sort").stdout
}
