//! What must hold with kernels other than the host's, and on a disk that loses its power: in guests of QEMU.

mod apparmor;
mod guest;
mod old;
mod power_cut;
mod selinux;

use machines::{Guest, System};

/// Changes only that in the configuration.
#[track_caller]
fn set_namespace(guest: &Guest, namespace: &str) {
    guest.sh(&format!(
        "sed -i 's/^namespace = \"[a-z]*\"/namespace = \"{namespace}\"/' /etc/sftpjail/config.toml"
    ));
}
