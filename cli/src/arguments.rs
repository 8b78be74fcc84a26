//! What is typed: the verbs and their arguments.

use crate::{audit, setup};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Sets up, verifies and inspects the jails of SFTP users.
#[derive(Parser)]
#[command(
    name = "sftpjail",
    version,
    after_help = "\
Examples:
  sftpjail setup --dry-run        what would it take to jail users here?
  sftpjail check anna             is she safely jailed, and why not?
  sftpjail list                   who is in?
  sftpjail audit anna --since 2h  what did she do?"
)]
pub(crate) struct Arguments {
    /// The configuration, if the module is given another one by its argument config=PATH.
    ///
    /// Without it: /etc/sftpjail/config.toml, or the built-in default where that is missing.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Says whether USER is safely jailed, and why not.
    ///
    /// Makes every check that a login of USER would make, and looks at what surrounds it: sshd, PAM,
    /// the account, and what an earlier setup left. Each finding has its fix.
    ///
    /// As root it also rehearses the jail in a private mount namespace, becomes USER in it, and
    /// shows what USER will see. Nothing on the host changes, except that a missing jail root
    /// and missing sources of volumes are made, as the first login would.
    ///
    /// Exit status: 0 USER is soundly jailed, 1 there are problems, 2 it could not be checked,
    /// 3 the policy does not jail USER. With --all the worst of all users, and never 3.
    #[command(after_help = "\
Examples:
  sftpjail check anna
  sftpjail check --all --json     for monitoring: see the exit status")]
    Check {
        /// The login name, as it would be typed.
        #[arg(required_unless_present = "all")]
        user: Option<String>,
        /// Every member of every profile, and whoever sshd sends into the jail root without one.
        #[arg(long, conflicts_with = "user")]
        all: bool,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Lists who is in a jail.
    ///
    /// With process, since when, idle for how long, bytes moved, from where, profile, and where the
    /// jail is. A narrow terminal gets the first columns only.
    ///
    /// Exit status: 0 all is listed, 1 a session's record cannot be read, 2 the registry cannot.
    #[command(after_help = "\
Examples:
  sftpjail list
  sftpjail list --json | jq '.sessions[] | select(.idle_seconds > 3600) | .user'")]
    List {
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Ends sessions, and waits until they are gone.
    ///
    /// sshd closes them properly. Who can log in can come back: lock the account first.
    ///
    /// Exit status: 0 they have ended, 1 one goes on, 2 the registry cannot be looked at, 3 there was
    /// no such session.
    #[command(after_help = "\
Examples:
  sftpjail kick anna
  sftpjail kick --pid 4711        one session of `sftpjail list`")]
    Kick {
        /// The user all of whose sessions are to end.
        #[arg(required_unless_present = "pid", conflicts_with = "pid")]
        user: Option<OsString>,
        /// The one session of which this is a process, as `list` shows it.
        #[arg(long)]
        pid: Option<i32>,
        /// Kill what does not end within ten seconds.
        #[arg(long)]
        force: bool,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Takes down what a killed sshd left behind.
    ///
    /// With namespace = "host", that is jails that no session is in; in both namespaces, records of
    /// sessions that are dead.
    ///
    /// The next login of the same user would do the same. Live sessions are left alone. Exit status:
    /// 0 nothing is left behind, 1 something could not be taken down, 2 it could not be looked at.
    #[command(after_help = "\
Examples:
  sftpjail reap
  sftpjail reap --config /root/former.toml     of another jail_root")]
    Reap {
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Shows what members did to which files.
    ///
    /// That is internal-sftp's log, one line for each operation on a file. Reads /var/log/sftp.log and what logrotate made of it, or else auth.log or secure, or else
    /// systemd's journal. What the log does not tell is said on stderr, or with --json in lines of
    /// their own. A result with a question mark is unclear: the operation or a look-up after it
    /// failed.
    ///
    /// Exit status: 0 the log was read, 2 it could not be.
    #[command(after_help = "\
Examples:
  sftpjail audit anna --since yesterday
  sftpjail audit --op remove,rename --path '/srv/www/*' --csv > removed.csv
  sftpjail audit --file /root/sftp.log.2.gz --json")]
    Audit(audit::Options),
    /// Logs in as USER, and says what is not as it should be.
    ///
    /// A login through the system's own sshd, PAM stack and configuration, with a one-time key and over
    /// a pipe; then what users do, and what they may not. Nothing of it stays, no port is opened, and the
    /// user's keys are not touched.
    ///
    /// Exit status: 0 all is as expected, 1 something is not, 2 it could not be probed, 3 the policy
    /// does not jail USER.
    #[command(after_help = "\
Examples:
  sftpjail probe anna
  sftpjail probe anna --json      for monitoring: see the exit status")]
    Probe {
        /// The login name, as it would be typed.
        user: String,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// The child of `probe`: probes, reports as JSON, and ends in order when its standard input does.
    #[command(hide = true)]
    Probing { user: String },
    /// Makes this system jail the users of a group, or undoes that.
    ///
    /// Adds the group, the jail root, the configuration, and what sshd, PAM, systemd and rsyslog need, as
    /// far as it is missing. Shows all of it as a diff, and asks. Everything is tried out before sshd is
    /// told to reload, and put back at the first error.
    ///
    /// Exit status: 0 it is done, or was already; 1 it is not, and nothing is changed unless it says
    /// so.
    #[command(after_help = "\
Examples:
  sftpjail setup --dry-run
  sftpjail setup --confirm-within 5m  over SSH: log in anew, then
  sftpjail setup --confirm
  sftpjail setup --undo")]
    Setup(setup::Options),
    /// The child of `setup`: becomes COMMAND where a member of the group GID exists.
    #[command(hide = true)]
    AsMember {
        gid: u32,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
    /// The child of `setup --confirm-within`: puts everything back unless it is confirmed.
    #[command(hide = true)]
    SetupTimer { seconds: u64, until: u64 },
    /// For the drop-in of user@.service: exit status 0 where systemd may run a user manager, 254 where not.
    #[command(hide = true)]
    UserManager {
        /// A uid.
        whom: String,
        /// Whose members get none either, and those that count where the configuration cannot be read.
        groups: Vec<String>,
    },
    /// The child of `check`: builds the jail around itself and reports as JSON.
    #[command(hide = true)]
    Rehearse { user: String },
    /// The child of `check`: becomes USER, tries to enter and to read, and reports as JSON.
    #[command(hide = true)]
    Look {
        user: String,
        #[arg(long)]
        enter: Vec<PathBuf>,
        #[arg(long)]
        read: Vec<PathBuf>,
    },
    /// The child of `check`: says whether the dynamic linker has loaded MODULE into it.
    #[command(hide = true)]
    Loaded { module: PathBuf },
}
