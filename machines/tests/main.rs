//! What must hold on a whole system. Each test boots one of its own.

mod after_each_upload;
mod audit;
mod confirm_within;
mod expire;
mod groups;
mod own_mounts;
mod refused;
mod running_sshd;
mod socket_activation;
mod sound;
mod user_manager;

use machines::{Machine, Suite, System};

/// The user's name, and `active` once systemd's user manager has started everything for this login.
const MANAGER_RUNS: &str =
    "for i in $(seq 200); do systemctl --user -q is-active default.target && break; sleep 0.05; done
                            id -un; systemctl --user is-active default.target";

#[test]
fn root_and_a_user_in_no_profile_log_in_as_usual() {
    let machine = Machine::boot(&Suite::wanted());
    machine.user("joe", "");
    for user in ["root", "joe"] {
        let seen = machine.ssh(user, MANAGER_RUNS).ok();
        assert_eq!(seen.stdout, format!("{user}\nactive\n"));
    }
}

#[test]
fn a_system_reboots_and_keeps_its_files() {
    let mut machine = Machine::boot(&Suite::wanted());
    let boot = machine.sh("cat /proc/sys/kernel/random/boot_id; touch /root/kept /run/lost").stdout;
    machine.reboot();
    machine.sh("test -e /root/kept; ! test -e /run/lost");
    assert_ne!(machine.sh("cat /proc/sys/kernel/random/boot_id").stdout, boot);
    assert_eq!(machine.ssh("root", "id -un").ok().stdout, "root\n");
}
