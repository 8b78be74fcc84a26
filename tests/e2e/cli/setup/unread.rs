//! A running sshd that has not read its files, though these need no change.

use sandbox::Sandbox;
use serde_json::Value;

const BLOCK: &str = "/etc/ssh/sshd_config.d/00-sftpjail.conf";

/// Waits until a file that is written now is newer than sshd's pid file.
const LATER: &str =
    "until touch /tmp/now && find /tmp/now -newer /run/sshd.pid | grep -q .; do sleep 0.02; done";

/// What sftpjail says, whose exit status must be `code`.
#[track_caller]
fn setup(sb: &Sandbox, options: &str, code: i32) -> String {
    let out = sb.try_sh(&format!("sftpjail setup {options}"));
    assert_eq!(out.code, Some(code), "{out}");
    out.stdout + &out.stderr
}

/// Whether anna gets a shell.
fn has_shell(sb: &Sandbox, port: &str) -> bool {
    sb.ssh("anna", &["-p", port, "echo a shell"]).stdout.contains("a shell")
}

/// A system after setup, with anna, whose sshd has read its files without the block, which is back.
fn machine(back: &str) -> (Sandbox, i32) {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").shell("/bin/sh").add();
    let pid = sb.sshd();
    assert!(!has_shell(&sb, "22"));
    sb.sh(&format!(
        "{LATER}; mv {BLOCK} /etc/ssh/off; before=$(stat -c %y /run/sshd.pid); kill -HUP {pid}
         for i in $(seq 500); do
            test -s /run/sshd.pid && test \"$(stat -c %y /run/sshd.pid)\" != \"$before\" && break; sleep 0.02
         done; {LATER}; {back} /etc/ssh/off {BLOCK}"
    ));
    assert!(has_shell(&sb, "22"));
    (sb, pid)
}

#[test]
fn an_sshd_that_has_not_read_the_block_is_reloaded() {
    for back in ["cp", "mv", "cp -p"] {
        let (sb, pid) = machine(back);
        let unread = format!(
            "sshd (pid {pid}) has not read its files as they are, so it may not jail members: it has to be reloaded.\n"
        );
        let said = setup(&sb, "--dry-run", 3);
        assert_eq!(said, format!("{unread}Next: sftpjail setup\n"));
        let said: Value = serde_json::from_str(&setup(&sb, "--dry-run --json", 3)).expect("JSON");
        assert_eq!((&said["status"], &said["messages"][0]), (&"changes".into(), &unread.trim().into()));
        assert!(has_shell(&sb, "22"));
        let said = sb.try_sh("echo n | script -qec 'sftpjail setup' /dev/null");
        assert!(said.code == Some(1) && has_shell(&sb, "22"), "{said}");
        let said = setup(&sb, "--yes", 0);
        assert!(!said.contains("Nothing to do"), "{said}");
        assert!(said.starts_with(&format!("{unread}sshd has been reloaded (SIGHUP to pid {pid}")), "{said}");
        assert!(
            said.ends_with("Users in the group sftp are jailed from now on.\nNext: sftpjail check --all\n"),
            "{said}"
        );
        assert!(!has_shell(&sb, "22"));
        let said = setup(&sb, "--yes", 0);
        assert!(said.starts_with("Nothing to do: everything is set up.\n"), "{said}");
    }
}

#[test]
fn an_sshd_whose_files_would_not_jail_members_is_not_reloaded() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").shell("/bin/sh").add();
    sb.sshd();
    // Only sshd itself knows that this block matches members, who are in the group anna, too.
    sb.sh(&format!(
        "{LATER}; printf 'Match Group anna\\nPermitTTY yes\\n' >/etc/ssh/sshd_config.d/00-a.conf
         stat -c %y /run/sshd.pid >/tmp/before"
    ));
    let said = setup(&sb, "--yes", 1);
    assert!(
        said.contains("sftpjail: with these changes, PermitTTY would be yes for anna, not no; "),
        "{said}"
    );
    assert!(!said.contains("has been reloaded"), "{said}");
    sb.sh("stat -c %y /run/sshd.pid | cmp - /tmp/before");
    assert!(!has_shell(&sb, "22"));
}

#[test]
fn every_sshd_with_these_files_is_reloaded() {
    let sb = Sandbox::stock();
    sb.user("anna").group("sftp").shell("/bin/sh").add();
    sb.sshd();
    sb.sh("/usr/sbin/sshd -p 2222 -o PidFile=/run/b.pid; for i in $(seq 200); do ss -ltn | grep -q :2222 && exit; sleep 0.02; done; exit 1");
    assert!(has_shell(&sb, "22") && has_shell(&sb, "2222"));
    let said = setup(&sb, "--yes --force", 0);
    assert_eq!(said.matches("sshd has been reloaded (SIGHUP to pid ").count(), 2, "{said}");
    assert!(!has_shell(&sb, "22") && !has_shell(&sb, "2222"), "{said}");
}

#[test]
fn without_a_pid_file_it_is_reloaded_once() {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.sh("rm /run/sshd.pid; echo 'PidFile none' >/etc/ssh/sshd_config.d/pid.conf; sleep 2.1");
    setup(&sb, "--yes", 0);
    // setup remembers that it has reloaded it.
    let nothing = "Nothing to do: everything is set up.\n";
    assert!(setup(&sb, "--dry-run", 0).starts_with(nothing));
    assert!(setup(&sb, "--yes", 0).starts_with(nothing));
    // A later change, and another sshd with the same pid file.
    sb.sh("sleep 0.1; touch /etc/ssh/sshd_config.d/pid.conf");
    let said = setup(&sb, "--dry-run", 3);
    assert!(said.contains("writes no pid file, so it is not known whether it has read its files"), "{said}");
    let said = setup(&sb, "--yes", 0);
    assert!(said.contains("sshd has been reloaded (SIGHUP to pid "), "{said}");
    assert!(setup(&sb, "--dry-run", 0).starts_with(nothing));
    sb.sh("sleep 2.1; touch /etc/ssh/sshd_config.d/pid.conf; kill $(ss -Hltnp sport = :22 | grep -o 'pid=[0-9]*' | head -n 1 | cut -d= -f2)
        for i in $(seq 200); do ss -ltn | grep -q ':22 ' || break; sleep 0.02; done; /usr/sbin/sshd; sleep 0.2; cat /run/sftpjail-reloaded");
    assert!(setup(&sb, "--dry-run", 0).starts_with(nothing));
}
