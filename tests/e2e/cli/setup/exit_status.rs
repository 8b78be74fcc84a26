//! What setup ends with, for automation: exit statuses, one JSON document, and the line that says what to type next.

use super::{assert_same, etc};
use sandbox::Sandbox;
use serde_json::{Value, json};

#[test]
fn a_dry_run_exits_with_3_if_something_would_change_and_with_0_if_not() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --dry-run");
    assert_eq!(out.code, Some(3), "{out}");
    assert!(out.stdout.ends_with("\nNext: sftpjail setup\n"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("sftpjail setup --yes");
    let out = sb.try_sh("sftpjail setup --dry-run");
    assert_eq!(out.code, Some(0), "{out}");
    assert!(out.stdout.starts_with("Nothing to do: everything is set up.\n"), "{out}");
}

#[test]
fn an_answer_other_than_yes_exits_with_1() {
    let sb = Sandbox::stock();
    for answer in ["n", "", "q"] {
        let out = sb.try_sh(&format!("echo {answer} | script -qec 'sftpjail setup' /dev/null"));
        assert!(out.code == Some(1) && out.stdout.contains("Nothing was changed."), "{out}");
    }
    let out = sb.try_sh("echo y | script -qec 'sftpjail setup' /dev/null");
    assert_eq!(out.code, Some(0), "{out}");
}

#[test]
fn it_ends_with_what_to_type_next() {
    let sb = Sandbox::stock();
    let last = |out: &str| out.lines().last().map(str::to_owned).unwrap_or_default();
    let out = sb.sh("sftpjail setup --yes").stdout;
    assert_eq!(last(&out), "Next: usermod -aG sftp USER, then sftpjail check USER");
    sb.user("anna").group("sftp").add();
    sb.sh("rm /etc/rsyslog.d/10-sftpjail.conf");
    let out = sb.sh("sftpjail setup --yes --confirm-within 60s").stdout;
    assert_eq!(last(&out), "Next: log in again in another window, then sftpjail setup --confirm");
    let out = sb.sh("sftpjail setup --confirm").stdout;
    assert_eq!(last(&out), "Next: sftpjail check --all");
    // It can be typed.
    sb.sh("sftpjail check --all");
}

#[test]
fn a_setup_that_waits_to_be_confirmed_is_not_called_interrupted() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes --confirm-within 120s");
    for option in ["--dry-run", "--yes"] {
        let out = sb.try_sh(&format!("sftpjail setup {option}"));
        assert_eq!(out.code, Some(1), "{out}");
        assert!(!out.stdout.contains("interrupted"), "{out}");
        assert!(out.stderr.contains("an earlier setup waits to be confirmed"), "{out}");
    }
    sb.sh("sftpjail setup --confirm");
}

fn document(sb: &Sandbox, command: &str, code: i32) -> Value {
    let out = sb.try_sh(command);
    assert_eq!(out.code, Some(code), "{out}");
    let document: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert!(document["version"].is_u64(), "{document:#}");
    document
}

#[test]
fn json_has_what_would_change_and_who_is_concerned() {
    let sb = Sandbox::stock();
    sb.user("anna").group("customers").shell("/bin/bash").add();
    sb.user("kim").group("customers").add();
    sb.sh("rm -r /home/kim");
    let stopped = document(&sb, "sftpjail setup --dry-run --json --group customers", 1);
    assert_eq!(stopped["status"], "problems");
    assert!(
        stopped["error"]["what"].as_str().is_some_and(|what| what.contains("would be refused")),
        "{stopped:#}"
    );
    let members = &stopped["members"];
    assert_eq!(members["jailed_from_now"], json!(["anna"]));
    assert_eq!(members["lose_shell"], json!(["anna", "kim"]));
    assert_eq!(members["refused_from_now"][0]["user"], "kim");
    assert!(members["refused_from_now"][0]["fix"].is_string(), "{members:#}");

    let options = "--group customers --accept-refused --json";
    let shown = document(&sb, &format!("sftpjail setup --dry-run {options}"), 3);
    assert_eq!(shown["status"], "changes");
    let changes = shown["changes"].as_array().expect("a list");
    let kinds: Vec<_> = changes.iter().map(|change| [&change["kind"], &change["path"]]).collect();
    assert!(kinds.contains(&[&json!("directory"), &json!("/jail")]), "{kinds:?}");
    assert!(kinds.contains(&[&json!("file"), &json!("/etc/pam.d/sshd")]), "{kinds:?}");
    let diffs: String = changes.iter().filter_map(|change| change["diff"].as_str()).collect();
    assert!(diffs.contains("+Match Group customers\n"), "{diffs}");
    assert_eq!(shown["next"], "the same without --dry-run");

    let out = sb.try_sh("sftpjail setup --json").failed();
    assert!(out.code == Some(2) && out.stderr.contains("--dry-run"), "{out}");

    let done = document(&sb, &format!("sftpjail setup --yes {options}"), 0);
    assert_eq!(done["status"], "ok");
    assert!(
        done["messages"].as_array().is_some_and(|list| list
            .iter()
            .any(|m| m == "sshd does not run. The changes take effect when it is started.")),
        "{done:#}"
    );
    let again = document(&sb, "sftpjail setup --yes --json", 0);
    assert_eq!((&again["status"], &again["changes"]), (&json!("ok"), &json!([])));
}
