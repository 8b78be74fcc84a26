//! The PAM module's file: beside pam_unix.so.

use super::change::{Change, FileChange};
use super::files;
use super::target::Target;
use super::trouble::Trouble;
use crate::check::pam::module;
use crate::check::pam::ours::OURS;
use pam_sftpjail::escape::escaped;
use std::path::{Path, PathBuf};

/// As cargo names it.
const BUILT: &str = "libpam_sftpjail.so";

/// The change that puts it in its place. `given`: the file to take.
pub(super) fn change(given: Option<&Path>) -> Result<Option<Change>, Trouble> {
    let directory = module::directory().ok_or_else(|| {
        Trouble::new("the place of PAM's modules was not found", "see that pam_permit.so is installed")
    })?;
    let place = directory.join(OURS);
    let before = files::read(&place)?;
    let Some(source) = given.map(Path::to_owned).or_else(beside_program) else {
        return match before {
            // `make install`, or a package.
            Some(_) => Ok(None),
            None => Err(Trouble::new(
                format!("{} is not there, and no {BUILT} lies beside this program", escaped(&place)),
                "run `make install`, or say where it is: --module PATH",
            )),
        };
    };
    let Some(after) = files::read(&source)? else {
        return Err(Trouble::new(format!("{} does not exist", escaped(&source)), "see where the module is"));
    };
    let fix = format!("give the {BUILT} that was built with this program");
    match module::version(&source) {
        Err(why) => return Err(Trouble::new(format!("{} {why}", escaped(&source)), fix)),
        Ok(version) if version != env!("CARGO_PKG_VERSION") => {
            let what = format!("{} is of another version, {}", escaped(&source), escaped(&version));
            return Err(Trouble::new(what, fix));
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
