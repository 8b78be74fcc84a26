//! Sessions: how they begin, how many at once, what they leave in the calling process, and the refused ones.

mod denied;
mod logins;
mod parallel;
mod process;
mod refused_connection;
mod waiting;
