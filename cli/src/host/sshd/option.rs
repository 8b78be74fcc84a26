//! The option `--sshd-config` of several verbs, as clap reads it.

use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct SshdConfigOption {
    /// The configuration of the sshd that is meant, if it was started with `sshd -f PATH`.
    #[arg(long, value_name = "PATH", value_parser = existing)]
    sshd_config: Option<PathBuf>,
}

impl SshdConfigOption {
    /// The absolute path, if it was given.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.sshd_config.as_deref()
    }
}

fn existing(text: &str) -> Result<PathBuf, String> {
    let path = std::path::absolute(text).map_err(|error| error.to_string())?;
    match path.metadata() {
        Ok(stat) if stat.is_file() => Ok(path),
        Ok(_) => Err("it is no file".to_owned()),
        Err(error) => Err(crate::report::error::errno(&error)),
    }
}
