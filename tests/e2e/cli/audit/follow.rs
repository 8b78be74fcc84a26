//! `sftpjail audit --follow`, and a log that comes through a pipe: rows appear while the log is written.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use sandbox::{Sandbox, end, wait_until};
use serde_json::Value;

use super::{described, machine, quit};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `audit --json`. Dropping it ends it.
pub(super) struct Running {
    entered: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(super) fn start(sb: &Sandbox, script: &str) -> Self {
        let mut command = sb.command("sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut entered = command.spawn().expect("sandbox-enter");
        let out = entered.stdout.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { entered, lines }
    }

    /// The pid of `sftpjail audit`, once it waits for signals.
    pub(super) fn pid(&self, sb: &Sandbox) -> i32 {
        let waiting = || match sb.pids("sftpjail audit --follow")[..] {
            [pid] => {
                let status = sb.read_text(format!("/proc/{pid}/status"));
                status.contains("SigBlk:\t0000000000004002").then_some(pid)
            }
            _ => None,
        };
        wait_until(PATIENCE, waiting).expect("sftpjail audit --follow")
    }

    /// The next row.
    #[track_caller]
    pub(super) fn row(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE).expect("a row");
        described(&serde_json::from_str::<Value>(&line).expect("JSON"))
    }

    /// Waits for its end; gives its exit status.
    pub(super) fn ended(mut self) -> Option<i32> {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.entered.wait().expect("it is our child").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.entered);
    }
}

#[test]
fn rows_appear_while_the_log_is_written_over_a_rotation_until_ctrl_c() {
    let sb = machine(&["mle"]);
    let mut live = sb.sftp_live("mle");
    live.send("mkdir before");
    sb.wait_for_log("/home/mle/before");
    let running = Running::start(&sb, "exec sftpjail audit --follow --json mle");
    let pid = running.pid(&sb);
    // Without another entry in the session: it would say that this one succeeded.
    live.send("mkdir first");
    assert_eq!(running.row(), "mkdir /home/mle/first mode 0777: ok");
    sb.sh("cd /var/log; mv sftp.log sftp.log.1; touch sftp.log; chmod 640 sftp.log");
    live.send("mkdir second");
    assert_eq!(running.row(), "mkdir /home/mle/second mode 0777: ok");
    sb.restart_syslog();
    live.send("mkdir third");
    assert_eq!(running.row(), "mkdir /home/mle/third mode 0777: ok");
    sb.kill(pid, "INT");
    assert_eq!(running.ended(), Some(0));
    quit(&sb, live, "mle");
}

#[test]
fn it_ends_when_its_reader_has_gone() {
    let sb = machine(&["mle"]);
    sb.sftp("mle", "mkdir before\n").ok();
    sb.wait_for_log("]: session closed for local user mle from");
    // The reader goes before there is a row.
    let running = Running::start(&sb, "sftpjail audit --follow --csv | head -n 1; echo end");
    assert_eq!(running.lines.recv_timeout(PATIENCE).unwrap().get(..10), Some("time,user,"));
    assert_eq!(running.lines.recv_timeout(PATIENCE).as_deref(), Ok("end"));
    drop(running);
    assert_eq!(sb.pids("sftpjail audit --follow"), [0; 0]);
}

#[test]
fn a_log_that_comes_through_a_pipe_is_shown_line_by_line() {
    let sb = machine(&["mle"]);
    let mut live = sb.sftp_live("mle");
    // Until rsyslog has written something there is no file, and tail would end at once.
    sb.wait_for_log("session opened for local user mle from");
    // Each row appears as soon as the next entry of the session shows its result.
    let script = "tail -n +1 -f /var/log/sftp.log | sftpjail audit --json --file -";
    let running = Running::start(&sb, script);
    live.send("mkdir first");
    live.send("mkdir second");
    assert_eq!(running.row(), "mkdir /home/mle/first mode 0777: ok");
    live.send("mkdir third");
    assert_eq!(running.row(), "mkdir /home/mle/second mode 0777: ok");
    drop(running);
    // With --follow it does not wait for that.
    let running = Running::start(&sb, &format!("{script} --follow"));
    for name in ["first", "second", "third"] {
        assert_eq!(running.row(), format!("mkdir /home/mle/{name} mode 0777: ok"));
    }
    live.send("mkdir fourth");
    assert_eq!(running.row(), "mkdir /home/mle/fourth mode 0777: ok");
    drop(running);
    quit(&sb, live, "mle");
}

#[test]
fn it_follows_one_log_from_now_on() {
    let sb = machine(&["mle"]);
    for (arguments, part) in [
        (
            "--follow --file /var/log/sftp.log --file /var/log/auth.log",
            "--follow follows one log; name one file",
        ),
        ("--follow --summary", "cannot be used with"),
        ("--follow --until now", "cannot be used with"),
    ] {
        let out = sb.try_sh(&format!("sftpjail audit {arguments}"));
        assert!(out.code == Some(2) && out.stderr.contains(part), "{out}");
    }
    // What cannot be read is not waited for.
    for (file, part) in
        [("/none", "/none does not exist"), ("/etc/shadow", "/etc/shadow cannot be read: run this as root")]
    {
        let out =
            sb.try_sh(&format!("setpriv --reuid mle --clear-groups sftpjail audit --follow --file {file}"));
        assert!(out.code == Some(2) && out.stderr.contains(part), "{out}");
    }
}
