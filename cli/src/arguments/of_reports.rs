//! The verbs that report what members did and may do, and their help.

use crate::{audit, review};
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum ReportsVerb {
    /// Shows what members did, file by file.
    ///
    /// Reads the log entries of internal-sftp, and shows one line for each operation on a file. It reads
    /// /var/log/sftp.log and its rotated files, or else auth.log or secure, and systemd's journal beside
    /// them. An entry that both have is shown once.
    ///
    /// Gaps in the log are reported on stderr, or with --json as lines of their own. A result with a
    /// question mark is unclear: the operation failed, or else a look-up after it, or a write before the
    /// close.
    ///
    /// Exit status: 0 the log was read, or followed until ctrl-C; 2 it could not be read, or not all of it.
    #[command(after_help = "\
Examples:
  sftpjail audit anna --since yesterday
  sftpjail audit --summary --since 7d
  sftpjail audit --op delete,rename --path '/srv/www/*' --csv > removed.csv
  sftpjail audit --follow --op upload
  sftpjail audit --file /root/sftp.log.2.gz --json")]
    Audit(audit::Options),
    /// Shows who has access to what: each member's folders, keys and grants.
    ///
    /// For each member: whether the user can log in, folders with rights and owner, grants and their end, keys
    /// and when each was used last, the last login, transfers, and what else runs as the user.
    ///
    /// When something was used last is read from the logs of sshd and of the module, and from live sessions.
    /// The logs go back so far only: the last line says how far.
    ///
    /// Exit status: 0 all was read, 1 something could not be read and is named, 2 the configuration cannot be
    /// read, the file of --html cannot be written, or this does not run as root, 3 USER is in no profile.
    #[command(after_help = "\
Examples:
  sftpjail review
  sftpjail review felix
  sftpjail review --html /root/review.html
  sftpjail review --json | jq '.members[] | select(.unused.days > 90).user'")]
    Review(review::Options),
}
