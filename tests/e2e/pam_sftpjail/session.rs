//! Sessions: how they begin, how many at once, what they leave in the calling process, and the refused ones.

mod caller;
mod logins;
mod parallel;
mod refused;
