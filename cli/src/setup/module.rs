//! The PAM module's file: beside pam_unix.so.

use super::atomic;
use super::change::{Change, FileChange};
use super::target::Target;
use crate::desired::pam::OURS;
use crate::host::pam::module;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use std::path::{Path, PathBuf};

/// As cargo names it.
const BUILT: &str = "libpam_sftpjail.so";

/// The change that puts it in its place. `given`: the file to take.
pub(super) fn change(given: Option<&Path>) -> Result<Option<Change>, Error> {
    let directory = module::directory().ok_or_else(|| {
        Error::new("the place of PAM's modules was not found", "see that pam_permit.so is installed")
    })?;
    let place = directory.join(OURS);
    let before = atomic::read(&place)?;
    let Some(source) = given.map(Path::to_owned).or_else(beside_program) else {
        return match before {
            // `make install`, or a package.
            Some(_) => Ok(None),
            None => Err(Error::new(
                format!("{} is not there, and no {BUILT} lies beside this program", escaped(&place)),
                "run `make install`, or say where it is: --module PATH",
            )),
        };
    };
    let Some(after) = atomic::read(&source)? else {
        return Err(Error::new(format!("{} does not exist", escaped(&source)), "see where the module is"));
    };
    let fix = format!("give the {BUILT} that was built with this program");
    match module::version(&source) {
        Err(why) => return Err(Error::new(format!("{} {why}", escaped(&source)), fix)),
        Ok(version) if version != env!("CARGO_PKG_VERSION") => {
            let what = format!("{} is of another version, {}", escaped(&source), escaped(&version));
            return Err(Error::new(what, fix));
        }
        Ok(_) => {}
    }
    if before.as_ref() == Some(&after) {
        return Ok(None);
    }
    Ok(Some(Change::File(FileChange::whole(Target::ours(&place)?, before, after))))
}

fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    [BUILT, OURS].iter().map(|name| program.with_file_name(name)).find(|path| path.is_file())
}
