//! A whole system of its own for each test: [`Machine`].
//!
//! Debian's own systemd as PID 1, its sshd, libpam, logind and journald, in a container that is booted
//! from a root that debootstrap made. The root is kept as a tar below the target directory; a machine
//! gets a copy of it in memory, in a mount namespace that nobody else sees. When the test process
//! ends, also by SIGKILL, the machine ends. The kernel is the host's.
//!
//! ```ignore
//! let machine = Machine::boot(&Suite::wanted());
//! machine.sh("sftpjail setup --yes");
//! machine.user("anna", "sftp");
//! assert!(machine.sftp("anna", "pwd\n").ok().stdout.contains("/home/anna"));
//! ```
//!
//! Whatever fails in the machine itself panics with what was run and what it printed.
#![forbid(unsafe_code)]

mod login;
mod machine;
mod root;

pub use machine::Machine;
pub use root::Suite;
