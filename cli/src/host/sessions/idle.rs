//! Reads how long processes have been waiting. It says nothing where that is not certain.
//!
//! Linux has one record of when a process last ran: `se.exec_start` in /proc/PID/sched, by the clock of the processor
//! on which it ran. Those clocks differ: each leaves out the time that interrupts and other virtual machines took from
//! its processor (update_rq_clock_task in kernel/sched/core.c). And while the scheduler moves a process to another
//! processor, the record is 0 (migrate_task_rq_fair in kernel/sched/fair.c).

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use procfs::process::Process;
use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::Duration;

/// The clocks of processors, in ms, each read once and before the record of a process.
#[derive(Default)]
pub(crate) struct Clocks(HashMap<i32, Option<f64>>);

impl Clocks {
    /// How long a process has been waiting for something to do. `None` if that is unknown.
    pub(super) fn waiting(&mut self, pid: i32) -> Option<Duration> {
        let (_, processor) = state(pid)?;
        let now = self.now(processor)?;
        let last_ran = last_ran(&format!("/proc/{pid}/sched"))?;
        // Read last: had it begun to work before, its record may be that of another processor.
        match state(pid)? {
            // It runs, will run next, or waits for a disk.
            ('R' | 'D', _) => Some(Duration::ZERO),
            // The scheduler has moved it.
            _ if last_ran <= 0.0 => None,
            (_, later) if later != processor => None,
            _ => Duration::try_from_secs_f64((now - last_ran).max(0.0) / 1000.0).ok(),
        }
    }

    fn now(&mut self, processor: i32) -> Option<f64> {
        *self.0.entry(processor).or_insert_with(|| {
            // A thread of its own, so that this one stays where it is.
            thread::spawn(move || read(processor)).join().ok()?
        })
    }
}

/// Reads the clock of a processor: the time at which this thread began to run on it.
fn read(processor: i32) -> Option<f64> {
    let mut only = CpuSet::new();
    only.set(usize::try_from(processor).ok()?).ok()?;
    // A container may not have the processor.
    sched_setaffinity(Pid::from_raw(0), &only).ok()?;
    last_ran("/proc/thread-self/sched")
}

/// `se.exec_start` of a process, in ms.
fn last_ran(file: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with("se.exec_start"))?;
    line.split(':').next_back()?.trim().parse().ok()
}

/// The state of a process (proc_pid_stat(5)), and the processor on which it last ran.
fn state(pid: i32) -> Option<(char, i32)> {
    let stat = Process::new(pid).ok()?.stat().ok()?;
    Some((stat.state, stat.processor?))
}
