//! A machine for each test: [`Sandbox`].
//!
//! Own mount, PID, network, IPC and UTS namespaces, with this machine's /usr below an overlay, and an
//! /etc as Debian's packages have it. Users are added with the real `useradd`, and the real sshd, libpam,
//! sftp and rsyslogd run in it. Nothing that happens inside changes this machine, how this machine is set
//! up changes nothing inside, any number runs at once, and when the test process ends, also by SIGKILL,
//! the kernel takes everything down. Needs root and the packages of `make deps`; says so and fails where
//! they are missing. `tests/README.md` has the whole picture.
//!
//! ```ignore
//! let sb = Sandbox::new();
//! sb.user("mle-sub").home("/home/mle/sub").group("sftp").add();
//! assert!(sb.sftp("mle-sub", "pwd\n").ok().stdout.contains("/home/mle/sub"));
//! ```
//!
//! Where something fails in the sandbox itself, it panics with what was run, what it printed and, at the
//! end, the sandbox's log.

#![forbid(unsafe_code)]

mod accounts;
mod base;
mod client;
mod conffiles;
mod files;
mod live;
mod machine;
mod moments;
mod namespace;
mod output;
mod process;
mod sandbox;
mod script;
pub mod sound;
mod sshd;
mod stock;
pub mod story;
mod syslog;
mod users;

pub use client::Login;
pub use live::LiveSftp;
pub use machine::{Machine, artifact};
pub use moments::one_moment_in;
pub use namespace::Namespace;
pub use output::{Output, run, run_within};
pub use process::{PATH, end, entering, kill_now, pipe, wait_until};
pub use sandbox::Sandbox;
pub use script::script;
pub use users::{Account, User};
