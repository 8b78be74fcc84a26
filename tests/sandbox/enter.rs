//! `sandbox-enter PID PLACES PROGRAM [ARGUMENT…]`: runs a program as root where the process PID is, without
//! supplementary groups. PLACES are names of /proc/PID/ns such as `mnt,pid,net`, and `root`.
//!
//! nsenter(1) and setpriv(1) do the same in two programs, which a test would start some forty times.

mod child;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::sched::{CloneFlags, setns};
use nix::unistd::setgroups;
use rustix::process::{chroot, fchdir};

const ROOT: &str = "root";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [pid, places, program, arguments @ ..] = &arguments[..] else {
        eprintln!("sandbox-enter PID PLACES PROGRAM [ARGUMENT…]");
        return ExitCode::from(126);
    };
    match enter(&pid.to_string_lossy(), &places.to_string_lossy()).and_then(|()| child::start()) {
        Ok(Some(child)) => child::follow(child),
        Ok(None) => {
            let error = Command::new(program).args(arguments).exec();
            eprintln!("sandbox-enter: {}: {error}", program.to_string_lossy());
            ExitCode::from(if error.kind() == ErrorKind::NotFound { 127 } else { 126 })
        }
        Err(error) => {
            eprintln!("sandbox-enter: {places:?} of process {pid:?}: {error}");
            ExitCode::from(126)
        }
    }
}

/// Goes there: this process with its mounts, network and names, its children with their pids.
fn enter(pid: &str, places: &str) -> io::Result<()> {
    let open = |place: &str| File::open(format!("/proc/{pid}/{place}"));
    // All of them first: with other mounts, /proc is another one.
    let opened: Vec<_> = places
        .split(',')
        .map(|place| Ok((place, if place == ROOT { open(ROOT) } else { open(&format!("ns/{place}")) }?)))
        .collect::<io::Result<_>>()?;
    let (roots, namespaces): (Vec<_>, Vec<_>) = opened.into_iter().partition(|(place, _)| *place == ROOT);
    for (_, namespace) in namespaces {
        setns(namespace, CloneFlags::empty())?;
    }
    for (_, root) in roots {
        fchdir(&root)?;
        chroot(".")?;
    }
    Ok(setgroups(&[])?)
}
