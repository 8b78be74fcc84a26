//! A power cut while members are logged in: the next boot has nothing left of it.

use machines::{Guest, Image, OPTIONS, System};

/// A disk that writes nothing by itself for five minutes, so that a power cut takes all that was not synced, and an ext4
/// that does not guess that a rename needs the new content.
fn image() -> Image {
    Image { append: "rootflags=commit=300,noauto_da_alloc", ..Image::of("bookworm") }
}

/// A guest with the member anna and with joe, who is in no profile.
fn guest() -> Guest {
    let guest = Guest::boot(&image());
    guest.sh("grep ' / ext4 .*noauto_da_alloc.*commit=300' /proc/mounts; groupadd --system sftp");
    guest.user("anna", "sftp");
    guest.user("joe", "");
    guest
}

/// Logs anna in, with a file half uploaded.
fn log_in(guest: &Guest) {
    guest.sh(&format!(
        "mkfifo /run/batch; head -c 300000 /dev/urandom >/run/upload
         sleep 1000 >/run/batch 2>/dev/null </dev/null &
         setsid sftp {OPTIONS} -b /run/batch anna@127.0.0.1 >/dev/null 2>&1 </dev/null &
         echo 'put /run/upload before-the-cut' >/run/batch"
    ));
    guest.wait_for("test -s /home/anna/before-the-cut && sftpjail list | grep -q '^anna '");
}

/// What must hold after a power cut, before anything is done about it.
#[track_caller]
fn nothing_is_live(guest: &Guest) {
    let left = guest
        .sh("grep ' /jail' /proc/mounts || true; ls -A /run/sftpjail 2>/dev/null || true; sftpjail list");
    assert!(left.stdout.starts_with("Nobody"), "{left}");
    for user in ["root", "joe"] {
        assert_eq!(guest.ssh(user, "id -un").ok().stdout, format!("{user}\n"));
    }
}

/// anna logs in, and nothing stays of the session.
#[track_caller]
fn the_next_login_works(guest: &Guest) {
    let seen = guest.sftp("anna", "pwd\nput /etc/hostname after-the-cut\nls\n").ok();
    assert!(seen.stdout.contains("/home/anna") && seen.stdout.contains("after-the-cut"), "{seen}");
    guest.wait_for("sftpjail list | grep -q ^Nobody");
    assert_eq!(guest.sh("ls -A /jail; cat /proc/mounts | grep ' /jail/' || true").stdout, "");
    let checked = guest.sh("sftpjail check anna");
    assert!(checked.stdout.ends_with("anna is jailed and can log in.\n"), "{checked}");
}

#[test]
fn in_mid_session_leaves_nothing_that_keeps_a_member_out_in_either_mode() {
    let mut guest = guest();
    guest.sh("sftpjail setup --yes");
    let set = |guest: &Guest, namespace: &str| {
        guest.sh(&format!(
            "sed -i 's/^namespace *=.*/namespace = \"{namespace}\"/' /etc/sftpjail/config.toml; sync"
        ));
    };
    set(&guest, "host");
    log_in(&guest);
    // What the login has made is on the disk: the worst case.
    guest.sh("sync");
    guest.power_cut();
    nothing_is_live(&guest);
    // The directory on which the jail was mounted. It is named, and refuses nobody.
    assert_eq!(guest.sh("ls -A /jail").stdout, "anna\n");
    let checked = guest.try_sh("sftpjail check --all");
    assert!(checked.stdout.contains("/jail/anna") && checked.stdout.contains("sftpjail reap"), "{checked}");
    // In private mode, too.
    set(&guest, "private");
    the_next_login_works(&guest);

    // Nothing is on the disk of a jail in a namespace of its own.
    log_in(&guest);
    guest.sh("sync");
    guest.power_cut();
    nothing_is_live(&guest);
    assert_eq!(guest.sh("ls -A /jail").stdout, "");
    the_next_login_works(&guest);

    // And in host mode, where the jail root is a mount of itself.
    set(&guest, "host");
    the_next_login_works(&guest);
    log_in(&guest);
    guest.sh("sync");
    guest.power_cut();
    the_next_login_works(&guest);
}
