//! A whole system of its own for each test: a container, [`Machine`], or a guest of QEMU, [`Guest`].
//!
//! Debian's own systemd as PID 1, its sshd, libpam, logind and journald, in a container. It boots from a root
//! that debootstrap made, which is kept as a tar below the target directory. A machine gets a copy of it in
//! memory, in a mount namespace of its own. When the test process ends, also by SIGKILL, the machine ends. The
//! kernel is the host's. A guest has a kernel and a disk of its own, and ends with the test process, too.
//!
//! ```ignore
//! let machine = Machine::boot(&Suite::wanted());
//! machine.sh("sftpjail setup --yes");
//! machine.user("anna", "sftp");
//! assert!(machine.sftp("anna", "pwd\n").ok().stdout.contains("/home/anna"));
//! ```
//!
//! If something fails in the machine itself, that panics with the command and its output.
#![forbid(unsafe_code)]

mod client;
mod guest;
mod machine;
mod recipe;
mod root;
mod system;

pub use client::{ADDRESS, Client, Live};
pub use guest::{Guest, Image};
pub use machine::Machine;
pub use root::Suite;
pub use system::{OPTIONS, System};
