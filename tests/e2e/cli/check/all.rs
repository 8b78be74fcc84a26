//! `check --all`: nobody is overlooked, and monitoring can go by the exit status.

use sandbox::Sandbox;
use serde_json::Value;

use super::faults::Sound;
use super::{findings, said, text};

/// The document of `--all --json`, whose status must be that of the exit status.
#[track_caller]
fn all(sb: &Sandbox, status: &str) -> Value {
    let out = sb.try_sh("sftpjail check --all --json");
    let code = ["ok", "problems", "unchecked"].iter().position(|v| *v == status).unwrap();
    let out = said(out, i32::try_from(code).unwrap());
    let document: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"));
    assert_eq!((&document["version"], &document["status"]), (&2.into(), &status.into()), "{out}");
    document
}

/// User and status of each report.
fn verdicts(document: &Value) -> Vec<[&str; 2]> {
    let users = document["users"].as_array().expect("a list of users");
    users.iter().map(|report| [text(report, "user"), text(report, "status")]).collect()
}

/// check and evidence of what failed with a user.
#[track_caller]
fn failures<'v>(document: &'v Value, user: &str) -> Vec<[&'v str; 2]> {
    let users = document["users"].as_array().expect("a list of users");
    let report = users.iter().find(|report| report["user"] == user).unwrap_or_else(|| panic!("no {user}"));
    findings(report).into_iter().filter(|f| f[1] == "failed").map(|f| [f[0], f[2]]).collect()
}

#[test]
fn every_member_is_looked_at_and_nobody_else() {
    let sound = Sound::new();
    let sb = &sound.sb;
    sb.user("primary").primary("sftp").add();
    sb.user("Ann B").home("/home/ann").group("sftp").raw().add();
    let document = all(sb, "ok");
    assert_eq!(verdicts(&document), ["Ann B", "mle", "primary"].map(|user| [user, "ok"]));
    let report = &document["users"][1];
    assert!(report["rehearsal"]["tree"].is_array(), "{report:#}");
    let host: Vec<_> = findings(&document).into_iter().map(|f| f[0]).collect();
    let expected = [
        "configuration",
        "sshd",
        "pam account",
        "pam session",
        "pam module",
        "user manager",
        "fstab",
        "autofs",
    ];
    assert_eq!(host, expected);

    let out = said(sb.try_sh("sftpjail check --all"), 0).stdout;
    assert!(
        out.contains(
            "✓ pam session    pam_sftpjail.so: close at /etc/pam.d/sshd:1, open at /etc/pam.d/sshd:"
        ),
        "{out}"
    );
    assert!(out.ends_with("3 users: 3 sound, 0 with problems, 0 not checked; the host is sound.\n"), "{out}");
}

#[test]
fn members_of_every_profile() {
    let sound = Sound::new();
    let sb = &sound.sb;
    sb.user("jack").group("sftp-only").add();
    sb.sh("mkdir /etc/sftpjail");
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
         [[profile]]\nname = \"portal\"\ngroups = [\"sftp-only\"]\nhome = \"read-only\"\n",
    );
    // Of which systemd's drop-in is to know.
    sb.name_in_drop_in("sftp-only");
    let document = all(sb, "problems");
    assert_eq!(verdicts(&document), [["jack", "problems"], ["mle", "ok"]]);
    let jack = failures(&document, "jack");
    assert_eq!(jack[0], ["sshd chroot", "ChrootDirectory is none, so all of the system is seen"]);
    sb.sh("sed -i 's/^Match Group sftp/&,sftp-only/' /etc/ssh/sshd_config");
    assert_eq!(verdicts(&all(sb, "ok")), [["jack", "ok"], ["mle", "ok"]]);

    // Group lists are not always tidy, and that is nobody's problem.
    sb.sh("sed -i '/^sftp-only:/s/$/,ghost/' /etc/group");
    let document = all(sb, "ok");
    let ghost = [
        "profile",
        "warned",
        "the group sftp-only lists ghost, who does not exist",
        "gpasswd -d ghost sftp-only",
    ];
    assert_eq!(findings(&document).last(), Some(&ghost));
    sb.sh("sed -i '/^sftp-only:/d' /etc/group");
    let document = all(sb, "ok");
    let none = "a profile names the group sftp-only, which does not exist";
    assert!(findings(&document).iter().any(|f| f[..3] == ["profile", "warned", none]), "{document:#}");
}

/// Breaks something whereby a member is let in unjailed, or could be; `--all` must find it.
#[track_caller]
fn found(breaks: &str, check: &str, evidence: &str) -> Sound {
    let sound = Sound::new();
    assert_eq!(verdicts(&all(&sound.sb, "ok")), [["mle", "ok"]]);
    sound.sb.sh(breaks);
    let document = all(&sound.sb, "problems");
    let mut failed = failures(&document, "mle");
    failed.extend(findings(&document).iter().filter(|f| f[1] == "failed").map(|f| [f[0], f[2]]));
    assert!(failed.iter().any(|f| f[0] == check && f[1].contains(evidence)), "{breaks}: {failed:#?}");
    sound
}

