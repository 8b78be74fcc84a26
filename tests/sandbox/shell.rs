//! `make sandbox`: a root shell in a sandbox on which sftpjail is set up. Without a terminal there is no
//! shell: the sandbox stays until this process is ended, for those who enter it from elsewhere.

#![forbid(unsafe_code)]

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;
use std::thread;

use sandbox::Sandbox;

const GREETING: &str = "\
A whole Debian of its own, with sshd, rsyslogd and an /etc to break. It ends with this program,
and nothing of it is left on the machine.

sftpjail is installed from the build, and set up by `sftpjail setup --yes`. anna is a member with
a live session; joe is in no profile. Root's key logs in as both. For example:

  sftp anna@127.0.0.1                 what a member sees: try pwd, ls -l /, cd ..
  ssh joe@127.0.0.1                   everybody else gets a shell
  sftpjail list                       the live sessions
  sftpjail check anna                 can she log in, and is she jailed?
  sftpjail probe anna                 a real login, which also tries what it may not do
  chown joe /home/anna                a fault: check again
  tail /var/log/auth.log              what sshd and the module have logged
  sftpjail setup --undo --force       back to a stock Debian
";

fn main() -> ExitCode {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.sh("sftpjail setup --yes");
    // setup restarts rsyslogd only where an init runs.
    sb.restart_syslog();
    sb.user("anna").group("sftp").add();
    sb.user("joe").shell("/bin/bash").add();
    let _live = sb.sftp_live("anna");

    println!("{GREETING}");
    println!("Enter it:  nsenter --target {} --all su -", sb.outer_pid());
    if stdin().is_terminal() {
        println!("This shell is in it already. End it:  exit\n");
        return shell(&sb);
    }
    println!("End it:    kill {}", std::process::id());
    loop {
        // A signal ends this process, and the kernel then ends the sandbox.
        thread::park();
    }
}

/// A login shell for root, on a new terminal: the machine's terminals are not in the sandbox's /dev.
fn shell(sb: &Sandbox) -> ExitCode {
    let mut command = sb.command("script");
    command.args(["--quiet", "--return", "--command", "su -", "/dev/null"]);
    command.env("TERM", std::env::var_os("TERM").unwrap_or("dumb".into()));
    match command.status() {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("no shell: {error}");
            ExitCode::FAILURE
        }
    }
}
