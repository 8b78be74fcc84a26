//! Blocks signals for the program, with the errors of that.
#![forbid(unsafe_code)]

pub use crate::sys::signal_mask::block;
