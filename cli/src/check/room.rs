//! Checks whether there is room on the filesystems into which a user can write. A full one refuses nobody.

use crate::host::room::{Writer, shortage_in};
use crate::report::Findings;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::plan::Plan;
use std::path::Path;

/// The home and the volumes of the plan, by the directories that are open in it.
pub(super) fn examine(plan: &Plan, findings: &mut Findings) {
    for (at, read_only, directory) in plan.directories() {
        let Some(directory) = directory.filter(|_| !read_only) else { continue };
        if let Some(shortage) = shortage_in(directory, Writer::User) {
            let at = Path::new("/").join(at);
            let evidence = format!(
                "the filesystem of {} has {shortage} left: the user can log in, and store nothing",
                escaped(&at)
            );
            findings.warned("room", evidence, format!("make room on that filesystem: see {}", shortage.df()));
        }
    }
}
