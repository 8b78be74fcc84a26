//! A refused user does not lock out others at the same address: PerSourcePenalties, from OpenSSH 9.8 on.

use machines::{Machine, Suite, System};
use sandbox::Output;

/// Logs in eight times at once, which must fail. Gives the messages of the clients.
fn eight_logins(machine: &Machine, user: &str) -> Output {
    let login = format!(
        "sftp -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -b /dev/null \
         {user}@127.0.0.1 >/tmp/said.$i 2>&1 && echo in >>/tmp/said.$i"
    );
    let said = machine.sh(&format!(
        "for i in $(seq 8); do {{ {login} || true; }} & done; wait; cat /tmp/said.*; rm /tmp/said.*"
    ));
    assert!(!said.stdout.contains("in\n"), "{said}");
    said
}

#[test]
fn eight_logins_over_the_limit_lock_out_nobody_else_at_their_address() {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("sftpjail setup --yes && echo 'max_sessions = 2' >> /etc/sftpjail/config.toml");
    machine.user("anna", "sftp");
    machine.user("joe", "");
    let hold = "sleep 100 | sftp -q -o BatchMode=yes -o StrictHostKeyChecking=no anna@127.0.0.1";
    machine.sh(&format!(
        "for i in 1 2; do setsid sh -c '{hold}' >/dev/null 2>&1 </dev/null & done
         for i in $(seq 500); do [ $(ls /run/sftpjail/anna | wc -l) = 2 ] && exit 0; sleep 0.02; done; exit 1"
    ));

    let said = eight_logins(&machine, "anna");
    for user in ["joe", "root"] {
        machine.ssh(user, "true").ok();
    }
    let log = machine.sh("journalctl --sync; journalctl --no-pager -t sshd -t sshd-session").stdout;
    let refused =
        "refused user anna rhost=127.0.0.1: anna has 2 of the 2 sessions that the profile allows (after ";
    assert_eq!(log.matches(refused).count(), 8, "{log}");
    assert!(!log.contains("penalty"), "{log}");

    let counts = machine.try_sh("sshd -T | grep '^persourcepenalties '").stdout.contains("authfail:5");
    // An older sshd counts nothing, and the user reads the reason.
    assert_eq!(
        said.stdout.contains("you have as many open connections as you are allowed"),
        !counts,
        "{said}"
    );
    if !counts {
        return;
    }
    // Shows that the checks above can fail, and that the README is right about the other refusals: one that does not
    // pass by itself counts, and has its sentence.
    machine.sh("chmod g+w /jail");
    let said = eight_logins(&machine, "anna");
    assert!(said.stdout.contains("SFTP is not possible because of a problem on this server"), "{said}");
    machine.ssh("joe", "true").failed();
    let found = machine.try_sh("sftpjail check anna").stdout;
    assert!(found.contains("! sshd penalties"), "{found}");
    machine.sh("echo 'PerSourcePenaltyExemptList 127.0.0.1/32' > /etc/ssh/sshd_config.d/10-shared.conf
         systemctl restart ssh");
    eight_logins(&machine, "anna");
    machine.ssh("joe", "true").ok();
}
