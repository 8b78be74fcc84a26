//! What must hold on a whole system. Each test boots one of its own.

mod groups;
mod refused;
mod running_sshd;
mod sound;
mod user_manager;

use machines::{Machine, Suite};

#[test]
fn root_and_a_user_in_no_profile_log_in_as_usual() {
    let machine = Machine::boot(&Suite::wanted());
    machine.user("joe", "");
    for user in ["root", "joe"] {
        let seen = machine.ssh(user, "sleep 1; id -un; systemctl --user is-active default.target").ok();
        assert_eq!(seen.stdout, format!("{user}\nactive\n"));
    }
}