#[track_caller]
fn sees_the_host(sound: &Sound, user: &str) {
    // Without a shell they would not get far.
    sound.sb.sh("usermod -s /bin/sh mle");
    let out = sound.sb.sftp(user, "ls /etc/ssh\n").ok();
    assert!(out.stdout.contains("/etc/ssh/sshd_config"), "{out}");
}

#[test]
fn a_match_address_that_lets_a_member_in_unjailed() {
    let block = "Match Address 127.0.0.0/8\\n    ChrootDirectory none";
    let breaks = format!("sed -i '/^Match Group sftp/i {block}' /etc/ssh/sshd_config");
    let sound = found(&breaks, "sshd chroot", "; from 127.0.0.0 (Match at /etc/ssh/sshd_config:");
    sees_the_host(&sound, "mle");
}

#[test]
fn a_drop_in_whose_loss_lets_a_member_in_unjailed() {
    let moves = "sed -n '/^Match Group/,$p' /etc/ssh/sshd_config >/etc/ssh/sshd_config.d/sftpjail.conf
        sed -i '/^Match Group/,$d' /etc/ssh/sshd_config";
    let lost = "rm /etc/ssh/sshd_config.d/sftpjail.conf";
    let sound = Sound::new();
    sound.sb.sh(moves);
    all(&sound.sb, "ok");
    let sound = found(&format!("{moves}\n{lost}"), "sshd chroot", "ChrootDirectory is none");
    sees_the_host(&sound, "mle");
}

#[test]
fn a_missing_force_command_that_lets_a_member_run_others() {
    let breaks = "sed -i '/^Match Group sftp/,$ { /ForceCommand/d }' /etc/ssh/sshd_config";
    found(breaks, "sshd command", "ForceCommand is none, and not internal-sftp");
}

#[test]
fn forwarding_that_lets_a_member_through_to_the_network() {
    let breaks = "sed -i '/^Match Group sftp/,$ { /DisableForwarding/d; s/AllowTcpForwarding no/AllowTcpForwarding yes/ }' \
        /etc/ssh/sshd_config";
    let sound = found(breaks, "sshd forwards", "AllowTcpForwarding is yes");
    sound.sb.ssh("mle", &["-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:22"]).ok();
}

#[test]
fn a_sufficient_line_that_keeps_our_module_from_being_called() {
    for kind in ["account", "session"] {
        let breaks = format!(
            "sed -i '/^{kind} .*sftpjail.so\\( open\\)*$/i {kind} sufficient pam_permit.so' /etc/pam.d/sshd"
        );
        let sound = found(&breaks, &format!("pam {kind}"), " is skipped when pam_permit.so (sufficient) at ");
        if kind == "session" {
            sound.sb.sftp("mle", "pwd\n").failed();
        }
    }
}

#[test]
fn an_alias_by_which_a_member_is_let_in_unjailed() {
    // A spelling that NSS knows, and sshd's block does not.
    let breaks = "sed -Ei 's/^(passwd|shadow):.*/\\1: files spelling/' /etc/nsswitch.conf
        sed -i 's/^Match Group sftp/Match User mle/' /etc/ssh/sshd_config";
    let sound = found(
        breaks,
        "sshd chroot",
        "ChrootDirectory is none, so all of the system is seen; for the name MLE",
    );
    sees_the_host(&sound, "MLE");
    // An entry of its own, and no member.
    let breaks = "useradd -M -o -u $(id -u mle) -g mle -d /home/mle MLE";
    let sound = found(breaks, "names", "MLE is the same account (uid ");
    sees_the_host(&sound, "MLE");
}

#[test]
fn whoever_is_sent_into_the_jail_root_without_a_profile() {
    let sound = Sound::new();
    let sb = &sound.sb;
    sb.user("daemonic").add();
    sb.sh("usermod -u 400 daemonic");
    sb.sh("sed -i 's/^Match Group sftp/Match Group sftp,joe,daemonic/' /etc/ssh/sshd_config");
    let document = all(sb, "problems");
    assert_eq!(verdicts(&document), [["daemonic", "problems"], ["joe", "problems"], ["mle", "ok"]]);
    let [joe] = failures(&document, "joe")[..] else { panic!("{document:#}") };
    assert!(
        joe[0] == "sshd chroot" && joe[1].contains(" but no profile is for joe, so no jail is built"),
        "{joe:?}"
    );
    // root, too.
    sb.sh("sed -i 's/^Match Group sftp,joe,daemonic/Match all/' /etc/ssh/sshd_config");
    assert!(verdicts(&all(sb, "problems")).contains(&["root", "problems"]));
}

