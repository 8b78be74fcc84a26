//! An upgrade of lines of an earlier version, which had one session line and `required`. They are rewritten,
//! and undo removes what both versions wrote.

use super::{assert_same, etc, undo};
use sandbox::Sandbox;
use serde_json::{Value, json};

const COMMENT: &str = "# Added by `sftpjail setup`; `sftpjail setup --undo` takes it out.\n";
const JOURNAL: &str = "/var/lib/sftpjail/setup/journal.json";

/// Our lines in the file, without their control field.
fn ours(sb: &Sandbox) -> Vec<String> {
    let text = sb.read_text("/etc/pam.d/sshd");
    let control = "[success=ok ignore=ignore module_unknown=ignore default=bad] ";
    let ours = text.lines().filter(|line| line.contains("pam_sftpjail.so"));
    ours.map(|line| line.replace(control, "")).collect()
}

/// A machine that an earlier version has set up, with its journal.
fn set_up_before() -> Sandbox {
    let sb = Sandbox::stock();
    let stock = sb.read_text("/etc/pam.d/sshd");
    sb.write("/root/stock", &stock);
    sb.sh("sftpjail setup --yes");
    let inserted = ["account", "session"].map(|kind| format!("{COMMENT}{kind} required pam_sftpjail.so\n"));
    sb.write("/etc/pam.d/sshd", format!("{stock}{}", inserted.concat()));
    let digest = sb.sh("sha256sum </etc/pam.d/sshd").stdout;

    let mut journal: Value = serde_json::from_slice(&sb.read(JOURNAL)).expect("JSON");
    assert_eq!(journal["version"], 2);
    journal["version"] = json!(1);
    let mut found = 0;
    for step in journal["steps"].as_array_mut().expect("a list") {
        step.as_object_mut().expect("an object").remove("replaced");
        if step["path"] == "/etc/pam.d/sshd" {
            step["after"] = json!(digest.split(' ').next());
            step["inserted"] = json!(inserted);
            found += 1;
        }
    }
    assert_eq!(found, 1, "{journal:#}");
    sb.write(JOURNAL, journal.to_string());
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("anna", "pwd\n").ok();
    sb.wait_for_logouts();
    sb
}

const UPGRADED: [&str; 3] =
    ["session pam_sftpjail.so close", "account pam_sftpjail.so", "session pam_sftpjail.so open"];

#[test]
fn one_session_line_becomes_two_and_undo_removes_both() {
    let sb = set_up_before();
    let out = sb.sh("sftpjail check anna").stdout;
    assert!(out.contains("no `pam_sftpjail.so close` line at the top"), "{out}");
    let out = sb.sh("sftpjail setup --yes").stdout;
    assert!(out.contains("\n-session required pam_sftpjail.so\n"), "{out}");
    assert_eq!(ours(&sb), UPGRADED);
    let out = sb.sh("sftpjail check anna").stdout;
    assert!(!out.contains("\n! pam"), "{out}");
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("anna", "pwd\n").ok();
    assert!(sb.sh("sftpjail setup --yes").stdout.starts_with("Nothing to do"));
    let out = undo(&sb).stdout;
    assert!(!out.contains("/etc/pam.d/sshd has been"), "{out}");
    assert_eq!(sb.read_text("/etc/pam.d/sshd"), sb.read_text("/root/stock"));
}

#[test]
fn undo_of_an_earlier_version_alone() {
    let sb = set_up_before();
    let out = undo(&sb).stdout;
    assert!(out.contains("Note: the group sftp stays, because anna is in it"), "{out}");
    assert!(!out.contains("/etc/pam.d/sshd has been"), "{out}");
    assert_eq!(sb.read_text("/etc/pam.d/sshd"), sb.read_text("/root/stock"));
}

/// The comments of an earlier version said the same in other words.
#[test]
fn files_with_an_earlier_versions_comments_are_recognised_and_undone() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes");
    let mut journal: Value = serde_json::from_slice(&sb.read(JOURNAL)).expect("JSON");
    let mut reworded = Vec::new();
    for step in journal["steps"].as_array_mut().expect("a list") {
        let Some(path) = step["path"].as_str().filter(|path| path.ends_with(".conf")) else { continue };
        sb.sh(&format!("sed -i 's/^#.*/# earlier words/' {path}"));
        reworded.push(path.to_owned());
        step["after"] = json!(sb.sh(&format!("sha256sum <{path}")).stdout.split(' ').next());
    }
    assert_eq!(reworded.len(), 3, "user@.service, rsyslog and sshd: {reworded:?}");
    sb.write(JOURNAL, journal.to_string());
    sb.user("anna").group("sftp").add();
    let out = sb.sh("sftpjail check anna").stdout;
    assert!(
        out.contains("\n✓ user manager ") && out.contains("\n✓ sshd chroot ") && !out.contains('✗'),
        "{out}"
    );

    // Their settings are as good as those of this version.
    let out = sb.sh("sftpjail setup --yes").stdout;
    assert!(out.starts_with("Nothing to do"), "{out}");
    sb.sh("userdel anna");
    let out = undo(&sb).stdout;
    assert!(out.contains("Everything is as it was before."), "{out}");
    let files = "./passwd ./shadow ./passwd- ./shadow- ./group ./gshadow ./group- ./gshadow- ./subuid ./subgid ./subuid- ./subgid-";
    assert_same(&before, &etc(&sb), &files.split(' ').chain([".", "./pam.d"]).collect::<Vec<_>>());
}

