//! The timer that ends sessions with what is granted to them, by a real systemd.

use machines::{Machine, Suite, System};
use sandbox::story;

/// A system after `sftpjail setup --managed-keys` with a guest, gina.
fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh(
        "groupadd --system sftp-guest; mkdir /etc/sftpjail
        printf '[[profile]]\\nname = \"guest\"\\ngroups = [\"sftp-guest\"]\\nhome = \"none\"\\n' >/etc/sftpjail/config.toml
        install -d -m 777 /srv/media; systemctl start ssh",
    );
    machine.user("gina", "sftp-guest");
    machine.sh("install -d /etc/sftpjail/keys.d; cp /root/.ssh/id_ed25519.pub /etc/sftpjail/keys.d/gina
        sftpjail setup --managed-keys --yes");
    machine
}

/// Grants gina the folder for so many seconds.
fn grant(machine: &Machine, seconds: u32) {
    machine.sh(&format!(
        "install -d /etc/sftpjail/grants.d; printf '[[grant]]\\nfolder = \"/srv/media\"\\naccess = \"read-write\"\\nuntil = %s\\n' \
             $(date -u -d '+{seconds} seconds' +%Y-%m-%dT%H:%M:%SZ) >/etc/sftpjail/grants.d/gina.toml"
    ));
}

/// A session that stays ends with the grant, and the next login is refused.
#[track_caller]
fn ends_with_the_grant(machine: &Machine) {
    grant(machine, 50);
    let checked = machine.try_sh("sftpjail check gina").stdout;
    let line = "✓ grant end      sftpjail-expire.timer ends sessions within a minute of it\n";
    assert!(checked.contains(line), "{checked}");
    machine.sh("head -c 1G /dev/zero >/tmp/big
        echo 'put /tmp/big /srv/media/big' | setsid sftp -q -b - -l 8000 -o StrictHostKeyChecking=no \\
            -o UserKnownHostsFile=/dev/null gina@127.0.0.1 >/tmp/out 2>&1 & echo $! >/tmp/client
        for i in $(seq 400); do test -s /srv/media/big && exit; sleep 0.05; done; cat /tmp/out; exit 1");
    machine.sh("sftpjail list | grep '^gina '");
    // At the end, a minute at most, and what the machine needs.
    machine.sh("for i in $(seq 2400); do test -e /run/sftpjail/gina || exit 0; sleep 0.05; done; exit 1");
    machine.sh(
        "for i in $(seq 100); do kill -0 $(cat /tmp/client) 2>/dev/null || exit 0; sleep 0.05; done; exit 1",
    );
    machine.sh("test $(stat -c %s /srv/media/big) -lt 1073741824; rm /srv/media/big /tmp/big");
    machine.wait_for("journalctl --no-pager -t sftpjail | grep -q 'expire: the session of user gina.* has ended: /srv/media '");
    // Without -q, so that it shows what PAM says.
    let refused = machine
        .try_sh(
            "echo pwd | sftp -b - -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null gina@127.0.0.1",
        )
        .failed();
    assert!(refused.stderr.contains("Your access ended on "), "{refused}");
}

#[test]
fn a_freelancers_session_ends_with_its_grant_by_the_timer_also_after_a_reboot() {
    let mut machine = machine();
    story::Host {
        try_sh: &|script| machine.try_sh(script),
        lasts: 30,
        // A minute later at most, and what the machine needs.
        at_the_hour: &|| {
            machine.sh(
                "for i in $(seq 2400); do test -e /run/sftpjail/felix || exit 0; sleep 0.05; done; exit 1",
            );
        },
    }
    .of_a_freelancer();
    machine.reboot();
    machine.wait_until_up();
    ends_with_the_grant(&machine);
    // What it did not end is not worth a line, and each run is none.
    let journal = machine.sh("journalctl --no-pager -b -u sftpjail-expire.service").stdout;
    let is_of_run =
        |line: &&str| line.contains("tarting ") || line.contains("inished ") || line.contains("skipped");
    assert_eq!(journal.lines().find(is_of_run), None, "{journal}");
    // A stopped timer is found, and so is one that is gone.
    grant(&machine, 600);
    machine.sh("systemctl stop sftpjail-expire.timer");
    let checked = machine.try_sh("sftpjail check gina").stdout;
    assert!(
        checked.contains("! grant end      sftpjail-expire.timer is not active, so that a session"),
        "{checked}"
    );
    assert!(checked.contains("→ systemctl start sftpjail-expire.timer\n"), "{checked}");
    machine.sh("systemctl start sftpjail-expire.timer; sftpjail setup --undo --yes
        not systemctl --quiet is-active sftpjail-expire.timer
        find /etc -name '*sftpjail-expire*' -o -name timers.target.d | not grep .");
    let checked = machine.try_sh("sftpjail check gina").stdout;
    assert!(checked.contains("sftpjail-expire.timer is missing"), "{checked}");
}
