//! The verbs `grant`, `grants`, `extend` and `revoke`: which folders root gives one user, until when, and on which
//! terms.
//!
//! They write files in `/etc/sftpjail/grants.d` only, and with `--create` let the system's own tool add the account.
//! What a file says, and what may be granted, the library decides, as at a login.

mod account;
mod change;
mod edit;
mod edit_file;
mod end;
mod extend;
mod file;
mod give;
mod key;
mod key_file;
mod letter;
mod list;
mod live;
mod options;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod revoke;
mod served;
mod spec;
mod trial;
mod who;

use crate::host::configuration;
use crate::report::error::AS_ROOT;
use crate::report::{Error, Status, streams};
use nix::unistd::geteuid;
pub(crate) use options::{ExtendOptions, GrantOptions, ListOptions, RevokeOptions};
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::name::UserName;
use pam_sftpjail::nss::User;
use std::io::{self, Write};
use std::path::Path;

/// Why a verb has not done what it was asked for.
enum Failure {
    /// What the output says, and what was done, is right up to there.
    Problem(Error),
    /// It could not begin.
    Unchecked(Error),
    /// The output could not be written.
    Unwritten(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Problem(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unwritten(error)
    }
}

pub(crate) fn grant(
    config: Option<&Path>,
    options: &GrantOptions,
    out: &mut impl Write,
) -> io::Result<Status> {
    let done = as_root().and_then(|()| give::run(&load(config)?, options, out));
    ended(done, out)
}

pub(crate) fn list(config: Option<&Path>, options: &ListOptions, out: &mut impl Write) -> io::Result<Status> {
    let done = as_root().and_then(|()| list::run(&load(config)?, options, out));
    ended(done, out)
}

pub(crate) fn extend(
    config: Option<&Path>,
    options: &ExtendOptions,
    out: &mut impl Write,
) -> io::Result<Status> {
    let done = as_root().and_then(|()| extend::run(&load(config)?, options, out));
    ended(done, out)
}

/// It works without a configuration that can be used.
pub(crate) fn revoke(
    config: Option<&Path>,
    options: &RevokeOptions,
    out: &mut impl Write,
) -> io::Result<Status> {
    let done = as_root().and_then(|()| revoke::run(load(config).ok().as_ref(), options, out));
    ended(done, out)
}

fn as_root() -> Result<(), Failure> {
    match geteuid().is_root() {
        true => Ok(()),
        false => {
            Err(Failure::Unchecked(Error::new("only root can read and change what is granted", AS_ROOT)))
        }
    }
}

/// The user as the file of grants is named: as NSS spells it, or as typed where there is no account any more.
fn named(user: &str) -> Result<UserName, Error> {
    let name = User::by_name(user)?.map_or_else(|| user.to_owned(), |user| user.name);
    let wrong = |why| Error::new(format!("the login name {} {why}", escaped(user)), "name another user");
    UserName::parse(&name).map_err(wrong)
}

fn load(config: Option<&Path>) -> Result<Config, Failure> {
    configuration::load(config).map_err(|unusable| Failure::Unchecked(unusable.into()))
}

/// Reports an error on stderr.
fn ended(done: Result<Status, Failure>, out: &mut impl Write) -> io::Result<Status> {
    let (error, status) = match done {
        Ok(status) => return status.after(Ok(()), out),
        Err(Failure::Unwritten(error)) => return Status::Ok.after(Err(error), out),
        Err(Failure::Problem(error)) => (error, Status::Problems),
        Err(Failure::Unchecked(error)) => (error, Status::Unchecked),
    };
    out.flush()?;
    writeln!(streams::stderr(), "sftpjail: {error}")?;
    Ok(status)
}
