//! What an admin has edited and a later setup has run over is undone as setup's own, and the diff shows it. What was
//! edited since then is named with what to do about it, and that works.

use super::{DROP_IN, UNDO, has_a_shell, refuses, set_up};
use crate::cli::setup::{REWRITTEN_BY_USERADD, assert_same, etc};
use sandbox::Sandbox;

const CONFIG: &str = "/etc/sftpjail/config.toml";

const PORTAL: &str = "\n[[profile]]\nname = \"portal\"\ngroups = [\"sftp-only\"]\nhome = \"none\"\n\
    [[profile.volume]]\nsource = \"/srv/sftp/%u\"\ntarget = \"/uploads\"\n\
    create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }\n";

/// As the README says: a log level, a second profile, and setup again.
#[test]
fn what_setup_has_accepted_is_undone_and_shown() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh(&format!("sftpjail setup --yes; sed -i 's/-l INFO/-l VERBOSE/' {DROP_IN}"));
    sb.append(CONFIG, PORTAL);
    sb.sh("mkdir /srv/sftp");
    sb.sh("sftpjail setup --yes");
    let out = sb.sh(UNDO);
    for part in ["\n-    ForceCommand internal-sftp -l VERBOSE\n", "\n-groups = [\"sftp-only\"]\n"] {
        assert!(out.stdout.contains(part), "{part:?} is missing: {out}");
    }
    for path in [DROP_IN, CONFIG] {
        let note = format!("Note: {path} has edits that setup has accepted; they go with it.\n");
        assert!(out.stdout.contains(&note), "{out}");
    }
    assert!(out.stdout.contains("\nEverything is as it was before.\n"), "{out}");
    assert_same(&before, &etc(&sb), &REWRITTEN_BY_USERADD);
}

/// Setup has looked at what there is, and found nothing to do.
#[test]
fn a_setup_with_nothing_to_do_accepts_what_is_there() {
    let sb = set_up();
    sb.sh(&format!("sed -i 's/-l INFO/-l VERBOSE/' {DROP_IN}"));
    refuses(&sb, &[DROP_IN, "--force"]);
    // One that has not read the file would be reloaded.
    sb.stop_sshd();
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.starts_with("Nothing to do"), "{out}");
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains("\nNo longer jailed, with the shell /bin/sh: anna.\n"), "{out}");
    assert!(has_a_shell(&sb, "anna"));
}

#[test]
fn what_was_edited_since_is_moved_away_or_restored_as_undo_says() {
    let sb = set_up();
    let pam = "/etc/pam.d/sshd";
    sb.sh(&format!(
        "sed -i 's/-l INFO/-l VERBOSE/' {DROP_IN}; echo '# mine' >>{CONFIG}
        sed -i 's/^session.*sftpjail.so open$/#&/' {pam}"
    ));
    let backup = sb
        .sh("grep -l 'PAM configuration for the Secure Shell service' /var/lib/sftpjail/setup/before-*[0-9]")
        .stdout;
    let backup = backup.trim();
    let stock = sb.read_text(backup);
    let moved = format!("move {CONFIG} and {DROP_IN} away, which were not there before setup");
    let removed = format!("remove from {pam} what setup has added, or put {backup} in its place");
    refuses(&sb, &[&moved, &removed, "; then run this again, or use --force, which undoes the rest only"]);
    sb.sh(&format!("mv {CONFIG} /root; mv {DROP_IN} /root; cp {backup} {pam}; {UNDO}"));
    assert_eq!(sb.read_text(pam), stock);
    sb.sh("not grep -r sftpjail /etc/ssh /etc/rsyslog.d; not test -e /jail");
    assert!(has_a_shell(&sb, "anna"));
}
