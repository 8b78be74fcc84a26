//! Systems that are as they should be: nothing but ✓ in what `sftpjail` says of them, from setup to undo. With
//! `SUITE=trixie` their OpenSSH is 10.0.

use machines::{Machine, Suite, System};
use sandbox::Output;
use sandbox::sound::Sound;

/// Hardening with which sshd can build jails: the lines of a unit that its admin wrote with `systemd-analyze security`.
const HARDENED: &str = "[Service]
ProtectSystem=strict
ReadWritePaths=/home /jail /run /tmp /var
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectClock=yes
LockPersonality=yes
RestrictRealtime=yes
";

/// A system with members who have a password and a key, and no shell.
fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("groupadd --system sftp; systemctl start ssh");
    for name in ["anna", "eve"] {
        machine.user(name, "sftp");
        machine.sh(&format!("usermod -s /usr/sbin/nologin {name}; echo {name}:secret | chpasswd"));
    }
    machine
}

/// Sets up, does what `then` does, and checks all, until undo.
#[track_caller]
fn is_sound(machine: &Machine, then: impl FnOnce()) {
    let shell = |script: &str, input: &[u8]| -> Output { machine.script(script, input) };
    let system = Sound {
        shell: &shell,
        options: "",
        sftp: "sftp -q -b - -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        members: &[("anna", "/home/anna"), ("eve", "/home/eve")],
    };
    system.set_up("");
    then();
    system.is_sound();
    assert_eq!(machine.processes("anna"), "");
    system.undo();
}

#[test]
fn a_system_of_a_release_with_its_own_openssh_and_systemd() {
    is_sound(&machine(), || {});
}

#[test]
fn a_service_whose_hardening_lets_sshd_build_jails() {
    let machine = machine();
    is_sound(&machine, || {
        let harden =
            "mkdir /etc/systemd/system/ssh.service.d; cat >/etc/systemd/system/ssh.service.d/hardening.conf
            systemctl daemon-reload; systemctl restart ssh";
        machine.script(harden, HARDENED.as_bytes()).ok();
    });
}
