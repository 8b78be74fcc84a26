//! Ends live sessions. It signals processes that have a session's record open, and their descendants, and no others.

use super::{Session, descendants};
use crate::host::child::is_ready_by;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long sshd may take to end a session: it waits only for its own processes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the sessions to end, waits until they have ended, and says of each whether it has. With `force`, kills what has
/// not ended in time.
pub(crate) fn end(sessions: &[Session], force: bool) -> Vec<bool> {
    // Signal all of them first, so that they end at the same time.
    let signalled: Vec<_> = sessions.iter().map(Processes::terminate).collect();
    let deadline = Instant::now() + PATIENCE;
    let wait = |(session, processes): (&Session, Processes)| processes.wait(session, deadline, force);
    sessions.iter().zip(signalled).map(wait).collect()
}

/// The processes of one session, by pidfd: a pid could be another process's by now.
struct Processes {
    /// Those that have its record open.
    holders: Vec<(i32, OwnedFd)>,
    /// internal-sftp, which ends when its sshd does.
    others: Vec<OwnedFd>,
}

impl Processes {
    /// Sends SIGTERM to the monitor, which passes it on and then closes the session. In a session without a monitor
    /// all holders get it.
    fn terminate(session: &Session) -> Self {
        let open = |pid: &i32| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok();
        let mut holders: Vec<_> = session.holders.iter().filter_map(|pid| Some((*pid, open(pid)?))).collect();
        let others: Vec<_> = session.others.iter().filter_map(|pid| Some((*pid, open(pid)?))).collect();
        // Before its pidfd was opened, the pid may have gone to another process: ask again.
        let still = session.holders_now();
        holders.retain(|(pid, _)| still.contains(pid));
        let others = descendants(others, &still);
        let monitor = session.monitor().filter(|monitor| still.contains(monitor));
        for (pid, process) in &holders {
            if monitor.is_none_or(|monitor| monitor == *pid) {
                let _already_ended = pidfd_send_signal(process, Signal::TERM);
            }
        }
        Self { holders, others }
    }

    /// Waits until all of them have ended, and then says whether the session has.
    fn wait(self, session: &Session, deadline: Instant, force: bool) -> bool {
        let have_ended = |deadline| {
            let mut all = self.holders.iter().map(|(_, process)| process).chain(&self.others);
            all.all(|process| is_ready_by(process, deadline))
        };
        let mut ended = have_ended(deadline);
        if !ended && force {
            // internal-sftp as well: while it is stopped (SIGSTOP), it does not see that its sshd has ended.
            for process in self.holders.iter().map(|(_, process)| process).chain(&self.others) {
                let _already_ended = pidfd_send_signal(process, Signal::KILL);
            }
            ended = have_ended(Instant::now() + PATIENCE);
        }
        // A process in another container may have the record open. It cannot be seen from here, and got no signal.
        ended && session.unseen.is_none() && !session.is_live()
    }
}
