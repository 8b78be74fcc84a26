//! The login once more, with more words, to hear why it is refused: what sshd says, and what PAM's modules log.
//!
//! Every process of the host can write to the system's log, and name sshd's pid there. So in this login, /dev/log is a
//! socket of the probe's own: it is mounted in a namespace of the login's, and only root can write to it.

use super::client::{command, program};
use super::connection::Tools;
use super::mounts::Mounts;
use super::templates;
use crate::host::process::run;
use pam_sftpjail::escape::one_line;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long the reader of the log waits at a time.
const INTERVAL: Duration = Duration::from_millis(50);

/// The most that is kept of the log, in bytes.
const MAX_KEPT: usize = 1 << 20;

/// What a repeated login says.
#[derive(Default)]
pub(super) struct Repetition {
    /// sshd's own messages.
    pub(super) sshd: Vec<String>,
    /// What else the processes of the login logged, without time and process.
    pub(super) log: Vec<String>,
    /// Why it had no log of its own, as unshare(1) says it.
    pub(super) unlogged: Option<String>,
}

/// Logs in once more, without a session.
pub(super) fn repeat(tools: &Tools<'_>) -> io::Result<Repetition> {
    let scratch = tools.scratch();
    let [said, serve, inside, socket, unlogged] =
        ["sshd_log", "serve", "serve_inside", "log", "unlogged"].map(|name| scratch.path(name));
    let log = Log::listen(UnixDatagram::bind(&socket)?)?;
    let enter = tools.mounts().map(Mounts::enter).unwrap_or_default();
    let logged = templates::logged(&enter, [&serve, &inside, &socket, &unlogged]);
    let logged = scratch.write("logged", logged)?;
    // Without the limits of the other clients: its sshd would have them, too.
    let mut client = command(program("ssh")?);
    client.arg("-F").arg(tools.client_config());
    let proxy =
        format!("ProxyCommand=/bin/sh {} -e -o LogLevel=VERBOSE 2>{}", logged.display(), said.display());
    client.args(["-o", &proxy, "-o", "ControlPath=none", "-s", "probe", "sftp"]);
    run(client, b"")?;
    // The monitor's last message comes after the client has ended.
    tools.has_gone();
    let why = scratch.read("unlogged");
    Ok(Repetition {
        sshd: scratch.read("sshd_log").lines().map(|line| one_line(line.trim())).collect(),
        log: log.end().iter().filter_map(|entry| message(entry)).collect(),
        unlogged: why.lines().next().map(|line| one_line(line.trim())),
    })
}

/// The message in what syslog(3) sends: `<PRI>TIME NAME[PID]: MESSAGE`. sshd names its pid only where it logs there
/// itself, and our module sends no time.
fn message(entry: &str) -> Option<String> {
    let (_, dated) = entry.split_once('>')?;
    let is_blank = |at: &usize| dated.as_bytes().get(*at) == Some(&b' ');
    // `Nov 27 10:00:00 `
    let text = if [3, 6, 15].iter().all(is_blank) { dated.get(16..)? } else { dated };
    let (_, message) = text.split_once(": ")?;
    Some(one_line(message.trim_end_matches(['\n', '\0'])))
}

/// A thread that reads the socket: a sender waits while too much is unread.
struct Log {
    is_over: Arc<AtomicBool>,
    entries: JoinHandle<Vec<String>>,
}

impl Log {
    fn listen(socket: UnixDatagram) -> io::Result<Self> {
        socket.set_read_timeout(Some(INTERVAL))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let entries = thread::spawn(move || {
            let (mut entries, mut kept) = (Vec::new(), 0);
            let mut buffer = vec![0; 64 << 10];
            loop {
                // Asked before the read: what was sent before the end is read still.
                let is_last = flag.load(Ordering::Relaxed);
                match socket.recv(&mut buffer) {
                    Ok(length) => {
                        let bytes = buffer.get(..length).unwrap_or_default();
                        kept += length;
                        if kept < MAX_KEPT {
                            entries.push(String::from_utf8_lossy(bytes).into_owned());
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) if is_last => return entries,
                    Err(_) => {}
                }
            }
        });
        Ok(Self { is_over, entries })
    }

    fn end(self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.entries.join().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_follows_the_process() {
        for (entry, expected) in [
            (
                "<86>Nov 27 10:00:00 sshd[7]: pam_access(sshd:account): denied",
                Some("pam_access(sshd:account): denied"),
            ),
            ("<83>Nov 27 10:00:00 sshd[7]: a [x]: b\n\0", Some("a [x]: b")),
            ("<83>Nov 27 10:00:00 sshd: pam_x(sshd:account): a: b", Some("pam_x(sshd:account): a: b")),
            (
                "<83>sshd[89]: pam_sftpjail(sshd:account): refused user mle",
                Some("pam_sftpjail(sshd:account): refused user mle"),
            ),
            ("<83>nothing", None),
            ("", None),
        ] {
            assert_eq!(message(entry).as_deref(), expected, "{entry}");
        }
    }
}
