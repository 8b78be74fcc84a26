//! What every verb prints on a terminal of 80 columns: tests/e2e/cli/transcripts. After a change that is meant,
//! `TRYCMD=overwrite cargo test -p sftpjail-tests --test e2e transcripts` writes them again; what
//! differs from run to run is to be replaced by `[..]` then.

use std::os::unix::fs::PermissionsExt;

use super::check::NO_MAIL;
use sandbox::Sandbox;

/// Runs sftpjail in the sandbox, on a terminal without colours.
fn on_a_terminal(sb: &Sandbox) -> String {
    format!(
        "#!/bin/sh\nwords=\nfor word in \"$@\"; do words=\"$words '$word'\"; done\n\
         exec nsenter --target {} --mount --pid --net --ipc --uts -- env -i LANG=C.UTF-8 TERM=dumb TZ=UTC \
         PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
         script -q -e -E never -c \"stty cols 80 rows 50; exec sftpjail $words\" /dev/null </dev/null\n",
        sb.outer_pid()
    )
}

#[test]
fn every_verb_prints_what_its_transcript_says() {
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    sb.sh(NO_MAIL);
    for name in ["anna", "kim", "mle"] {
        sb.user(name).group("sftp").add();
    }
    sb.user("joe").add();
    sb.sh("rm -r /home/kim");
    sb.write("/root/draft.toml", "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\numask = 22\n");
    sb.write(
        "/root/unused.toml",
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\n[[profile]]\nname = \"portal\"\ngroups = [\"sftp\"]\n\
         home = \"none\"\n[[profile.volume]]\nsource = \"srv/sftp/%u\"\ntarget = \"/uploads\"\n",
    );
    sb.sftp(
        "anna",
        "mkdir letters\nput /etc/hostname letters/one\nrename letters/one letters/two\nrm letters/two\n",
    )
    .ok();
    let _live = sb.sftp_live("anna");
    let _kicked = sb.sftp_live("mle");

    compare(&sb, "*");
}

/// Runs the commands of these transcripts in the sandbox, and compares what they print.
fn compare(sb: &Sandbox, transcripts: &str) {
    let name = format!("sftpjail-transcripts-{}-{}", std::process::id(), sb.outer_pid());
    let wrapper = std::env::temp_dir().join(name);
    std::fs::write(&wrapper, on_a_terminal(sb)).expect("a place for temporary files");
    std::fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("it is ours");
    let cases = trycmd::TestCases::new();
    cases.register_bin("sftpjail", &wrapper).case(format!("e2e/cli/transcripts/{transcripts}.trycmd"));
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cases.run()));
    std::fs::remove_file(&wrapper).expect("it is ours");
    if let Err(difference) = shown {
        std::panic::resume_unwind(difference);
    }
}

/// A machine that setup has set up, with the members anna and kim.
fn set_up() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").shell("/bin/bash").add();
    sb.user("kim").group("sftp").shell("/usr/sbin/nologin").add();
    sb.sshd();
    sb
}

#[test]
fn undo_prints_what_its_transcript_says() {
    compare(&set_up(), "undo/undo");
}

#[test]
fn undo_of_edited_files_prints_what_its_transcript_says() {
    let sb = set_up();
    sb.sh("sed -i 's/-l INFO/-l VERBOSE/' /etc/ssh/sshd_config.d/00-sftpjail.conf; sed -i '1i # ours' /etc/pam.d/sshd
        echo '# ours' >>/etc/rsyslog.d/10-sftpjail.conf");
    let _live = sb.sftp_live("anna");
    compare(&sb, "undo/edited");
}

#[test]
fn only_a_terminal_that_wants_colours_gets_them() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let check = |set: &str| {
        sb.try_sh(&format!("env {set} script -q -e -E never -c 'sftpjail check mle' /dev/null </dev/null"))
            .stdout
    };
    assert!(check("TERM=xterm").contains("\u{1b}["));
    for set in ["TERM=xterm NO_COLOR=1", "TERM=dumb"] {
        assert!(!check(set).contains('\u{1b}'), "{set}");
    }
    assert!(!sb.sh("TERM=xterm sftpjail check mle").stdout.contains('\u{1b}'), "not a terminal");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let _live = sb.sftp_live("mle");
    for words in ["check mle", "check --all", "list", "reap", "audit", "kick kim", "config check", "--help"] {
        let out = sb.try_sh(&format!("{{ sftpjail {words}; echo $? >/tmp/code; }} | true; cat /tmp/code"));
        assert!(["0\n", "3\n"].contains(&out.stdout.as_str()), "{words}: {out}");
        assert!(!out.stderr.contains("panicked") && !out.stderr.contains("Broken"), "{words}: {out}");
    }
}
