//! Files that the running sshd has not read as they are: what it does is unknown, and a reload must not harm.

use super::super::{check, checked, machine};
use super::running::finding;
use sandbox::Sandbox;

/// Waits until a file that is written now is newer than sshd's pid file. The clock of files stands still while the
/// processor that keeps it gets no time, as happens to a busy virtual machine.
const LATER_THAN_THE_READING: &str =
    "until touch /tmp/now && find /tmp/now -newer /run/sshd.pid | grep -q .; do sleep 0.02; done";

/// What comes before the command, where one member is checked: others may be jailed by what sshd has read.
const FIRST: &str = "→ see that `sftpjail check --all` finds nothing else about sshd, then: ";

/// Where the sandbox has the members' block.
const BLOCK: &str = "/etc/ssh/sshd_config.d/block.conf";

/// Moves the members' block to a file of its own.
const MOVE_BLOCK: &str = "sed -n '/^Match/,$p' /etc/ssh/sshd_config >/tmp/block; sed -i '/^Match/,$d' /etc/ssh/sshd_config
    grep -q '^Include' /etc/ssh/sshd_config || sed -i '1i Include /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config
    mkdir -p /etc/ssh/sshd_config.d; grep -q ChrootDirectory /tmp/block; cp /tmp/block /etc/ssh/sshd_config.d/block.conf";

/// Makes sshd read its files, and waits until it has.
fn reload(sb: &Sandbox, pid: i32) {
    sb.sh(&format!(
        "before=$(stat -c %Y.%z /run/sshd.pid); kill -HUP {pid}
         for i in $(seq 500); do
            now=$(stat -c %Y.%z /run/sshd.pid) && test \"$now\" != \"$before\" && test -s /run/sshd.pid && exit 0; sleep 0.02
         done; exit 1"
    ));
}

#[test]
fn a_configuration_that_was_changed_after_sshd_has_read_it_is_found() {
    let sb = machine();
    let pid = sb.sshd();
    sb.sh("cp -p /etc/ssh/sshd_config /tmp/old");
    let removed = "something in /etc/ssh/sshd_config.d was added, renamed or removed";
    for (change, expected) in [
        ("echo '# changed' >>/etc/ssh/sshd_config", "/etc/ssh/sshd_config was changed or renamed"),
        // With the time of the older content.
        ("cp -p /tmp/old /etc/ssh/sshd_config", "/etc/ssh/sshd_config was changed or renamed"),
        (
            "echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/more.conf",
            "/etc/ssh/sshd_config.d/more.conf was changed or renamed",
        ),
        ("rm /etc/ssh/sshd_config.d/more.conf", removed),
        ("touch /etc/ssh/sshd_config.d/.swp; rm /etc/ssh/sshd_config.d/.swp", removed),
        (
            "mv /etc/ssh/sshd_config.d /etc/ssh/off; mv /etc/ssh/off /etc/ssh/sshd_config.d",
            "something in /etc/ssh/sshd_config.d was",
        ),
        ("rmdir /etc/ssh/sshd_config.d", "something in /etc/ssh was added, renamed or removed"),
    ] {
        sb.sh(&format!("{LATER_THAN_THE_READING}; {change}"));
        let out = check(&sb, "mle", 2);
        let found = finding(&out, "! sshd running");
        assert!(found.contains(expected), "{change}: {out}");
        assert!(
            out.stdout.contains("\nmle cannot be judged: sshd may not have read its files as they are.\n"),
            "{out}"
        );
        assert!(found.ends_with(&format!("{FIRST}kill -HUP {pid}")), "{found}");
        // Where all members are checked, the command is the fix.
        let found = finding(&checked(sb.try_sh("sftpjail check --all"), 2), "! sshd running");
        assert!(found.ends_with(&format!("→ kill -HUP {pid}")), "{found}");
        reload(&sb, pid);
        let out = check(&sb, "mle", 0);
        assert!(finding(&out, "✓ sshd running").contains(" has read the files as they are"), "{out}");
    }
    // Without a pid file, nothing tells of a reload. The time of a start is known to two seconds.
    sb.sh("sleep 2.1; rm /run/sshd.pid; touch /etc/ssh/sshd_config");
    let found = finding(&check(&sb, "mle", 2), "! sshd running");
    assert!(found.contains("it is not known whether it was reloaded since"), "{found}");
}

#[test]
fn a_block_that_is_back_where_it_was_does_not_hide_that_sshd_runs_without_it() {
    let sb = machine();
    sb.user("kim").group("sftp").add();
    sb.sh(MOVE_BLOCK);
    let pid = sb.sshd();
    check(&sb, "mle", 0);
    sb.sh(&format!("{LATER_THAN_THE_READING}; mv {BLOCK} {BLOCK}.off"));
    reload(&sb, pid);
    sb.sh(&format!("{LATER_THAN_THE_READING}; mv {BLOCK}.off {BLOCK}"));
    // It is true.
    assert!(sb.ssh("kim", &["echo a shell"]).stdout.contains("a shell"));
    for command in ["sftpjail check kim", "sftpjail check --all"] {
        let out = checked(sb.try_sh(command), 2);
        assert!(
            finding(&out, "! sshd running").contains(&format!("{BLOCK} was changed or renamed")),
            "{out}"
        );
    }
}

#[test]
fn sshd_is_not_reloaded_before_its_files_jail_members() {
    for wrong in [
        format!("mv {BLOCK} {BLOCK}.off"),
        format!("sed -i /ChrootDirectory/d {BLOCK}"),
        format!("sed -i 's/^Match.*/Match User mle/' {BLOCK}"),
    ] {
        let sb = machine();
        sb.user("kim").group("sftp").add();
        sb.sh(MOVE_BLOCK);
        let pid = sb.sshd();
        sb.sh(&format!("{LATER_THAN_THE_READING}; {wrong}"));
        for command in ["sftpjail check kim", "sftpjail check --all"] {
            let out = checked(sb.try_sh(command), 1);
            let found = finding(&out, "! sshd running");
            assert!(found.contains("→ make the other fixes about sshd first, and reload"), "{wrong}: {out}");
            assert!(!out.stdout.contains("kill -HUP"), "{wrong}: {out}");
        }
        // Of mle, nothing is wrong in the last case; kim would lose the jail.
        let out = sb.try_sh("sftpjail check mle");
        assert!(!out.stdout.contains("→ kill -HUP"), "{wrong}: {out}");
        // The members are jailed until it is reloaded.
        assert!(!sb.ssh("kim", &["echo a shell"]).stdout.contains("a shell"), "{pid}");
    }
}
