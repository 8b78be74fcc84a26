//! The verbs that give and take folders, and their help.

use super::NoConfiguration;
use crate::grants;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum GrantsVerb {
    /// Gives one user a folder of this host, with an end and other terms.
    ///
    /// Writes the grant into /etc/sftpjail/grants.d/USER.toml. Before, it shows it as a diff, with the end in
    /// this host's zone, and makes the checks of a login with it: what would refuse the user is not
    /// written. Then it prints what to send to the user.
    ///
    /// A day alone means the end of that day, 23:59:59. Another grant of the same folder is an error:
    /// `extend` changes the end of one, and `revoke` takes it back.
    ///
    /// Exit status: 0 it is granted, or would be with --dry-run; 1 it is not; 2 it does not run as root, or
    /// the configuration cannot be read.
    #[command(after_help = "\
Examples:
  sftpjail grant felix /srv/www/staging/media --until 2026-12-10 --as web --create
  sftpjail grant felix /srv/documents --read-only --until 2w --from 192.0.2.0/24
  sftpjail grant felix /srv/www/staging/media --until 'friday 18:00' --dry-run")]
    Grant(grants::GrantOptions),
    /// Lists the folders that users were given.
    ///
    /// Shows for each the user, the folder, the access, the end, whether it can be used, the account to which
    /// its files belong, and the other terms. A narrow terminal gets the first columns only.
    ///
    /// Exit status: 0 all grants are listed, 1 some cannot be read or used, 2 nothing can be read.
    #[command(after_help = "\
Examples:
  sftpjail grants
  sftpjail grants felix
  sftpjail grants --json | jq -r '.grants[] | select(.state == \"ended\").user'")]
    Grants(grants::ListOptions),
    /// Gives a grant another end.
    ///
    /// Shows the change as a diff, makes the checks of a login with it, and asks. Sessions that are live keep the
    /// end with which they began.
    ///
    /// Exit status: 0 it is done, or would be with --dry-run; 1 it is not; 2 it does not run as root, or the
    /// configuration cannot be read.
    #[command(after_help = "\
Examples:
  sftpjail extend felix --until 2w
  sftpjail extend felix /srv/www/staging/media --until '2026-12-24 12:00'")]
    Extend(grants::ExtendOptions),
    /// Takes a folder from a user, and ends the live sessions that have it.
    ///
    /// Removes the grant from /etc/sftpjail/grants.d/USER.toml, and the file if nothing is left in it. Then it
    /// ends each session whose jail holds the folder, and kills what has not ended after ten seconds.
    ///
    /// Exit status: 0 it is done, or would be with --dry-run; 1 it is not, or a session goes on; 2 it does
    /// not run as root.
    #[command(after_help = "\
Examples:
  sftpjail revoke felix
  sftpjail revoke felix /srv/www/staging/media
  sftpjail revoke felix --all --yes")]
    Revoke {
        #[command(flatten)]
        options: grants::RevokeOptions,
        #[command(flatten)]
        _no: NoConfiguration,
    },
}
