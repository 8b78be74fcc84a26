//! Checks the module's file: it exists, only root can change it, it has this version, and libpam can load it.

use crate::desired::root_owned;
use crate::host::pam::module::{Unloadable, directory, load, version};
use crate::host::trust;
use crate::report::{Consequence, Findings};
use nix::sys::stat::{Mode, lstat, stat};
use pam_sftpjail::escape::escaped;

const CHECK: &str = "pam module";
const INSTALL: &str = "install the module that came with this program (in its sources: make install)";

/// Checks the module at `path`, as written in a PAM line.
pub(super) fn examine(path: &str, findings: &mut Findings) {
    let Some(file) = directory().map(|directory| directory.join(path)) else {
        return findings.unknown(
            CHECK,
            "the directory of PAM's modules was not found",
            "see that pam_permit.so is installed",
        );
    };
    let shown = escaped(&file);
    if let Err(errno) = stat(&file) {
        let consequence = Consequence::NoJail("the module's file is missing".to_owned());
        return findings.failed(CHECK, consequence, format!("{shown}: {}", errno.desc()), INSTALL);
    }
    let changeable = trust::changeable(&file).and_then(|path| {
        let stat = path.as_deref().map(lstat).transpose()?;
        Ok(path.zip(stat))
    });
    match changeable {
        Ok(None) => {}
        Err(error) => {
            let evidence = format!("it could not be checked who can change {shown}: {error}");
            return findings.unknown(CHECK, evidence, "run this again");
        }
        Ok(Some((path, stat))) => {
            let mode = stat.st_mode & Mode::all().bits();
            let what = if path == file { "" } else { ", which leads to the module" };
            let evidence = format!(
                "users other than root can change {}{what} (owner {}, mode {mode:04o}), and sshd runs the module as root",
                escaped(&path),
                stat.st_uid
            );
            // So it is not loaded here.
            let consequence =
                Consequence::NotJailed("users other than root can change the module".to_owned());
            return findings.failed(CHECK, consequence, evidence, root_owned::fix(&file, &path));
        }
    }
    match version(&file) {
        Err(why) => {
            let consequence = Consequence::NoJail("the module's file is not the module".to_owned());
            findings.failed(CHECK, consequence, format!("{shown} {why}"), INSTALL);
        }
        Ok(version) if version != env!("CARGO_PKG_VERSION") => {
            let evidence = format!(
                "{shown} is version {}, and this program is {}",
                escaped(&version),
                env!("CARGO_PKG_VERSION")
            );
            let consequence =
                Consequence::Unknown("the module has another version than this program".to_owned());
            findings.failed(CHECK, consequence, evidence, INSTALL);
        }
        Ok(version) => match load(&file) {
            Ok(()) => findings.passed(CHECK, format!("{shown}, version {version}, can be loaded")),
            Err(Unloadable::No(why)) => {
                let consequence = Consequence::NoJail("PAM cannot load the module".to_owned());
                findings.failed(CHECK, consequence, format!("{shown} cannot be loaded: {why}"), INSTALL);
            }
            Err(Unloadable::Unknown(why)) => {
                let evidence = format!("it could not be checked whether {shown} can be loaded: {why}");
                findings.unknown(CHECK, evidence, "run this again");
            }
        },
    }
}
