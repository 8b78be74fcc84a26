//! The PAM module's file: beside pam_unix.so.

use super::change::{Change, FileChange};
use super::files;
use super::trouble::Trouble;
use pam_sftpjail::escape::escaped;
use std::path::{Path, PathBuf};

const NAME: &str = "pam_sftpjail.so";

/// As cargo names it.
const BUILT: &str = "libpam_sftpjail.so";

/// The change that puts it in its place. `given`: the file to take.
pub(super) fn change(given: Option<&Path>) -> Result<Option<Change>, Trouble> {
    let place = directory()?.join(NAME);
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
    let has_hook = |name: &[u8]| after.windows(name.len()).any(|part| part == name);
    if !after.starts_with(b"\x7fELF") || !has_hook(b"pam_sm_open_session") {
        let what = format!("{} is no PAM module", escaped(&source));
        return Err(Trouble::new(what, format!("give the {BUILT} that was built with this program")));
    }
    Ok((before.as_ref() != Some(&after)).then(|| Change::File(FileChange::whole(place, before, after))))
}

fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    [BUILT, NAME].iter().map(|name| program.with_file_name(name)).find(|path| path.is_file())
}

/// Where libpam looks for modules.
fn directory() -> Result<PathBuf, Trouble> {
    let mut places: Vec<PathBuf> = ["/usr/lib64", "/usr/lib", "/lib64", "/lib"].map(PathBuf::from).into();
    for multiarch in ["/usr/lib", "/lib"] {
        let mut inside: Vec<_> = Path::new(multiarch)
            .read_dir()
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        inside.sort();
        places.extend(inside);
    }
    let mut places = places.into_iter().map(|place| place.join("security"));
    places.find(|place| place.join("pam_unix.so").is_file()).ok_or_else(|| {
        Trouble::new("there is no pam_unix.so, so no place for PAM modules", "install PAM's modules")
    })
}
