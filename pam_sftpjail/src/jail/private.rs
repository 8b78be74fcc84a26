//! A jail in a mount namespace of the session's own: nobody else can reach it, and the kernel
//! destroys it with the last process of the session, whatever kills it.

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
    /// Where to come back to.
    host: Option<namespace::Namespace>,
    jail_root: PathBuf,
    /// `st_dev` of the jail's tmpfs, to know it again.
    device: u64,
}

impl Jail {
    /// Makes the jail and moves the process into its namespace. On any error the process is as it
    /// was before.
    pub(super) fn build(mut plan: Plan) -> Result<Self, Refusal> {
        make_missing(&mut plan)?;
        let detached = Detached::make(&mut plan, Namespace::Private)?;
        let Plan { jail_root, .. } = plan;
        jail_root.ensure()?;
        let departure = Departure::prepare()?.ok_or(Refusal::ServiceInChroot)?;

        match assemble(&departure, &jail_root, &detached) {
            Ok(device) => Ok(Self { host: departure.keep(), jail_root: jail_root.path(), device }),
            Err(refusal) => match departure.undo() {
                Ok(()) => Err(refusal),
                Err(then) => Err(Refusal::Stranded { why: refusal.to_string(), then }),
            },
        }
    }

    /// Detaches the jail and moves the process back to the namespace from before. The session's
    /// other processes, of which sshd's child may still be one, keep what they have open.
    pub(crate) fn dismantle(self) -> Result<(), SysError> {
        // Another module may have moved the process elsewhere: only our own mount is detached.
        let ours = stat(&self.jail_root).is_ok_and(|s| s.st_dev == self.device);
        let detached = if ours { mount::detach(&self.jail_root) } else { Ok(()) };
        self.host.map_or(Ok(()), namespace::Namespace::come_back)?;
        detached
    }
}

/// What happens inside the private namespace; gives the tmpfs's `st_dev`.
fn assemble(departure: &Departure, jail_root: &JailRoot, jail: &Detached) -> Result<u64, Refusal> {
    departure.leave()?;
    let under = jail_root.reopen()?;
    jail.attach(&under)?;
    let stat = directory::stat(&jail.tmpfs.root).map_err(SysError::of("fstat", "tmpfs"))?;
    Ok(stat.st_dev)
}
