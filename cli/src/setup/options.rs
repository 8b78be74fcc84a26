//! The options of `setup`, as clap reads them.

use crate::host::sshd::option::SshdConfigOption;
use clap::{ArgGroup, Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
#[command(group = ArgGroup::new("unasked").args(["yes", "dry_run"]))]
pub(crate) struct Options {
    /// Shows the changes, and makes none. Exit status 3: something would change.
    #[arg(long, conflicts_with_all = ["yes", "confirm"])]
    pub(super) dry_run: bool,
    /// Makes the changes without asking.
    #[arg(long)]
    pub(super) yes: bool,
    /// The group whose members are jailed [default: sftp, or sftp-only for the upload portal].
    #[arg(long, value_name = "NAME")]
    pub(super) group: Option<String>,
    /// Where jails appear [default: /jail].
    #[arg(long, value_name = "PATH")]
    pub(super) jail_root: Option<String>,
    /// What a jail holds [default: home].
    #[arg(long, value_enum)]
    pub(super) profile: Option<Profile>,
    /// Keys that root keeps in /etc/sftpjail/keys.d/USER let members in, and those in their homes no longer do. Later
    /// setups keep that.
    #[arg(long, conflicts_with_all = ["undo", "confirm"])]
    pub(super) managed_keys: bool,
    /// Takes --managed-keys back.
    #[arg(long, conflicts_with_all = ["managed_keys", "undo", "confirm"])]
    pub(super) no_managed_keys: bool,
    /// The PAM module's file, if it is neither installed nor beside this program.
    #[arg(long, value_name = "PATH")]
    pub(super) module: Option<PathBuf>,
    #[command(flatten)]
    pub(super) sshd: SshdConfigOption,
    /// Goes on although members would be refused from their next login on.
    #[arg(long, conflicts_with_all = ["undo", "confirm"])]
    pub(super) accept_refused: bool,
    /// One JSON document instead of text. It needs --yes or --dry-run.
    #[arg(long, requires = "unasked", conflicts_with_all = ["undo", "confirm"])]
    pub(super) json: bool,
    /// Undoes everything after this time, such as 5m, unless `setup --confirm` is run before.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["dry_run", "undo", "confirm"])]
    pub(super) confirm_within: Option<Duration>,
    /// Keeps what was set up with --confirm-within.
    #[arg(long, conflicts_with = "undo")]
    pub(super) confirm: bool,
    /// Restores what was there before, but keeps what others have edited since. Asks, unless --yes is given.
    #[arg(long)]
    pub(super) undo: bool,
    /// With --undo: also if something stays that was edited since, and while members are logged in. With --yes: also if
    /// users are no longer jailed then.
    #[arg(long, conflicts_with_all = ["dry_run", "confirm"])]
    pub(super) force: bool,
}

impl Options {
    /// Whether an option says what the configuration has to say.
    pub(super) fn has_choice(&self) -> bool {
        self.group.is_some() || self.jail_root.is_some() || self.profile.is_some()
    }

    /// Whether nothing is chosen.
    pub(super) fn is_default(&self) -> bool {
        let Self { module, sshd, accept_refused, managed_keys, no_managed_keys, .. } = self;
        let paths = [module.as_deref(), sshd.path()];
        let is_chosen = *accept_refused || *managed_keys || *no_managed_keys;
        !self.has_choice() && !is_chosen && paths.iter().all(Option::is_none)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let given = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    given.filter(|time| time.as_secs() > 0).ok_or_else(|| "give a time such as 5m or 90s".to_owned())
}

/// What a jail holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// The home directory at its real path.
    Home,
    /// No home: one folder of /srv/sftp to upload into.
    UploadPortal,
}
