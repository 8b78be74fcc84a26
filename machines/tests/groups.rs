//! A group of a directory, whose name has a blank and a backslash: this release's sshd, systemd and PAM take it.

use machines::{Machine, Suite, System};

const GROUP: &str = r"EXAMPLE\sftp users";

#[test]
fn a_group_with_a_blank_and_a_backslash_is_set_up_and_its_member_is_jailed() {
    let machine = Machine::boot(&Suite::wanted());
    machine.user("anna", "");
    machine.user("joe", "");
    machine.sh(r"printf 'EXAMPLE\\sftp users:x:5000:anna\n' >>/etc/group; getent group 'EXAMPLE\sftp users'");
    let out = machine.sh(&format!("sftpjail setup --yes --group '{GROUP}'"));
    assert!(out.stdout.contains("Members who will be jailed from their next login on: anna.\n"), "{out}");
    assert!(machine.sftp("anna", "pwd\n").ok().stdout.contains("/home/anna"));
    machine.sftp("anna", "ls /etc/ssh\n").failed();
    assert!(!machine.ssh("anna", "id").stdout.contains("uid="));
    assert_eq!(machine.ssh("joe", "id -un").ok().stdout, "joe\n");
    // No user manager has run for the member, whose group systemd's drop-in names.
    let managers = "journalctl --sync; journalctl --no-pager -o cat -u user@$(id -u anna).service";
    let said = machine.sh(managers).stdout;
    assert!(said.contains("Skipped due to 'exec-condition'") && !said.contains("Started user@"), "{said}");
    machine.sh("sftpjail check anna; sftpjail check --all; sftpjail probe anna");
    let again = machine.sh(&format!("sftpjail setup --yes --group '{GROUP}'"));
    assert!(again.stdout.starts_with("Nothing to do: everything is set up.\n"), "{again}");
    let undone = machine.sh("sftpjail setup --undo --yes");
    assert!(undone.stdout.contains("No longer jailed, with the shell /bin/sh: anna.\n"), "{undone}");
    assert_eq!(machine.ssh("anna", "id -un").ok().stdout, "anna\n");
}
