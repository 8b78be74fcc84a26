//! What cannot be guarded refuses the member, and nobody else.

use super::{GUARD, member};
use crate::common::config::guarding;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    what_cannot_be_guarded_refuses_the_member_and_the_fix_names_no_command,
    a_volume_that_is_or_shows_what_is_guarded_refuses_the_member,
    another_guard_is_another_jail,
);

/// mle is refused with this reason, in the log and by `check`; the user is told no path.
#[track_caller]
pub(super) fn refused(sb: &Sandbox, reason: &str) -> String {
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(
        out.stderr.starts_with("SFTP is not possible: your home directory is missing or not safe to use."),
        "{out}"
    );
    let log = sb.wait_for_log(reason);
    assert!(log.contains("refused user mle"), "{log}");
    let check = sb.try_sh("sftpjail check mle");
    assert!(check.code == Some(1) && check.stdout.contains("✗ guard"), "{check}");
    assert!(check.stdout.contains(reason), "{check}");
    log
}

fn what_cannot_be_guarded_refuses_the_member_and_the_fix_names_no_command(namespace: Namespace) {
    for (script, reason) in [
        ("ln -s /etc/shadow .forward", "/home/mle/.forward cannot be guarded: it is a symlink"),
        ("ln -s nowhere .forward", "/home/mle/.forward cannot be guarded: it is a symlink"),
        ("mkdir dots; ln -s dots .config", "/home/mle/.config cannot be guarded: it is a symlink"),
        ("touch .config", "/home/mle/.config cannot be guarded: it is not a directory"),
        ("mkfifo .forward", "/home/mle/.forward cannot be guarded: it is neither a file nor a directory"),
        (
            "mknod .forward c 1 3",
            "/home/mle/.forward cannot be guarded: it is neither a file nor a directory",
        ),
        ("ln .bashrc second", "/home/mle/.bashrc cannot be guarded: it has another hard link"),
    ] {
        let sb = member(namespace, &GUARD);
        sb.sh(&format!("cd /home/mle; {script}; chown -h mle:mle * .forward .config 2>/dev/null || :"));
        sb.user("kim").group("sftp").add();
        let log = refused(&sb, reason);
        let fix = log.split("fix: ").nth(1).expect("a fix");
        assert!(!fix.contains("/home"), "no path of the user's: {fix}");
        sb.sftp("kim", "ls\n").ok();
        sb.wait_for_logouts();
        assert_eq!(sb.sh("ls /jail").stdout, "");
    }
}

fn a_volume_that_is_or_shows_what_is_guarded_refuses_the_member(namespace: Namespace) {
    let sb = member(namespace, &[]);
    // Where nothing that is guarded is there yet, too.
    sb.configure(&(guarding(&[".none"]) + "[[profile.volume]]\nsource = \"/home\"\ntarget = \"/all\"\n"));
    refused(&sb, "/home/mle/.none cannot be guarded: the volume /all shows it a second time, writable");
    sb.sh("mkdir -p /srv/data /srv/alias /home/mle/.config/systemd /home/mle/.config/app; chown -R mle:mle /home/mle");
    sb.sh("mount --bind /home /srv/alias");
    for (source, target, more, reason) in [
        (
            "/srv/data",
            "%h/.ssh",
            "",
            "/home/mle/.ssh cannot be guarded: the volume /home/mle/.ssh would be in its place",
        ),
        ("/srv/data", "%h/.ssh/in", "", "the volume /home/mle/.ssh/in would be in its place"),
        (
            "/srv/data",
            "%h/.config",
            "",
            "/home/mle/.config/systemd cannot be guarded: the volume /home/mle/.config would",
        ),
        (
            "/home",
            "/all",
            "",
            "/home/mle/.ssh cannot be guarded: the volume /all shows it a second time, writable",
        ),
        ("/srv/alias", "/all", "", "the volume /all shows it a second time"),
        ("/srv/alias/mle", "/all", "", "the volume /all shows it a second time"),
        ("%h", "/again", "", "the volume /again shows it a second time"),
        (
            "%h/.config",
            "/again",
            "",
            "/home/mle/.config/systemd cannot be guarded: the volume /again shows it a second time",
        ),
        ("%h/.ssh", "/keys", "", "/home/mle/.ssh cannot be guarded: the volume /keys shows it a second time"),
        ("/srv/alias/mle/.config/systemd", "/units", "", "the volume /units shows it a second time"),
        // These do no harm.
        ("/home", "/all", "read_only = true", ""),
        ("%h/.config/app", "/app", "", ""),
        ("/srv/data", "%h/.config/app", "", ""),
    ] {
        let volume = format!("[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{target}\"\n{more}\n");
        sb.configure(&(guarding(&GUARD) + &volume));
        if reason.is_empty() {
            let mut live = sb.sftp_live("mle");
            assert!(
                !live.send("mkdir .config/systemd/x").is_empty() && !live.send("rename .config x").is_empty()
            );
            drop(live);
            sb.wait_for_logouts();
        } else {
            refused(&sb, reason);
        }
    }
}

/// sshd has one place for the sessions of a user in the host's namespace, so that a new one would have
/// the old one's jail.
fn another_guard_is_another_jail(namespace: Namespace) {
    let sb = member(namespace, &[".forward"]);
    let mut old = sb.sftp_live("mle");
    sb.configure(&guarding(&[".forward", ".bashrc"]));
    let new = sb.login("mle").password("pw").sftp("put /tmp/text .bashrc\n").failed();
    match namespace {
        Namespace::Private => assert!(new.stderr.contains("Failure"), "{new}"),
        Namespace::Host => assert!(new.stderr.contains("your older connections are open"), "{new}"),
    }
    assert_eq!(old.send("ls"), [""; 0]);
    assert_eq!(old.quit(), Some(0));
    sb.wait_for_logouts();
    sb.sftp("mle", "ls\n").ok();
}
