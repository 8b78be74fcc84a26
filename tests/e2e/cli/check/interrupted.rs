//! `setup`: a setup that was killed, or its undo, and the command that goes on.

use super::check;
use super::sshd::running::finding;
use sandbox::Sandbox;

const JOURNAL: &str = "/var/lib/sftpjail/setup/journal.json";

#[test]
fn a_setup_that_was_interrupted_is_named_with_the_command_that_goes_on() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("mle").group("sftp").shell("/usr/sbin/nologin").add();
    let complete = sb.read_text(JOURNAL);
    assert!(!sb.try_sh("sftpjail check mle").stdout.contains(" setup "));
    let phase = |name: &str, more: &str| {
        let text = complete.replace("\"phase\": \"applied\"", &format!("\"phase\": \"{name}\""));
        assert_ne!(text, complete);
        sb.write(JOURNAL, text.replace("\"until\": null", more));
    };
    let found = |user: &str| finding(&sb.try_sh(&format!("sftpjail check {user}")), "! setup ");
    let setup = "→ it shows what it does, and asks: sftpjail setup";
    for (name, until, what) in [
        (
            "applying",
            "\"until\": null",
            "a setup was interrupted, so that only a part of its changes is there",
        ),
        ("unconfirmed", "\"until\": 1000", "a setup was interrupted, so that"),
        ("undoing", "\"until\": null", "an undo of setup was interrupted, so that"),
    ] {
        phase(name, until);
        for user in ["mle", "--all"] {
            let found = found(user);
            assert!(found.contains(what) && found.ends_with(setup), "{name}: {found}");
        }
    }
    // One that runs, or waits to be confirmed, is none.
    let out = sb.try_sh("flock /var/lib/sftpjail/setup sftpjail check mle");
    assert!(!out.stdout.contains(" setup "), "{out}");
    phase("unconfirmed", "\"until\": 99999999999");
    assert_eq!(found("mle"), "");
    sb.write(JOURNAL, "not JSON");
    assert!(found("mle").contains("whether a setup was interrupted is not known: "), "{}", found("mle"));
    sb.write(JOURNAL, complete);
    check(&sb, "mle", 0);
}