#[test]
fn what_is_so_for_many_is_told_once() {
    let sound = Sound::new();
    for name in ["a1", "a2", "a3"] {
        sound.sb.user(name).group("sftp").add();
    }
    sound.sb.sh("sed -i '/^Match Group sftp/,$ s/PermitTTY no/PermitTTY yes/' /etc/ssh/sshd_config; chown joe /home/a2");
    let out = said(sound.sb.try_sh("sftpjail check --all"), 1).stdout;
    assert_eq!(out.matches("✗ sshd terminal  PermitTTY is yes").count(), 1, "{out}");
    assert!(out.contains("                 so it is for a1, a2, a3, mle\n"), "{out}");
    assert!(out.contains("                 so it is for a2\n"), "{out}");
    assert!(out.ends_with("4 users: 0 sound, 4 with problems, 0 not checked; the host is sound.\n"), "{out}");
}

#[test]
fn the_exit_status_is_the_worst() {
    let sound = Sound::new();
    let sb = &sound.sb;
    sb.sh("gpasswd -d mle sftp");
    let out = said(sb.try_sh("sftpjail check --all"), 0);
    assert!(
        out.stdout.ends_with("0 users: 0 sound, 0 with problems, 0 not checked; the host is sound.\n"),
        "{out}"
    );
    sb.sh("usermod -aG sftp mle; echo 'x /jail/gone none bind' >>/etc/fstab");
    let document = all(sb, "problems");
    assert_eq!(verdicts(&document), [["mle", "ok"]]);
    sound.restore();
    // What one may not see is no problem, until there is one.
    let as_joe = "exec setpriv --reuid joe --regid joe --clear-groups sftpjail check --all";
    let out = said(sb.try_sh(as_joe), 2).stdout;
    assert!(
        out.ends_with("1 user: 0 sound, 0 with problems, 1 not checked; the host could not be checked.\n"),
        "{out}"
    );
    sb.sh("sed -i '/session.*sftpjail/d' /etc/pam.d/sshd");
    said(sb.try_sh(as_joe), 1);
    sb.sh("mkdir /etc/sftpjail; echo nonsense >/etc/sftpjail/config.toml");
    let document = all(sb, "problems");
    assert_eq!(verdicts(&document), [[""; 2]; 0]);
    for words in ["check", "check --all mle"] {
        let out = sb.try_sh(&format!("sftpjail {words}"));
        assert!(out.code == Some(2) && out.stderr.starts_with("error: "), "{out}");
    }
}

/// An sshd that counts its runs, and may be slow.
fn counting(sb: &Sandbox, seconds: &str) {
    sb.sh("mv /usr/sbin/sshd /usr/sbin/sshd-itself");
    let script =
        format!("#!/bin/sh\necho run >>/tmp/runs\n/bin/sleep {seconds}\nexec /usr/sbin/sshd-itself \"$@\"\n");
    sb.write_mode("/usr/sbin/sshd", script, 0o755);
}

#[test]
fn sshd_is_asked_once_for_all_whom_it_does_not_tell_apart() {
    let sound = Sound::new();
    let sb = &sound.sb;
    sb.sh("for n in $(seq 300); do echo u$n:x:$((30000 + n)):100::/home/u$n:/bin/sh; done >>/etc/passwd
        for n in $(seq 20); do sed -i \"/^sftp:/s/\\$/,u$n/\" /etc/group; mkdir /home/u$n; chown u$n /home/u$n; done
        printf 'Match User u7\\n PermitTTY yes\\nMatch Address 10.0.0.0/8\\n MaxSessions 5\\n' >/etc/ssh/sshd_config.d/x.conf");
    counting(sb, "0");
    let document = all(sb, "problems");
    let verdicts = verdicts(&document);
    assert_eq!(verdicts.len(), 21);
    let problems: Vec<_> = verdicts.into_iter().filter(|[_, status]| *status != "ok").collect();
    assert_eq!(problems, [["u7", "problems"]]);
    let runs = sb.read_text("/tmp/runs").lines().count();
    // Members, others, and u7; by four kinds of connection; and once for the ports.
    assert_eq!(runs, 3 * 4 + 1);
}

#[test]
fn a_terminal_is_shown_how_far_it_is() {
    let sound = Sound::new();
    let sb = &sound.sb;
    counting(sb, "0.7");
    // With a terminal for stderr only.
    let on_terminal = "TERM=xterm script -qec 'stty cols 60; sftpjail check --all >/tmp/out' /dev/null";
    let shown = sb.try_sh(on_terminal);
    assert_eq!(shown.code, Some(0), "{shown}");
    let total = sb.sh("getent passwd | wc -l").stdout.trim().to_owned();
    assert!(shown.stdout.contains(&format!("/{total} ")) && shown.stdout.contains('█'), "{shown}");
    assert!(sb.read_text("/tmp/out").ends_with("the host is sound.\n"));
    assert!(!sb.read_text("/tmp/out").contains('\x1b'));
    // Neither where it is quick, nor where there is none.
    said(sb.try_sh("sftpjail check --all"), 0);
    sb.sh("mv /usr/sbin/sshd-itself /usr/sbin/sshd");
    let shown = sb.try_sh(on_terminal);
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), ""), "{shown}");
}
