//! What takes minutes and the network to make is made once, by a script, and kept below the target directory.

use rustix::fs::{FlockOperation, flock};
use sandbox::artifact;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PREAMBLE: &str = include_str!("recipe.sh");

/// The directory of what is kept.
pub(crate) fn directory() -> PathBuf {
    let built = artifact("sftpjail");
    let target = built.ancestors().nth(2).expect("two directories above what cargo built");
    let directory = target.join("machines");
    fs::create_dir_all(&directory).expect("the target directory can be written");
    directory
}

/// The path of what the script makes. It is called `name`, a hash of script and arguments, and `ending`. If it is
/// missing, the script runs, as root in a mount namespace of its own: it makes the path in `$1`, whole or not at all,
/// from the further arguments and the mirror in `$mirror`. The arguments name no directory, so that the target
/// directory can be copied. Panics with the end of its output if it fails.
pub(crate) fn made(name: &str, ending: &str, script: &str, args: &[&OsStr]) -> PathBuf {
    let directory = directory();
    let script = format!("{PREAMBLE}{script}");
    let mut recipe = DefaultHasher::new();
    (&script, args).hash(&mut recipe);
    let path = directory.join(format!("{name}-{:016x}{ending}", recipe.finish()));
    let lock = File::create(directory.join(format!("{name}.lock"))).expect("a lock");
    flock(&lock, FlockOperation::LockExclusive).expect("a lock");
    if path.exists() {
        return path;
    }
    let log = directory.join(format!("{name}-{:016x}.log", recipe.finish()));
    let said = File::create(&log).expect("the target directory can be written");
    let errors = said.try_clone().expect("a descriptor");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]).arg(&path).args(args);
    let status = command.stdin(Stdio::null()).stdout(said).stderr(errors).status().expect("unshare");
    let text = fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
    assert!(status.success() && path.exists(), "{} could not be made: {status}\n{last}", path.display());
    path
}
