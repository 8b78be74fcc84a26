//! An sshd whose unit has a mount namespace of its own, with `namespace = "host"`: its jails are there, and go on there
//! when systemd restarts it into another one.

use machines::{Machine, Suite, System};

/// A system after `sftpjail setup`, whose sshd has mounts of its own, with the member anna.
fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("groupadd --system sftp; mkdir /etc/systemd/system/ssh.service.d");
    machine.user("anna", "sftp");
    machine.sh("systemctl start ssh; sftpjail setup --yes
        sed -i 's/^namespace *=.*/namespace = \"host\"/' /etc/sftpjail/config.toml
        printf '[Service]\\nPrivateTmp=yes\\n' >/etc/systemd/system/ssh.service.d/tmp.conf; systemctl daemon-reload");
    restart(&machine);
    machine
}

fn restart(machine: &Machine) {
    machine.sh("systemctl restart ssh
        for i in $(seq 200); do ss -ltn | grep -q ':22 ' && exit; sleep 0.05; done; exit 1");
}

/// Begins a session that stays, by this name.
fn begin(machine: &Machine, name: &str) {
    machine.sh(&format!(
        "mkfifo /tmp/{name}; before=$(ls /run/sftpjail/anna 2>/dev/null | wc -l)
         setsid sftp -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null anna@127.0.0.1 \\
             </tmp/{name} >/tmp/{name}.out 2>&1 & setsid sleep 600 </dev/null >/tmp/{name} 2>/dev/null & echo $! >/tmp/{name}.pid
         for i in $(seq 400); do [ $(ls /run/sftpjail/anna 2>/dev/null | wc -l) -gt $before ] && exit; sleep 0.05; done; exit 1"
    ));
}

fn end(machine: &Machine, name: &str) {
    machine.sh(&format!(
        "before=$(ls /run/sftpjail/anna | wc -l); echo 'put /etc/hostname {name}' >/tmp/{name}; echo bye >/tmp/{name}
         kill $(cat /tmp/{name}.pid)
         for i in $(seq 400); do [ $(ls /run/sftpjail/anna 2>/dev/null | wc -l) -lt $before ] && break; sleep 0.05; done
         test -e /home/anna/{name}"
    ));
}

#[test]
fn sessions_outlive_a_restart_of_the_unit_and_the_next_login_gets_a_jail() {
    let machine = machine();
    let out = machine.sh("sftpjail check anna");
    assert!(out.stdout.replace("\n                 ", " ").contains("has mounts of its own by PrivateTmp=yes (/etc/systemd/system/ssh.service.d/tmp.conf:2): the jails of namespace = \"host\" are among these"), "{out}");
    begin(&machine, "one");
    let pid =
        machine.sh("sftpjail list --json | sed -n 's/.*\"jail_seen_by\": *\\([0-9]*\\).*/\\1/p'").stdout;
    // The jail is where sshd is, and not on the host.
    machine.sh(&format!("nsenter -m -t {} findmnt -n /jail/anna; ! findmnt -n /jail/anna", pid.trim()));
    restart(&machine);
    let out = machine.sh("sftpjail check anna");
    assert!(out.stdout.contains("✓ sessions       1 live\n"), "{out}");
    begin(&machine, "two");
    let out = machine.sh("sftpjail check anna");
    assert!(out.stdout.contains("✓ sessions       2 live, with a jail that a new one can share\n"), "{out}");
    // Both go on, and neither ends the other.
    end(&machine, "one");
    machine.sftp("anna", "pwd\n").ok();
    end(&machine, "two");
    machine.sh("test -z \"$(ls -A /jail)$(ls /run/sftpjail)\"");
    // What a killed one leaves there is removed from here, and kick ends sessions.
    begin(&machine, "three");
    machine.sh("kill -9 $(sftpjail list --json | sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p'); pkill -9 -u anna || true; sleep 0.5
        test \"$(sftpjail reap)\" = '✓ /jail/anna is removed'
        ! nsenter -m -t $(systemctl show -p MainPID --value ssh) findmnt -n /jail/anna");
    begin(&machine, "four");
    machine.sh("sftpjail kick anna; test -z \"$(ls -A /jail)\"");
    begin(&machine, "five");
    machine.sh("kill -9 $(sftpjail list --json | sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p'); pkill -9 -u anna || true; sleep 0.5
        sftpjail setup --undo --yes --force; ! test -e /jail");
}
