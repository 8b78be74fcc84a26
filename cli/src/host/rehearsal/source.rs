//! The configuration with which a rehearsal builds the jail. Each rehearsal reads a file anew, as a login does.

use crate::host::configuration;
use crate::report::Error;
use pam_sftpjail::config::Config;
use std::borrow::Cow;
use std::path::Path;

/// Where it is.
pub(super) enum Source<'c> {
    /// This file, or the usual one.
    File(Option<&'c Path>),
    /// One that is in no file yet.
    Value(Box<Config>),
}

impl Source<'_> {
    pub(super) fn load(&self) -> Result<Cow<'_, Config>, Error> {
        match self {
            Self::File(path) => Ok(Cow::Owned(configuration::load(*path)?)),
            Self::Value(config) => Ok(Cow::Borrowed(config)),
        }
    }
}
