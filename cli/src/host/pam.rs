//! Reads PAM's configuration as libpam does: stacks of lines, control fields, and the files of modules.

pub(crate) mod control;
pub(crate) mod module;
pub(crate) mod nologin;
pub(crate) mod passwords;
pub(crate) mod stack;
