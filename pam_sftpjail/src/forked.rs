//! Child processes of programs that check many users. The module has none.
#![forbid(unsafe_code)]

pub use crate::sys::fork::{Forked, Group, fork, pass_on_standard_descriptors_only};
