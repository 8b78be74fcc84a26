//! What a profile and a user's grants say, as a value: written as the files that sftpjail reads, and read by
//! [`super::model`].

/// A volume, or a granted folder.
pub(super) struct Folder {
    pub(super) source: &'static str,
    pub(super) target: &'static str,
    pub(super) writable: bool,
    pub(super) owner: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    ReadWrite,
    ReadOnly,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    None,
    /// The host's socket.
    Socket,
    /// The directory that the README's [Logging] has rsyslog listen in.
    Directory,
}

/// All that decides what mle may see.
pub(super) struct Terms {
    pub(super) home: Home,
    pub(super) home_owner: Option<&'static str>,
    pub(super) guard: &'static [&'static str],
    pub(super) volumes: Vec<Folder>,
    pub(super) grants: Vec<Folder>,
    pub(super) log: Log,
    /// `names` and `localtime`.
    pub(super) listings: bool,
}

impl Terms {
    /// `config.toml`, without its namespace.
    pub(super) fn profile(&self) -> String {
        let home = match self.home {
            Home::ReadWrite => "read-write",
            Home::ReadOnly => "read-only",
            Home::None => "none",
        };
        let (log, listings) = (self.log != Log::None, self.listings);
        let mut text = format!(
            "[[profile]]\nname = \"seen\"\ngroups = [\"sftp\"]\nhome = \"{home}\"\nlog = {log}\nnames = {listings}\n\
             localtime = {listings}\n"
        );
        if let Some(owner) = self.home_owner {
            text += &format!("home_owner = \"{owner}\"\n");
        }
        if !self.guard.is_empty() {
            text += &format!("guard = {:?}\n", self.guard);
        }
        for Folder { source, target, writable, owner } in &self.volumes {
            let read_only = !writable;
            text += &format!(
                "[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{target}\"\nread_only = {read_only}\n"
            );
            text += &of(owner);
        }
        text
    }

    /// `grants.d/mle.toml`.
    pub(super) fn granted(&self) -> String {
        let mut text = String::new();
        for Folder { source, target, writable, owner } in &self.grants {
            let access = if *writable { "read-write" } else { "read-only" };
            text += &format!(
                "[[grant]]\nfolder = \"{source}\"\nat = \"{target}\"\naccess = \"{access}\"\n{}",
                of(owner)
            );
        }
        text
    }
}

fn of(owner: &Option<&str>) -> String {
    owner.map(|owner| format!("owner = \"{owner}\"\n")).unwrap_or_default()
}
