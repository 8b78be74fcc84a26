//! The command line as clap parses it: verbs, arguments and their help. It parses, and calls nothing.

mod exit;
mod hidden;
mod of_config;
mod of_grants;
mod of_reports;
mod suggested;

use crate::host::sshd::option::SshdConfigOption;
use crate::setup;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
pub(crate) use hidden::HiddenVerb;
pub(crate) use of_config::ConfigVerb;
pub(crate) use of_grants::GrantsVerb;
pub(crate) use of_reports::ReportsVerb;
use std::ffi::OsString;
use std::path::PathBuf;

/// Sets up, checks and shows the jails of SFTP users.
#[derive(Parser)]
#[command(
    name = "sftpjail",
    version,
    after_help = "\
Examples:
  sftpjail setup --dry-run        what would setup change on this system?
  sftpjail check anna             can she log in, and is she jailed?
  sftpjail list                   who is logged in?
  sftpjail grants                 who was given which folder?
  sftpjail audit anna --since 2h  what did she do?"
)]
pub(crate) struct Arguments {
    /// The module's configuration file, if PAM's lines name one with config=PATH.
    ///
    /// Without it: /etc/sftpjail/config.toml, or the built-in default where that file is missing.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

impl Arguments {
    /// Reads the command line. Where it is wrong, this prints what was meant, and ends the program.
    pub(crate) fn read() -> Self {
        let arguments = Self::try_parse().unwrap_or_else(|error| exit::with(&suggested::explained(error)));
        let why = match arguments.verb {
            Verb::List { .. } | Verb::Kick { .. } | Verb::Expire { .. } => {
                "list, kick and expire read the registry of sessions, and no configuration"
            }
            Verb::Grants(GrantsVerb::Revoke { .. }) => "revoke reads the user's grants, and no configuration",
            Verb::Keys { .. } => "keys reads the user's file of keys, and no configuration",
            _ => return arguments,
        };
        if arguments.config.is_some() {
            let why = format!("--config is for the other verbs: {why}");
            exit::with(&Self::command().error(ErrorKind::ArgumentConflict, why));
        }
        arguments
    }
}

/// Keeps `--config` out of the help of a verb that reads no configuration.
#[derive(Args)]
pub(crate) struct NoConfiguration {
    #[arg(long = "config", id = "config", hide = true)]
    _config: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Checks whether users can log in and are jailed, and says what to fix.
    ///
    /// Makes every check that a login of USER makes, and checks what surrounds it: sshd, PAM, the
    /// account, and what an earlier setup left behind. Each problem has its fix. Without USER, it checks
    /// every member.
    ///
    /// As root it also rehearses the jail: it builds one in a private mount namespace, becomes USER
    /// in it, and shows what USER will see. It changes nothing: what the first login would make, such as a
    /// missing jail root or source of a volume, is in that namespace only.
    ///
    /// Exit status: 0 USER can log in and is jailed, 1 there are problems, 2 something could not be
    /// checked, 3 USER is in no profile. Without USER it is 1 if there are problems, or
    /// else 2 if something could not be checked, and never 3.
    #[command(after_help = "\
Examples:
  sftpjail check anna
  sftpjail check --json     for monitoring, by the exit status")]
    Check {
        /// The login name, as the user types it.
        user: Option<String>,
        /// Every member of every profile, and users in no profile that sshd sends into the jail root; so
        /// does check without USER.
        #[arg(long, conflicts_with = "user")]
        all: bool,
        #[command(flatten)]
        sshd: SshdConfigOption,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
        /// For setup: what is checked is not what the running sshd has read.
        #[arg(long, hide = true)]
        trial: bool,
    },
    /// Lists live sessions.
    ///
    /// Shows the user, process, start, idle time, bytes moved, address, profile and jail of each. A
    /// narrow terminal gets the first columns only.
    ///
    /// The idle time is that for which internal-sftp has been waiting for a request. It is missing while
    /// the kernel does not know it.
    ///
    /// Exit status: 0 all sessions are listed, 1 a record or a process of a session cannot be read, 2 the
    /// registry cannot be read.
    #[command(after_help = "\
Examples:
  sftpjail list
  sftpjail list --json | jq '.sessions[] | select(.idle_seconds > 3600).pid' |
    xargs -rn1 sftpjail kick --pid      end what has been idle for an hour")]
    List {
        #[command(flatten)]
        _no: NoConfiguration,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Ends sessions, and waits until they have ended.
    ///
    /// sshd closes them properly. A user who can log in can come back, and some clients do so at once. To
    /// prevent that, let the account expire before you kick.
    ///
    /// Exit status: 0 the sessions have ended, 1 one goes on, 2 the registry cannot be read, 3 there is
    /// no such session.
    #[command(
        override_usage = "sftpjail kick [OPTIONS] <USER>\n       sftpjail kick [OPTIONS] --pid <PID>",
        after_help = "\
Examples:
  sftpjail kick anna
  chage -E 0 anna && sftpjail kick anna    and let nobody log in as anna
  chage -E -1 anna                         let anna log in again
  sftpjail kick --pid 4711                 one session, by the PID in `list`"
    )]
    Kick {
        /// The user. All sessions of this user end.
        #[arg(required_unless_present = "pid", conflicts_with = "pid")]
        user: Option<OsString>,
        /// A process of the session. Only this session ends.
        #[arg(long)]
        pid: Option<i32>,
        #[command(flatten)]
        _no: NoConfiguration,
        /// Kills what has not ended after ten seconds.
        #[arg(long)]
        force: bool,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Ends sessions whose jail holds a folder that is no longer granted.
    ///
    /// A folder that was granted until some time is in the jail until the session ends. This ends each
    /// session for which one of these times has passed, with all that is in its jail, and kills what has
    /// not ended after ten seconds. The next login has what is left.
    ///
    /// The timer that `setup` installs runs it each minute. It prints nothing where nothing has ended.
    ///
    /// Exit status: 0 no such session is left, 1 one goes on or a session's record cannot be read, 2 the
    /// registry cannot be read.
    #[command(after_help = "\
Examples:
  sftpjail expire
  sftpjail list --json | jq '.sessions[] | {user, until}'    when will they end?
  systemctl list-timers sftpjail-expire.timer                does it run?")]
    Expire {
        #[command(flatten)]
        _no: NoConfiguration,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Grants(GrantsVerb),
    /// Removes what a killed sshd left behind.
    ///
    /// That is the record of the session and, with namespace = "host", the user's jail. The next login
    /// of the user removes both as well.
    ///
    /// Live sessions are left alone.
    ///
    /// Exit status: 0 nothing is left behind, 1 something could not be removed, 2 the configuration or
    /// the registry cannot be read.
    #[command(after_help = "\
Examples:
  sftpjail reap
  sftpjail reap --config /root/former.toml     jails of another jail_root")]
    Reap {
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Prints the keys that root keeps for USER.
    ///
    /// They are the lines of /etc/sftpjail/keys.d/USER that sshd can use, or only those for the key that a client
    /// offers. sshd can ask for them, as below. Lines that it could not use are left out, and logged.
    ///
    /// Exit status: 0 these are all, which may be none; 2 the file cannot be used.
    #[command(after_help = "\
Examples:
  sftpjail keys anna

In sshd_config:
  AuthorizedKeysCommand /usr/sbin/sftpjail keys %u %t %k
  AuthorizedKeysCommandUser nobody")]
    Keys {
        /// The login name.
        user: OsString,
        /// The type of the key that is offered, as sshd's %t. For a certificate, the keys of all authorities are printed.
        #[arg(value_name = "TYPE", requires = "key")]
        key_type: Option<String>,
        /// That key in base64, as sshd's %k.
        key: Option<String>,
        #[command(flatten)]
        _no: NoConfiguration,
    },
    #[command(flatten)]
    Reports(ReportsVerb),
    /// Logs in as USER, and reports what is not as it should be.
    ///
    /// The login goes through the system's own sshd, PAM stack and configuration, with a one-time key and
    /// over a pipe. Then the probe does what users do, and tries what they may not do.
    ///
    /// Nothing of it stays, no port is opened, and the user's keys are not touched.
    ///
    /// Exit status: 0 all is as it should be, 1 something is not, 2 USER could not be probed, 3 USER is
    /// in no profile.
    #[command(after_help = "\
Examples:
  sftpjail probe anna
  sftpjail probe anna --json      for monitoring, by the exit status")]
    Probe {
        /// The login name, as the user types it.
        user: String,
        #[command(flatten)]
        sshd: SshdConfigOption,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Checks a configuration file.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Sets this system up to jail the users of a group, or undoes that.
    ///
    /// Adds what is missing: the group, the jail root, the configuration, and what sshd, PAM, systemd and
    /// rsyslog need. What an admin has changed in its files stays. Shows all of it as a diff first, and asks.
    /// Tries everything out before it tells sshd to reload, and restores everything at the first error.
    ///
    /// It makes the checks of a login for every member who exists, and stops if one would be refused.
    ///
    /// With --undo, it restores what was there before: it shows the diff and which users sshd will no longer jail,
    /// asks, and keeps what a `Match` block that stays needs.
    ///
    /// Exit status: 0 it is done, or was done already; 1 it is not done (also: you said no), and nothing
    /// has changed unless a message says so; 2 it does not run as root; 3 with --dry-run: something would
    /// change.
    #[command(after_help = "\
Examples:
  sftpjail setup --dry-run
  sftpjail setup --confirm-within 5m  over SSH: log in again, then
  sftpjail setup --confirm
  sftpjail setup --managed-keys       members log in with keys that root keeps
  sftpjail setup --undo")]
    Setup(setup::Options),
    /// For the drop-in of user@.service: exit status 0 where systemd may run a user manager, 254 where not.
    #[command(hide = true)]
    UserManager {
        /// The instance of user@.service: a uid or a name.
        user: String,
        /// Groups of the profiles: their members get no user manager, even where the configuration cannot be read.
        groups: Vec<String>,
    },
    #[command(flatten)]
    Hidden(HiddenVerb),
}
