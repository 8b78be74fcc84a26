//! Finds out whether the filesystems of a user's home and volumes answer, before a process that nobody may keep waiting
//! looks at them itself.

use super::{child, configuration};
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Circumstances;
use pam_sftpjail::session::examine;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// What to do where one does not.
pub(crate) const FIX: &str =
    "make the filesystems of the home and the volumes answer, or unmount them; then run this again";

/// Makes the checks of a login in a child, whatever comes of them. The error: they have not ended.
pub(crate) fn look(config: Option<&Path>, user: &str) -> io::Result<()> {
    let config = config.into_iter().flat_map(|path| [OsStr::new("--config"), path.as_os_str()]);
    let arguments = config.chain(["look", "--", user].map(OsStr::new));
    child::report(&format!("the check of {}", escaped(user)), arguments)
}

/// What [`look`] does in the child.
pub(crate) fn look_here(config: Option<&Path>, user: &str) -> io::Result<()> {
    let config = configuration::load(config).map_err(|why| io::Error::other(Error::from(why).what))?;
    // Who has no jail has no files that are looked at.
    let _ = examine(&config, user, &Circumstances::of_no_login(), &mut |_, _| {});
    Ok(())
}
