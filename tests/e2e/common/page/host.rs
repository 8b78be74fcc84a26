//! The machine of a page, and the two shells that its commands run in.

use std::time::Duration;

use sandbox::{Output, Sandbox, wait_until};

use super::Page;
use crate::cli::check::NO_MAIL;
use crate::common::terminal::on_a_terminal;

const PASSWORD: &str = Page::PASSWORD;

/// It returns before sshd has read its files.
const RELOAD: &str = "service ssh reload";

/// What sftp says, or does not, before or after its last line: ssh has ended, and a signal may tell it so first.
const NOTICED: &str = "\rConnection closed.  \n";

/// Shows the question, as a terminal does, and answers it.
const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$1\" >&2\nprintf '%s\\n' \"$PASSWORD\"\n";

impl Page {
    /// What is typed where a password is asked for.
    pub(crate) const PASSWORD: &str = "correct horse";

    /// A Debian named files.example.com on which `sftpjail setup` has run. For each of `names`, there is NAME.pub in /root,
    /// which is the key of the client.
    pub(crate) fn machine(names: &[&str]) -> Sandbox {
        let sb = Page::stock_machine(names);
        sb.sh("sftpjail setup --yes");
        // setup restarts rsyslogd only where an init runs.
        sb.restart_syslog();
        sb
    }

    /// The same, on which nothing is set up.
    pub(crate) fn stock_machine(names: &[&str]) -> Sandbox {
        let sb = Sandbox::stock();
        sb.sh(NO_MAIL);
        sb.sh("echo files.example.com >/proc/sys/kernel/hostname
            sed -i 's/^127.0.0.1 .*/& files.example.com/' /etc/hosts
            sed -i 's/^127.0.0.1 /files.example.com,&/' /root/.ssh/known_hosts; mkdir /root/client");
        sb.write_mode("/root/.ssh/askpass", ASKPASS, 0o700);
        for name in names {
            sb.sh(&format!("cp /root/.ssh/id_ed25519.pub /root/{name}.pub"));
        }
        sb.sshd_as("/usr/sbin/sshd -D");
        sb
    }
}

/// Runs a command on a terminal. Both streams are in stdout.
pub(super) fn as_root(sb: &Sandbox, command: &str) -> Output {
    let command = match command.strip_prefix("passwd ") {
        // It would throw away what is typed before it asks.
        Some(user) => format!("yes '{PASSWORD}' | passwd {user} 2>&1 | sed 's/password: /&\\n/g'"),
        None => command.to_owned(),
    };
    let listening = || sb.log().matches("]: Server listening on 0.0.0.0 ").count();
    let before = listening();
    let reloads = command.contains(RELOAD);
    sb.write("/run/page-command", command);
    let out = sb.try_sh(&format!("cd /root; {}", on_a_terminal("bash /run/page-command")));
    if reloads {
        wait_until(Duration::from_secs(10), || (listening() > before).then_some(()));
    }
    out
}

/// Runs a client, and returns when its session is in the log. Both streams are in stdout.
pub(super) fn as_client(sb: &Sandbox, command: &str, typed: &str) -> Output {
    let live = live(sb);
    let script = format!(
        "cd /root/client; export PASSWORD='{PASSWORD}' SSH_ASKPASS=/root/.ssh/askpass SSH_ASKPASS_REQUIRE=force
         exec bash -c \"$1\" 2>&1"
    );
    let mut out = sb.script(&script, &[command], typed.as_bytes());
    out.stdout = out.stdout.replace(NOTICED, "");
    wait_until(Duration::from_secs(10), || (live == self::live(sb)).then_some(()));
    out
}

/// How many more sessions have begun than ended, by the log.
fn live(sb: &Sandbox) -> usize {
    let log = sb.log();
    let count = |what: &str| log.matches(&format!("pam_sftpjail(sshd:session): session {what} ")).count();
    count("opened").wrapping_sub(count("closed"))
}
