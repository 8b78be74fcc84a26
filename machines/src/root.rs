//! Makes the roots of Debian's releases, each once, and keeps them as tars.

use rustix::fs::{FlockOperation, flock};
use sandbox::artifact;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("root.sh");

/// What tests use besides.
const TOOLS: &str = "strace";

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
        let built = artifact("sftpjail");
        let target = built.ancestors().nth(2).expect("two directories above what cargo built");
        let directory = target.join("machines");
        fs::create_dir_all(&directory).expect("the target directory can be written");
        let mut recipe = DefaultHasher::new();
        SCRIPT.hash(&mut recipe);
        let packages = self.packages();
        packages.hash(&mut recipe);
        let tar = directory.join(format!("{}-{:016x}.tar", self.0, recipe.finish()));
        let lock = File::create(directory.join(format!("{}.lock", self.0))).expect("a lock");
        flock(&lock, FlockOperation::LockExclusive).expect("a lock");
        if !tar.exists() {
            make(&self.0, &packages, &tar);
        }
        tar
    }
}

fn make(suite: &str, packages: &str, tar: &Path) {
    let log = tar.with_extension("log");
    let said = File::create(&log).expect("the target directory can be written");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", suite])
        .arg(tar)
        .arg(packages);
    let errors = said.try_clone().expect("a descriptor");
    let status = command.stdin(Stdio::null()).stdout(said).stderr(errors).status().expect("unshare");
    let text = fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
    assert!(status.success() && tar.exists(), "no root of {suite} could be made: {status}\n{last}");
}
