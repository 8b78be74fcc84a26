//! A jail in a mount namespace of the session's own. Nobody else can reach it. The kernel destroys it with
//! the last process of the session, whatever ends that.

mod host_paths;

use super::{Detached, make_missing};
use crate::config::Namespace;
use crate::error::Refusal;
use crate::plan::{JailRoot, Plan};
use crate::sys::namespace::{self, Departure};
use crate::sys::{SysError, directory, mount};
use nix::sys::stat::stat;
use std::path::PathBuf;

/// The jail that this process is in.
pub struct Jail {
    /// The namespace to return to.
    host: Option<namespace::Namespace>,
    jail_root: PathBuf,
    /// `st_dev` of the jail's tmpfs, to recognise it.
    device: u64,
}

impl Jail {
    /// Builds the jail and moves the process into its namespace, made from the present one or from `instead`. On any
    /// error, the process is as before.
    pub(super) fn build(mut plan: Plan, instead: Option<&namespace::Namespace>) -> Result<Self, Refusal> {
        make_missing(&mut plan)?;
        let detached = Detached::make(&mut plan, Namespace::Private)?;
        let Plan { jail_root, directories_of_account: of_account, .. } = plan;
        jail_root.ensure()?;
        let departure = Departure::prepare()?.ok_or(Refusal::ServiceInChroot)?;

        match assemble(&departure, instead, &jail_root, &of_account, &detached) {
            Ok(device) => Ok(Self { host: departure.keep(), jail_root: jail_root.path(), device }),
            Err(refusal) => match departure.undo() {
                Ok(()) => Err(refusal),
                Err(then) => Err(Refusal::Stranded { why: refusal.to_string(), then }),
            },
        }
    }

    /// Detaches the jail and moves the process back to its former namespace. Other processes of the session,
    /// such as sshd's child, keep their open files.
    pub(crate) fn dismantle(self) -> Result<(), SysError> {
        // Another module may have moved the process to another namespace. Then nothing is detached.
        let ours = stat(&self.jail_root).is_ok_and(|s| s.st_dev == self.device);
        let detached = if ours { mount::detach(&self.jail_root) } else { Ok(()) };
        self.host.map_or(Ok(()), namespace::Namespace::return_to)?;
        detached
    }
}

/// Enters the private namespace and mounts the jail there. Gives the `st_dev` of its tmpfs.
fn assemble(
    departure: &Departure,
    instead: Option<&namespace::Namespace>,
    jail_root: &JailRoot,
    of_account: &[PathBuf],
    jail: &Detached,
) -> Result<u64, Refusal> {
    departure.leave(instead, &host_paths::chosen(&jail_root.path(), of_account))?;
    let under = jail_root.reopen()?;
    jail.attach(&under)?;
    let stat = directory::stat(&jail.tmpfs.root).map_err(SysError::of("fstat", "tmpfs"))?;
    Ok(stat.st_dev)
}
