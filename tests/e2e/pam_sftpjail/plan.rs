//! What a jail is made of, and which paths are refused.

mod contents;
mod guard;
mod home;
mod jail_root;
mod owner;
mod syslog;
mod unmounted;
mod volume;
mod walk;
