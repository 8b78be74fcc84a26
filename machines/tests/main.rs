//! What must hold on a whole system. Each test boots one of its own.

mod confirm_within;
mod groups;
mod own_mounts;
mod refused;
mod running_sshd;
mod socket_activation;
mod sound;
mod user_manager;

use machines::{Machine, Suite, System};

#[test]
fn root_and_a_user_in_no_profile_log_in_as_usual() {
    let machine = Machine::boot(&Suite::wanted());
    machine.user("joe", "");
    for user in ["root", "joe"] {
        let seen = machine.ssh(user, "sleep 1; id -un; systemctl --user is-active default.target").ok();
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
