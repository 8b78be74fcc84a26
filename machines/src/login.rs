//! Accounts of a machine, and logins at its own sshd.

use crate::Machine;
use sandbox::Output;

/// Options of the clients: they ask nothing and keep nothing.
const OPTIONS: &str = "-q -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";

impl Machine {
    /// Makes root's key, and lets root log in with it.
    pub(crate) fn make_keys(&self) {
        self.sh("install -d -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
            cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys");
    }

    /// Adds an account with a home, for which root's key is accepted. `group`: its supplementary group, or "".
    #[track_caller]
    pub fn user(&self, name: &str, group: &str) {
        let option = if group.is_empty() { String::new() } else { format!("-G {group}") };
        self.sh(&format!(
            "useradd -m -s /bin/sh {option} {name}; install -d -o {name} -m 700 /home/{name}/.ssh
             install -o {name} -m 600 /root/.ssh/id_ed25519.pub /home/{name}/.ssh/authorized_keys"
        ));
    }

    /// Runs `sftp` with this batch.
    #[track_caller]
    pub fn sftp(&self, user: &str, batch: &str) -> Output {
        self.script(&format!("sftp {OPTIONS} -b - {user}@127.0.0.1"), batch.as_bytes())
    }

    /// Runs `ssh` with this command, which the user's shell reads.
    #[track_caller]
    pub fn ssh(&self, user: &str, command: &str) -> Output {
        self.script(&format!("ssh {OPTIONS} {user}@127.0.0.1 \"$(cat)\" </dev/null"), command.as_bytes())
    }

    /// The user's processes inside, a line each: pid, cgroup of the unit, command.
    #[track_caller]
    pub fn processes(&self, user: &str) -> String {
        self.try_sh(&format!("ps -o pid=,unit=,args= -u {user}")).stdout
    }
}
