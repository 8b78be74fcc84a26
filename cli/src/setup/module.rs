//! Installs the PAM module's file in the directory of PAM's modules.

use super::atomic;
use super::change::{Change, FileChange};
use super::target::Target;
use crate::desired::pam::OURS;
use crate::host::pam::module;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use std::path::{Path, PathBuf};

/// The name that cargo gives the file.
const BUILT: &str = "libpam_sftpjail.so";

/// The change that installs the module, if it is needed. `given`: the argument of `--module`.
pub(super) fn change(given: Option<&Path>) -> Result<Option<Change>, Error> {
    let directory = module::directory().ok_or_else(|| {
        Error::new(
            "the directory of PAM's modules was not found",
            "install PAM's modules: it is the directory with pam_permit.so",
        )
    })?;
    let installed = directory.join(OURS);
    let before = atomic::read(&installed)?;
    let Some(source) = given.map(Path::to_owned).or_else(beside_program) else {
        return match before {
            // By `make install` or a package.
            Some(_) => Ok(None),
            None => Err(Error::new(
                format!("{} is missing, and there is no {BUILT} beside this program", escaped(&installed)),
                "run `make install`, or give the file: --module PATH",
            )),
        };
    };
    let Some(after) = atomic::read(&source)? else {
        return Err(Error::new(
            format!("{} does not exist", escaped(&source)),
            "give the path of the module",
        ));
    };
    let fix = format!("give the {BUILT} that was built with this program");
    match module::version(&source) {
        Err(why) => return Err(Error::new(format!("{} {why}", escaped(&source)), fix)),
        Ok(version) if version != env!("CARGO_PKG_VERSION") => {
            let what = format!("{} has another version, {}", escaped(&source), escaped(&version));
            return Err(Error::new(what, fix));
        }
        Ok(_) => {}
    }
    if before.as_ref() == Some(&after) {
        return Ok(None);
    }
    Ok(Some(Change::File(FileChange::whole(Target::ours(&installed)?, before, after))))
}

fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    [BUILT, OURS].iter().map(|name| program.with_file_name(name)).find(|path| path.is_file())
}
