//! Makes the roots of Debian's releases, each once, and keeps them as tars.

use crate::recipe;
use std::path::PathBuf;

const SCRIPT: &str = include_str!("root.sh");

/// What tests use besides.
const TOOLS: &str = "strace,jq";

/// The releases whose roots have rsyslog, as Debian installed it by default until 11, and as many have it now.
const WITH_RSYSLOG: [&str; 2] = ["bullseye", "bookworm"];

/// A release of Debian, by its code name.
#[derive(Clone, Debug)]
pub struct Suite(pub String);

impl Suite {
    /// The release in the variable `SUITE`, or else bookworm: Debian 12.
    #[must_use]
    pub fn wanted() -> Self {
        Self(std::env::var("SUITE").ok().filter(|name| !name.is_empty()).unwrap_or("bookworm".into()))
    }

    /// The release's name for people; the code name of one that is not released.
    #[must_use]
    pub fn name(&self) -> String {
        let numbers = [("bullseye", "11"), ("bookworm", "12"), ("trixie", "13")];
        let number = numbers.into_iter().find(|(code, _)| *code == self.0).map(|(_, number)| number);
        format!("Debian {}", number.unwrap_or(&self.0))
    }

    /// Whether rsyslog and logrotate run in it. Where they do not, systemd's journal is the only log.
    #[must_use]
    pub fn has_rsyslog(&self) -> bool {
        WITH_RSYSLOG.contains(&self.0.as_str())
    }

    /// The packages of its root, besides those that it needs to boot.
    fn packages(&self) -> String {
        if self.has_rsyslog() { format!("{TOOLS},rsyslog,logrotate") } else { TOOLS.to_owned() }
    }

    /// The path of the tar of its root. If it is missing, it is made, which takes about a minute and needs the network.
    /// A changed `root.sh` makes a new one. Panics with debootstrap's output if it cannot be made.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        recipe::made(&self.0, ".tar", SCRIPT, &[self.0.as_ref(), self.packages().as_ref()])
    }
}
