//! Filesystems at and below a home, and what a session makes of them.

use sandbox::Sandbox;

use crate::jailed::{has_only_its_home, left_nothing, names, sees_only};

/// Mounts a filesystem of the user mle's at a directory of the host.
fn mount(sb: &Sandbox, directory: &str) {
    let make = "mkdir -p \"$1\"; mount -t tmpfs -o mode=0755,uid=mle,gid=mle disk \"$1\"";
    sb.script(make, &[directory], b"").ok();
}

/// The per-mount flags of each mount that a process sees: `(where, flags)`.
pub(crate) fn flags(sb: &Sandbox, process: i32) -> Vec<(String, String)> {
    let lines = sb.mounts_of(process);
    let field = |line: &str, n| line.split(' ').nth(n).expect("mountinfo has six fields").to_owned();
    lines.iter().map(|line| (field(line, 4), field(line, 5))).collect()
}

#[test]
fn a_submount_from_before_the_login_is_usable_and_can_run_nothing() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    mount(&sb, "/home/mle/disk");
    mount(&sb, "/home/mle/disk/inner");
    let before = sb.mounts();
    // What is missing on the host's own mounts is the module's work.
    assert!(!before.iter().any(|line| line.contains(" /home/") && line.contains("noexec")), "{before:#?}");

    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    live.send("put /tmp/letter disk/inner/letter");
    assert_eq!(sb.read_text("/home/mle/disk/inner/letter"), "/home/mle is where I live\n");

    // The jail's own filesystem is at the jail root, just above the root that the user has.
    let monitor = flags(&sb, sb.session_monitor("mle"));
    let mut mounts: Vec<_> = monitor.into_iter().filter(|(place, _)| place == "/jail").collect();
    mounts.extend(flags(&sb, sb.session_child("mle")));
    let places: Vec<_> = mounts.iter().map(|(place, _)| place.as_str()).collect();
    let expected = ["/jail", "/home/mle", "/home/mle/disk", "/home/mle/disk/inner", "/dev/log"];
    assert_eq!(places, expected);
    for (place, flags) in &mounts {
        let access = if place.starts_with("/home") { "rw" } else { "ro" };
        let expected = format!("{access},nosuid,nodev,noexec,");
        assert!(format!("{flags},").starts_with(&expected), "{place} is {flags}");
    }
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

#[test]
fn what_the_host_mounts_during_a_session_appears_and_goes() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    mount(&sb, "/home/mle/disk");
    sb.sh("echo early >/home/mle/disk/early.txt; mkdir /home/mle/usb");
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "disk"), ["early.txt"]);
    assert_eq!(names(&mut live, "usb"), [""; 0]);

    mount(&sb, "/home/mle/usb");
    sb.sh("echo late >/home/mle/usb/late.txt");
    assert_eq!(names(&mut live, "usb"), ["late.txt"]);
    live.send("put /etc/hosts usb/hosts");
    assert_eq!(sb.read("/home/mle/usb/hosts"), sb.read("/etc/hosts"));
    live.send("get disk/early.txt /tmp/early.txt");
    assert_eq!(sb.read_text("/tmp/early.txt"), "early\n");

    // Not lazily: a session must not keep what it does not use.
    sb.sh("umount /home/mle/usb");
    assert_eq!(names(&mut live, "usb"), [""; 0]);
    sb.sh("umount /home/mle/disk");
    assert_eq!(names(&mut live, "disk"), [""; 0]);
    has_only_its_home(&sb, &mut live, "/home/mle");
    let before = sb.mounts();
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

#[test]
fn a_home_may_be_a_filesystem_of_its_own() {
    let sb = Sandbox::new();
    // Mounted first, so that the key is in it.
    sb.sh("mkdir /home/mle; mount -t tmpfs -o mode=0755 disk /home/mle");
    sb.user("mle").group("sftp").add();
    mount(&sb, "/home/mle/disk");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(names(&mut live, ""), [".ssh", "disk", "letter"]);

    mount(&sb, "/home/mle/disk/late");
    assert_eq!(names(&mut live, "disk"), ["late"]);
    live.send("put /etc/hosts disk/late/hosts");
    assert_eq!(sb.read("/home/mle/disk/late/hosts"), sb.read("/etc/hosts"));
    sb.sh("umount /home/mle/disk/late");
    sees_only(&mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}
