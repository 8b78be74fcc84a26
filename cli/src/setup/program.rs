//! The path of this program, for what has to run it later.

use super::target::roots_alone;
use crate::host::trust;
use crate::report::Error;
use crate::report::error::errno;
use pam_sftpjail::escape::escaped;
use std::path::PathBuf;

/// Its path.
pub(super) fn running() -> Result<PathBuf, Error> {
    std::env::current_exe().map_err(|error| {
        Error::new(format!("the path of this program could not be read: {}", errno(&error)), "install it")
    })
}

/// Its path, for a command line of `by`, such as systemd. That runs it as root, so nobody else may be able to replace it.
pub(super) fn path(by: &str) -> Result<PathBuf, Error> {
    let program = running()?;
    let shown = escaped(&program);
    let install = "install it: make install";
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+');
    if !program.to_str().is_some_and(|path| path.chars().all(is_plain)) {
        return Err(Error::new(format!("{by} has to run {shown}, but that path would need quotes"), install));
    }
    match trust::changeable(&program).map_err(|error| Error::with(&program, "be checked", &error))? {
        None => Ok(program),
        Some(path) => {
            let what =
                format!("{by} has to run {shown} as root, but others than root can write {}", escaped(&path));
            let fix = match program.starts_with("/usr") {
                true => roots_alone(&path),
                false => install.into(),
            };
            Err(Error::new(what, fix))
        }
    }
}
