//! PAM: the lines of a service as libpam strings them together, their control fields, and modules' files.

pub(crate) mod control;
pub(crate) mod module;
pub(crate) mod stack;
