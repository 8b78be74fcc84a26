//! The options of `grant`, `grants`, `extend` and `revoke`, as clap reads them.

use crate::host::sshd::option::SshdConfigOption;
use clap::{ArgGroup, Args};

/// Whether to ask, and how to report it: the same for every verb that changes grants.
#[derive(Args)]
#[command(group = ArgGroup::new("unasked").args(["yes", "dry_run"]))]
pub(crate) struct How {
    /// Shows what would be written, and writes nothing.
    #[arg(long, conflicts_with = "yes")]
    pub(super) dry_run: bool,
    /// Does it without asking.
    #[arg(long)]
    pub(super) yes: bool,
    /// One JSON document instead of text. It needs --yes or --dry-run.
    #[arg(long, requires = "unasked")]
    pub(super) json: bool,
}

#[derive(Args)]
pub(crate) struct GrantOptions {
    /// The login name.
    pub(super) user: String,
    /// The folder on this host.
    pub(super) folder: String,
    /// When it ends: `2w`, `3 months`, `friday 18:00`, `2026-12-10` (to the end of that day), `2026-12-10 18:00`, or RFC
    /// 3339. Without it, the grant stays until it is revoked.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// The account to which everything in the folder belongs on disk, whoever makes it.
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub(super) owner: Option<String>,
    /// The user may read, and not write.
    #[arg(long)]
    pub(super) read_only: bool,
    /// Only for logins with this key: its file, the key itself, or its SHA256 fingerprint.
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// Only for logins from this address or network. May be repeated.
    #[arg(long, value_name = "NETWORK")]
    pub(super) from: Vec<String>,
    /// Where the folder appears in the jail, if not at the same path.
    #[arg(long, value_name = "PATH")]
    pub(super) at: Option<String>,
    /// What it is for, such as a contract.
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
    /// Adds the account if it is missing: without shell and home, in the group of the first profile that gives neither
    /// home nor volume.
    #[arg(long)]
    pub(super) create: bool,
    #[command(flatten)]
    pub(super) sshd: SshdConfigOption,
    #[command(flatten)]
    pub(super) how: How,
}

#[derive(Args)]
pub(crate) struct ListOptions {
    /// Only those of this user.
    pub(super) user: Option<String>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(crate) struct ExtendOptions {
    /// The login name.
    pub(super) user: String,
    /// The folder on this host, if the user has several.
    pub(super) folder: Option<String>,
    /// The new end, written as for `grant`.
    #[arg(long, value_name = "TIME")]
    pub(super) until: String,
    #[command(flatten)]
    pub(super) how: How,
}

#[derive(Args)]
pub(crate) struct RevokeOptions {
    /// The login name.
    pub(super) user: String,
    /// The folder on this host, if the user has several.
    #[arg(conflicts_with = "all")]
    pub(super) folder: Option<String>,
    /// All grants of the user.
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) how: How,
}
