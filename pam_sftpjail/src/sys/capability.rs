//! capabilities(7).
#![forbid(unsafe_code)]

use super::SysError;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Takes chroot(2) from this process and from what it forks, for good: CAP_SYS_CHROOT.
pub(crate) fn give_up_chroot() -> Result<(), SysError> {
    let mut sets = capabilities(None).map_err(SysError::of("capget", "the process"))?;
    for set in [&mut sets.effective, &mut sets.permitted, &mut sets.inheritable] {
        set.remove(CapabilitySet::SYS_CHROOT);
    }
    set_capabilities(None, sets).map_err(SysError::of("capset", "the process, without CAP_SYS_CHROOT"))
}
