//! How many of the moments at which something can happen, or of the places where, a test tries.

use std::env::var_os;

/// One moment, or place, in this many is tried: each with `make exhaustive`, every third with `make test`, which is to
/// stay short.
#[must_use]
pub fn one_moment_in() -> usize {
    if var_os("EXHAUSTIVE").is_some() { 1 } else { 3 }
}
