//! What every verb prints on a terminal of 80 columns: tests/e2e/cli/transcripts. After a change that is meant,
//! `TRYCMD=overwrite cargo test -p sftpjail-tests --test e2e transcripts` writes them again; what
//! differs from run to run is to be replaced by `[..]` then.

use std::os::unix::fs::PermissionsExt;

use super::check::NO_MAIL;
use super::grants::{keys_in, site};
use crate::common::terminal::on_a_terminal;
use sandbox::{Namespace, Sandbox};

/// Runs `program` in the sandbox, on a terminal without colours.
fn wrapper(sb: &Sandbox, program: &str) -> String {
    format!(
        "#!/bin/sh\nwords=\nfor word in \"$@\"; do words=\"$words '$word'\"; done\n\
         exec nsenter --target {} --mount --pid --net --ipc --uts -- {}\n",
        sb.outer_pid(),
        on_a_terminal(&format!("{program} $words"))
    )
}

/// Compares what the verbs print in the sandbox with transcripts. Those of several files run at the same time.
#[track_caller]
fn compare(sb: &Sandbox, files: &str) {
    let place = std::env::temp_dir().join(format!("sftpjail-transcripts-{}", sb.outer_pid()));
    std::fs::create_dir(&place).expect("a place for temporary files");
    let cases = trycmd::TestCases::new();
    for program in ["sftpjail", "runuser"] {
        let path = place.join(program);
        std::fs::write(&path, wrapper(sb, program)).expect("it is ours");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it is ours");
        cases.register_bin(program, &path);
    }
    cases.case(format!("e2e/cli/transcripts/{files}.trycmd"));
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cases.run()));
    for program in ["sftpjail", "runuser"] {
        std::fs::remove_file(place.join(program)).expect("it is ours");
    }
    std::fs::remove_dir(&place).expect("it is ours");
    if let Err(difference) = shown {
        std::panic::resume_unwind(difference);
    }
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
    sb.sh("rm -r /home/kim; echo kim:pw | chpasswd");
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
    compare(&sb, "*");
    // Its login would be in what audit shows.
    compare(&sb, "afterwards/*");
}

/// From the account to its last folder, with the mistakes that are made on the way.
#[test]
fn grants_and_what_follows_print_what_their_transcript_says() {
    let sb = site(Namespace::Private);
    sb.sh("install -d -m 777 /srv/docs; cp /root/.ssh/id_ed25519.pub /root/ruth.pub");
    compare(&sb, "grants/unmanaged");
    keys_in(&sb, "/etc/sftpjail/keys.d/%u");
    compare(&sb, "grants/grants");
}

/// Without other transcripts, whose sessions would be listed, too.
#[test]
fn list_and_kick_print_what_their_transcript_says() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.user("mle").group("sftp").add();
    let _live = sb.sftp_live("anna");
    let _kicked = sb.sftp_live("mle");
    compare(&sb, "sessions/*");
}

/// Members who cannot log in, or not work, or are not jailed; a stray; and what a killed sshd left behind.
#[test]
fn every_verb_prints_what_its_transcript_says_where_something_is_wrong() {
    let sb = Sandbox::in_namespace(Namespace::Host);
    sb.install_log_drop_in();
    sb.sh(NO_MAIL);
    for name in ["anna", "eva", "kim", "lea", "nia"] {
        sb.user(name).group("sftp").shell("/usr/sbin/nologin").add();
    }
    sb.user("joe").add();
    sb.sh("chage -E 0 eva; chown joe /home/kim; chown root:root /home/nia; chmod 755 /home/nia");
    sb.sh(
        "sed -i '/^Match Group sftp/i Match User lea\\n    ChrootDirectory none\\n    ForceCommand none\\n\
         Match User joe\\n    ChrootDirectory /jail/%u' /etc/ssh/sshd_config",
    );
    sb.restart_sshd();
    let killed = sb.sftp_live("anna");
    let (monitor, child) = (sb.session_monitor("anna"), sb.session_child("anna"));
    sb.kill(monitor, "KILL");
    sb.kill(child, "KILL");
    drop(killed);
    sb.wait_gone(child);
    sb.write("/root/sftp.log", LOG);
    // One after the other, since a probe's session is a live one, and what is left behind is removed by the next login.
    for verb in ["reap", "check", "probe", "audit"] {
        compare(&sb, &format!("wrong/{verb}"));
    }
}

/// The log of another host: a session with failures that has no end, one without a beginning, one that logged too
/// little.
const LOG: &str = "\
2026-11-22T10:12:19.900000+00:00 files sshd[60]: pam_sftpjail(sshd:session): session opened for user mle(uid=1002): home=/home/mle rhost=192.0.2.7 profile=home home_access=read-write jail=/jail/mle volumes=0 setup_us=444
2026-11-22T10:12:20.100000+00:00 files internal-sftp[67]: session opened for local user mle from [192.0.2.7]
2026-11-22T10:12:20.200000+00:00 files internal-sftp[67]: mkdir name \"/home/mle/first\" mode 0777
2026-11-22T10:12:20.300000+00:00 files internal-sftp[67]: open \"/home/mle/first/letter\" flags WRITE,CREATE,TRUNCATE mode 0644
2026-11-22T10:12:20.400000+00:00 files internal-sftp[67]: close \"/home/mle/first/letter\" bytes read 0 written 8
2026-11-22T10:12:20.500000+00:00 files internal-sftp[67]: open \"/home/mle/secret\" flags READ mode 0666
2026-11-22T10:12:20.600000+00:00 files internal-sftp[67]: sent status Permission denied
2026-11-22T10:12:20.700000+00:00 files internal-sftp[67]: remove name \"/home/mle/none\"
2026-11-22T10:12:20.800000+00:00 files internal-sftp[67]: sent status No such file
2026-11-22T10:13:00.000000+00:00 files internal-sftp[70]: posix-rename old \"/home/kim/a\" new \"/home/kim/b\"
2026-11-22T10:13:01.000000+00:00 files internal-sftp[70]: session closed for local user kim from [2001:db8::7]
2026-11-22T10:14:00.000000+00:00 files sshd[80]: pam_sftpjail(sshd:session): session opened for user joe(uid=1003): home=/home/joe rhost=192.0.2.9 profile=home home_access=read-write jail=/jail/joe volumes=0 setup_us=444
2026-11-22T10:14:09.000000+00:00 files sshd[80]: pam_sftpjail(sshd:session): session closed for user joe(uid=1003): duration=9.000s
";

/// Before setup.
#[test]
fn setup_prints_what_its_transcript_says_on_a_stock_system() {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.user("anna").group("customers").add();
    compare(&sb, "stock/*");
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
