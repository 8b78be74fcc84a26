//! The system calls with which the module changes something: where it can be killed, or fail.

use std::collections::HashMap;

use sandbox::Sandbox;

/// Calls that change something that another process, or this one, can see.
const CALLS: &str = "mkdirat,openat,openat2,write,fchmod,fchown,fcntl,flock,fsetxattr,renameat,renameat2,unlinkat,\
                     mount,umount2,open_tree,fsopen,fsconfig,fsmount,move_mount,mount_setattr,\
                     unshare,setns,chdir,fchdir,chroot";

/// One call of a process.
#[derive(Debug)]
pub(crate) struct Change {
    name: String,
    /// Of all calls of that name in the process, from 1.
    nth: usize,
}

impl Change {
    /// The strace that does something to it, such as `error=EIO`; a command goes behind it.
    pub(crate) fn inject(&self, what: &str) -> String {
        format!("strace -qqo /dev/null -e inject={}:{what}:when={}", self.name, self.nth)
    }
}

/// The changes that pam-driver's `steps` make for mle-sub between what is printed before `step`, and
/// what `step` prints. Some step before it must print something.
#[track_caller]
pub(crate) fn of(sb: &Sandbox, steps: &str, step: &str) -> Vec<Change> {
    let driver = format!("pam-driver --confdir /etc/alone mle-sub {steps}");
    sb.sh(&format!("strace -qqo /tmp/calls -e trace={CALLS} {driver}"));
    let mut counts = HashMap::new();
    let mut changes = Vec::new();
    for line in sb.read_text("/tmp/calls").lines() {
        let Some((name, arguments)) = line.split_once('(') else { continue };
        let nth = counts.entry(name.to_owned()).or_insert(0);
        *nth += 1;
        if name == "write" && arguments.starts_with("1, ") {
            if arguments.starts_with(&format!("1, \"{step} ")) {
                return changes;
            }
            changes.clear();
        }
        let changes_nothing = match name {
            // What the driver prints, and a line for syslog.
            "write" => arguments.starts_with("1, ") || arguments.contains(", \"<"),
            "openat" | "openat2" => !arguments.contains("O_CREAT"),
            "fcntl" => !arguments.contains("SETLK"),
            _ => false,
        };
        // Only tried, with arguments that the kernel refuses: sys/needed.rs.
        let is_trial = ["EINVAL", "EBADF"].iter().any(|error| line.contains(&format!(" = -1 {error} (")));
        if !changes_nothing && !is_trial {
            changes.push(Change { name: name.to_owned(), nth: *nth });
        }
    }
    panic!("no {step} in {steps}");
}
