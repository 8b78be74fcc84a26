//! The recipe that does something after each upload, with its unit run by a real systemd.

use machines::{Machine, Suite, System};

const PAGE: &str = include_str!("../../docs/recipes/after-each-upload.md");

/// The page's commands that write its files, as a script.
fn files() -> String {
    let (begin, _) = PAGE.split_once("# systemd-analyze ").expect("the unit is checked");
    let blocks = begin.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let mut script = String::new();
    let mut is_text = false;
    for line in blocks.flat_map(str::lines) {
        // Not that of a comment in a file.
        let command = line.strip_prefix("# ").filter(|_| !is_text);
        is_text = command.map_or(is_text, |command| command.ends_with("<<'END'")) && line != "END";
        script += command.unwrap_or(line);
        script.push('\n');
    }
    script
}

/// Waits until the unit has done with this file of anna's.
#[track_caller]
fn has_done(machine: &Machine, name: &str) {
    machine.wait_for(&format!("journalctl --no-pager -t on-upload | grep -q ' /home/anna/{name}$'"));
}

#[test]
fn its_unit_does_it_for_each_file_also_after_a_failure_a_kill_and_a_reboot() {
    let mut machine = Machine::boot(&Suite::wanted());
    machine.sh("sftpjail setup --yes");
    machine.user("anna", "sftp");
    machine.sh(&files());
    machine.sh("systemctl daemon-reload; systemctl enable --now after-upload");
    // What is uploaded from then on is not lost.
    machine.wait_for("test -s /var/lib/after-upload/since");
    machine.sftp("anna", "put /etc/hostname first\n").ok();
    has_done(&machine, "first");

    machine.sh("mv /usr/local/sbin/on-upload /root; install -m 755 /bin/false /usr/local/sbin/on-upload");
    machine.sftp("anna", "put /etc/hostname failing\n").ok();
    machine.wait_for("test $(systemctl show -P NRestarts after-upload) -ge 1");
    machine.sh("mv /root/on-upload /usr/local/sbin/on-upload");
    has_done(&machine, "failing");

    machine.sh("systemctl kill --signal=KILL after-upload");
    machine.sftp("anna", "put /etc/hostname killed\n").ok();
    has_done(&machine, "killed");

    machine.reboot();
    machine.wait_until_up();
    machine.sftp("anna", "put /etc/hostname later\n").ok();
    has_done(&machine, "later");

    machine.sh("systemctl disable --now after-upload");
    machine.sh("not pgrep -f '^/bin/sh /usr/local/sbin/after-upload'; not pgrep -x sftpjail");
}
