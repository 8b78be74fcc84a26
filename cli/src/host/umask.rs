//! Reads the umask of processes: proc_pid_status(5).

use procfs::process::Process;

/// What a umask takes from the owner so that a directory of the owner's cannot be used.
const OWNERS: u32 = 0o300;

/// sshd's monitor, its child that runs as the user, and the server that it starts.
const GENERATIONS: usize = 3;

/// The umask with which this process, or one that descends from it, makes what its own user cannot use. `None`: none
/// of them has such a umask.
pub(crate) fn unusable(pid: u32) -> Option<u32> {
    among(pid, GENERATIONS)
}

fn among(pid: u32, generations: usize) -> Option<u32> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let own = process.status().ok()?.umask.filter(|umask| umask & OWNERS != 0);
    own.or_else(|| {
        let below = generations.checked_sub(1)?;
        let children = process.task_main_thread().ok()?.children().ok()?;
        children.into_iter().find_map(|child| among(child, below))
    })
}
