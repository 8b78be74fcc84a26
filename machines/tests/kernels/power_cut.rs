//! A power cut while members are logged in, and while setup changes files: the next boot has nothing left of it.

use machines::{Guest, Image, OPTIONS, System};

/// A disk that writes nothing by itself for five minutes, so that a power cut takes all that was not synced, and an
/// ext4 that does not guess that a rename needs the new content.
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

/// A line for each file below /etc: digest and path. What is staged is read by nobody, and useradd's copies neither.
fn etc(guest: &Guest) -> Vec<String> {
    let files =
        "find /etc -type f ! -name '*.sftpjail.dpkg-new' ! -name '*-' -exec sha256sum {} + | sort -k2";
    guest.sh(files).stdout.lines().map(str::to_owned).collect()
}

/// A moment of setup or undo: after its first call of this name with this path.
struct Moment {
    option: &'static str,
    call: &'static str,
    path: &'static str,
}

/// Undo and setup in turns, since each begins with what the other has made.
const MOMENTS: [Moment; 3] = [
    // sshd sends nobody into jails any more, and PAM's lines are just restored.
    moment(UNDO, "fsync", "/etc/pam.d"),
    // sshd is to send members into jails that nothing builds yet.
    moment(SETUP, "rename", "/etc/ssh/sshd_config.d/.00-sftpjail.conf.sftpjail.dpkg-new"),
    moment(UNDO, "unlink", "/etc/ssh/sshd_config.d/00-sftpjail.conf"),
];

const SETUP: &str = "--yes";
const UNDO: &str = "--undo --yes";

const fn moment(option: &'static str, call: &'static str, path: &'static str) -> Moment {
    Moment { option, call, path }
}

impl Moment {
    /// Runs setup until then, and cuts the power.
    #[track_caller]
    fn cut_power(&self, guest: &mut Guest) {
        let Self { option, call, path, .. } = self;
        guest.sh("sync");
        // strace takes the first path of a rename, as it is written.
        guest.sh(&format!(
            "setsid sh -c 'strace -o /run/calls -P {path} -e trace={call} -e inject={call}:signal=STOP:when=1 \
                 sftpjail setup {option}; touch /run/ended' >/run/said 2>&1 </dev/null &"
        ));
        guest.wait_for("grep -q 'stopped by SIGSTOP' /run/calls || test -e /run/ended");
        guest.sh("if test -e /run/ended; then cat /run/calls /run/said; exit 1; fi");
        guest.power_cut();
    }
}

#[test]
fn in_mid_setup_leaves_whole_files_and_the_next_one_goes_to_its_end() {
    let mut guest = guest();
    let before = etc(&guest);
    guest.sh("sftpjail setup --yes");
    let complete = etc(&guest);
    for moment in MOMENTS {
        let when = format!("{}: {} {}", moment.option, moment.call, moment.path);
        moment.cut_power(&mut guest);
        let now = etc(&guest);
        let torn: Vec<_> =
            now.iter().filter(|line| !before.contains(line) && !complete.contains(line)).collect();
        assert!(torn.is_empty(), "{when}: {torn:#?}");
        let is_new = |line: &&String| !before.contains(line);
        let (new, all) = (now.iter().filter(is_new).count(), complete.iter().filter(is_new).count());
        println!("{when}: {new} of {all} files are setup's");
        guest.sh("sshd -t; systemctl is-active ssh");
        for user in ["root", "joe"] {
            assert_eq!(guest.ssh(user, "id -un").ok().stdout, format!("{user}\n"), "{when}");
        }
        // Whom sshd sends into a jail gets one or is refused.
        if guest.try_sh("test -e /etc/ssh/sshd_config.d/00-sftpjail.conf").code == Some(0) {
            let out = guest.ssh("anna", "id").failed();
            assert!(!out.stdout.contains("uid="), "{when}: {out}");
        }
        guest.sh(&format!("sftpjail setup {}", moment.option));
        if moment.option == UNDO {
            assert_eq!(etc(&guest), before, "{when}");
            assert_eq!(guest.ssh("anna", "id -un").ok().stdout, "anna\n", "{when}");
            continue;
        }
        assert_eq!(etc(&guest), complete, "{when}");
        assert!(guest.sftp("anna", "pwd\n").ok().stdout.contains("/home/anna"), "{when}");
        guest.wait_for("sftpjail list | grep -q ^Nobody");
    }
}
