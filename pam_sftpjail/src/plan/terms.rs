//! What the sessions that share a jail must agree on.

use super::{Plan, Role, Source, Step};
use crate::escape::escaped;
use crate::sys::idmap::Swap;
use crate::sys::{SysError, directory};

impl Plan {
    /// What sessions that share a jail must agree on, in lines: its purpose, and which directory is
    /// mounted where. Logs and listings are left out: nobody is refused for them.
    pub(crate) fn terms(&self) -> Result<String, SysError> {
        let mut terms = self.purpose.clone();
        for step in &self.steps {
            let Step::Mount { at, source, read_only, ids, role } = step else { continue };
            let what = match role {
                Role::Home => "home",
                Role::Volume | Role::VolumeInHome | Role::LeftOut => "volume",
                // What is above a volume is where that is.
                Role::Log | Role::Above(_) => continue,
                Role::Guard(_) => {
                    // What is there may change. Every session verifies that it is guarded.
                    if *read_only {
                        terms.push_str(&format!("\nguard {at:?}"));
                    }
                    continue;
                }
            };
            let stat = match source {
                Source::Open(fd) => directory::stat(fd).map(Some),
                // Another session may have made it since; or it is there, half-made, with mode 0.
                Source::Missing(new) => new.existing(),
                Source::StandIn(_) | Source::Placeholder(_) => continue,
            };
            let from = match stat.map_err(SysError::of("fstat", escaped(at)))? {
                None => "a directory that is missing".into(),
                // While the jail is mounted, no other directory can get this inode number.
                Some(stat) => format!("directory {}:{}", stat.st_dev, stat.st_ino),
            };
            let access = if *read_only { "read-only" } else { "writable" };
            let owner = match ids {
                None => String::new(),
                Some(Swap { uids, gids }) => {
                    let id =
                        |ids: &Option<(u32, u32)>| ids.map_or("the same".into(), |(_, id)| id.to_string());
                    format!(", of uid {} and gid {} on disk", id(uids), id(gids))
                }
            };
            // escaped() would leave out the middle of long names.
            terms.push_str(&format!("\n{what} {at:?}, {access}, from {from}{owner}"));
        }
        Ok(terms)
    }
}