const RSYSLOG: &str = "/etc/rsyslog.d/10-sftpjail.conf";

#[test]
fn rules_of_an_earlier_version_are_replaced_for_rsyslog_and_undo_removes_both() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    // Rules that this version does not have, in a file that is just as setup has left it.
    let rules = sb.read_text(RSYSLOG);
    sb.sh(&format!("sed -i 's/ UsePIDFromSystem=\"on\"//' {RSYSLOG}"));
    assert_ne!(sb.read_text(RSYSLOG), rules);
    let mut journal: Value = serde_json::from_slice(&sb.read(JOURNAL)).expect("JSON");
    let steps = journal["steps"].as_array_mut().expect("a list");
    let step = steps.iter_mut().find(|step| step["path"] == RSYSLOG).expect("a step");
    step["after"] = json!(sb.sh(&format!("sha256sum <{RSYSLOG}")).stdout.split(' ').next());
    sb.write(JOURNAL, journal.to_string());

    let out = sb.sh("sftpjail setup --yes").stdout;
    assert!(out.contains("\n+input(type=\"imuxsock\" ") && out.contains("UsePIDFromSystem"), "{out}");
    assert_eq!(sb.read_text(RSYSLOG), rules);
    assert!(sb.sh("sftpjail setup --yes").stdout.starts_with("Nothing to do"));

    // What an admin has adapted stays, and setup says so where it changes something.
    sb.sh(&format!("sed -i '/^input/d' {RSYSLOG}"));
    let adapted = sb.read_text(RSYSLOG);
    assert!(sb.sh("sftpjail setup --yes").stdout.starts_with("Nothing to do"));
    sb.sh("sed -i '\\,/var/log/sftp.log,d' /etc/logrotate.d/rsyslog");
    let out = sb.sh("sftpjail setup --yes").stdout;
    assert!(
        out.contains(&format!("Note: {RSYSLOG} has other rules than this version writes, and stays")),
        "{out}"
    );
    assert_eq!(sb.read_text(RSYSLOG), adapted);

    sb.write(RSYSLOG, rules);
    undo(&sb);
    sb.sh(&format!("! test -e {RSYSLOG}"));
}

#[test]
fn undo_keeps_what_an_admin_changed_after_either_version_and_removes_all_of_setup() {
    for changes_before in [true, false] {
        let sb = set_up_before();
        let admin = "sed -i '1i # of an admin' /etc/pam.d/sshd";
        if changes_before {
            sb.sh(&format!("{admin}; sftpjail setup --yes"));
        } else {
            sb.sh(&format!("sftpjail setup --yes; {admin}"));
        }
        assert_eq!(ours(&sb), UPGRADED);
        let out = undo(&sb).stdout;
        assert!(
            out.contains(
                "Note: /etc/pam.d/sshd has been edited since setup, so only what setup added is removed."
            ),
            "{out}"
        );
        let text = sb.read_text("/etc/pam.d/sshd");
        assert!(text.starts_with("# of an admin\n") && !text.contains("sftpjail"), "{text}");
    }
}

#[test]
fn a_line_of_an_admin_keeps_its_arguments_and_its_place() {
    let sb = Sandbox::stock();
    let stock = sb.read_text("/etc/pam.d/sshd");
    sb.write(
        "/etc/pam.d/sshd",
        format!(
            "{stock}account required pam_sftpjail.so debug\n-session required \\\n  pam_sftpjail.so debug\n\
             session optional pam_permit.so\n"
        ),
    );
    let before = sb.read_text("/etc/pam.d/sshd");
    sb.sh("sftpjail setup --yes");
    assert_eq!(
        ours(&sb),
        [
            "session pam_sftpjail.so close",
            "account pam_sftpjail.so debug",
            "session pam_sftpjail.so debug open"
        ]
    );
    let text = sb.read_text("/etc/pam.d/sshd");
    assert!(text.ends_with("pam_sftpjail.so debug open\nsession optional pam_permit.so\n"), "{text}");
    undo(&sb);
    assert_eq!(sb.read_text("/etc/pam.d/sshd"), before);
}

#[test]
fn a_line_in_an_included_file_stays_and_gets_a_first_line() {
    let sb = Sandbox::stock();
    sb.append("/etc/pam.d/common-session", "session required pam_sftpjail.so\n");
    sb.sh("sftpjail setup --yes");
    assert_eq!(ours(&sb), ["session pam_sftpjail.so close", "account pam_sftpjail.so"]);
    sb.user("anna").group("sftp").add();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sftp("anna", "pwd\n").ok();
}

#[test]
fn an_order_that_setup_does_not_change_is_reported() {
    for (lines, message) in [
        (
            "session required pam_sftpjail.so\nsession optional pam_mount.so\n",
            "pam_mount.so at /etc/pam.d/sshd:",
        ),
        (
            "session required pam_sftpjail.so close\n",
            "this line stands too low: pam_env.so at /etc/pam.d/sshd:",
        ),
        (
            "session required pam_sftpjail.so open\nsession required pam_sftpjail.so close\n",
            "the line of pam_sftpjail.so with `close` stands below this one",
        ),
    ] {
        let sb = Sandbox::stock();
        sb.append("/etc/pam.d/sshd", lines);
        let before = etc(&sb);
        let out = sb.try_sh("sftpjail setup --yes").failed();
        assert!(out.stderr.contains(message), "{message}: {out}");
        assert_same(&before, &etc(&sb), &[]);
    }
}
