//! Ends live sessions. It signals processes that have a session's record open, and their descendants, and no others.

use super::{Session, descendants};
use crate::host::child::is_ready_by;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal, pidfd_getfd, pidfd_open, pidfd_send_signal};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long sshd may take to end a session: it waits only for its own processes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long internal-sftp may take to end by itself. One that is stopped, or whose client reads nothing, does not.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Asks the sessions to end, waits until they have ended, and says of each whether it has. With `force`, kills what has
/// not ended in time.
pub(crate) fn end(sessions: &[Session], force: bool) -> Vec<bool> {
    // Each step is done to all of them first, so that they end at the same time.
    let found: Vec<_> = sessions.iter().map(Processes::find).collect();
    let ending: Vec<_> =
        found.iter().flat_map(|processes| &processes.others).filter(|process| end_input(process)).collect();
    let deadline = Instant::now() + LAST_WORDS;
    let _all_have_ended = ending.into_iter().all(|process| is_ready_by(process, deadline));
    found.iter().for_each(Processes::terminate);
    let deadline = Instant::now() + PATIENCE;
    let wait = |(session, processes): (&Session, Processes)| processes.wait(session, deadline, force);
    sessions.iter().zip(found).map(wait).collect()
}

/// The processes of one session, by pidfd: a pid could be another process's by now.
struct Processes {
    /// Those that have its record open.
    holders: Vec<(i32, OwnedFd)>,
    /// Of these, the one that closes the session.
    monitor: Option<i32>,
    /// internal-sftp, which ends when its sshd does.
    others: Vec<OwnedFd>,
}

/// Ends what internal-sftp reads, as the end of a client does: it logs the files that are open, and its own end. When
/// sshd has ended, it is too late for that: the jail is gone then, with the socket of the log.
///
/// sshd gives it a socket for that: do_exec_no_pty of OpenSSH's session.c. False: it has none, or this may not have it.
fn end_input(process: &OwnedFd) -> bool {
    let input = pidfd_getfd(process, 0, PidfdGetfdFlags::empty());
    input.is_ok_and(|input| UnixStream::from(input).shutdown(Shutdown::Read).is_ok())
}

impl Processes {
    fn find(session: &Session) -> Self {
        let open = |pid: &i32| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok();
        let mut holders: Vec<_> = session.holders.iter().filter_map(|pid| Some((*pid, open(pid)?))).collect();
        let others: Vec<_> = session.others.iter().filter_map(|pid| Some((*pid, open(pid)?))).collect();
        // Before its pidfd was opened, the pid may have gone to another process: ask again.
        let still = session.holders_now();
        holders.retain(|(pid, _)| still.contains(pid));
        let others = descendants(others, &still);
        let monitor = session.monitor().filter(|monitor| still.contains(monitor));
        Self { holders, monitor, others }
    }

    /// Sends SIGTERM to the monitor, which passes it on and then closes the session. In a session without a monitor
    /// all holders get it.
    fn terminate(&self) {
        for (pid, process) in &self.holders {
            if self.monitor.is_none_or(|monitor| monitor == *pid) {
                let _already_ended = pidfd_send_signal(process, Signal::TERM);
            }
        }
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
