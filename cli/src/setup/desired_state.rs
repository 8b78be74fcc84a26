//! What is to be set up: told by the options or, where there is one already, by the configuration.

use super::atomic;
use super::options::{Options, Profile};
use crate::report::Error;
use pam_sftpjail::account::{in_etc_group, known_to_etc_group};
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::User;
use std::path::{Path, PathBuf};

/// The README's.
const HOME: &str = include_str!("../../../config/home.toml");
const UPLOAD_PORTAL: &str = include_str!("../../../config/upload-portal.toml");

/// As the templates have it.
const NONE_EXEMPT: &str = "exempt_groups = []        ";

/// Groups of those who may become root, as distributions name them.
const ADMINS: [&str; 2] = ["sudo", "wheel"];

impl Profile {
    fn template(self) -> (&'static str, &'static str) {
        match self {
            Self::Home => (HOME, "sftp"),
            Self::UploadPortal => (UPLOAD_PORTAL, "sftp-only"),
        }
    }
}

pub(super) struct DesiredState {
    /// The text of a configuration that is still to be written.
    pub(super) text: Option<String>,
    /// Of every profile.
    pub(super) groups: Vec<String>,
    /// Whose members, by /etc/group, are never jailed.
    pub(super) exempt_groups: Vec<String>,
    pub(super) jail_root: PathBuf,
    /// Directories in which volumes are made at the first login.
    pub(super) shelves: Vec<PathBuf>,
}

impl DesiredState {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let path = Path::new(DEFAULT_PATH);
        match atomic::read(path)? {
            None => Self::of_options(options),
            Some(_) => Self::of_file(path, options),
        }
    }

    fn of_options(options: &Options) -> Result<Self, Error> {
        let profile = options.profile.unwrap_or(Profile::Home);
        let (template, default) = profile.template();
        let group = options.group.as_deref().unwrap_or(default);
        let root = options.jail_root.as_deref().unwrap_or("/jail");
        checked(&[group.to_owned()], Path::new(root))?;
        let text = template
            .replace("\"/jail\"", &format!("\"{root}\""))
            .replace(" /jail/", &format!(" {}/", root.trim_end_matches('/')))
            .replace(&format!("[\"{default}\"]"), &format!("[\"{group}\"]"));
        let mut exempt_groups: Vec<_> = ADMINS.iter().map(|admins| (*admins).to_owned()).collect();
        exempt_groups.retain(|admins| admins != group);
        let known: Vec<_> = known_to_etc_group(&exempt_groups)?.into_iter().map(str::to_owned).collect();
        exempt_groups.retain(|admins| known.contains(admins));
        let text =
            text.replace(NONE_EXEMPT, &format!("{:<26}", format!("exempt_groups = {exempt_groups:?}")));
        let shelves = match profile {
            Profile::Home => Vec::new(),
            Profile::UploadPortal => vec!["/srv/sftp".into()],
        };
        Ok(Self {
            text: Some(text),
            groups: vec![group.to_owned()],
            exempt_groups,
            jail_root: root.into(),
            shelves,
        })
    }

    fn of_file(path: &Path, options: &Options) -> Result<Self, Error> {
        let shown = escaped(path);
        let config = Config::load(Some(path)).map_err(|error| Error::new(error, "fix it first"))?;
        let jail_root = config.jail_root.absolute();
        let mut groups: Vec<String> = Vec::new();
        for group in config.groups() {
            if !groups.iter().any(|known| known == group) {
                groups.push(group.to_owned());
            }
        }
        checked(&groups, &jail_root)?;
        let says = |what: &str, option: &str| {
            let fix = format!("edit that file, and run this without {option}");
            Err(Error::new(format!("{shown} is there already and says {what}"), fix))
        };
        if options.jail_root.as_ref().is_some_and(|root| Path::new(root) != jail_root) {
            return says(&format!("jail_root = \"{}\"", escaped(&jail_root)), "--jail-root");
        }
        if options.group.as_ref().is_some_and(|group| !groups.contains(group)) {
            return says(&format!("groups = {groups:?}"), "--group");
        }
        if let Some(desired) = options.profile {
            let name = if desired == Profile::Home { "home" } else { "upload-portal" };
            if !config.profiles.iter().any(|profile| profile.name == name) {
                return says(&format!("nothing of a profile {name}"), "--profile");
            }
        }
        Ok(Self { text: None, groups, exempt_groups: config.exempt_groups, jail_root, shelves: Vec::new() })
    }

    /// Whether the user is in one of the exempt groups.
    pub(super) fn exempts(&self, name: &str) -> Result<bool, Error> {
        let Some(user) = User::by_name(name)? else { return Ok(false) };
        Ok(in_etc_group(&self.exempt_groups, &user.name, user.gid)?.is_some())
    }
}

/// They are written into files of three formats and given to commands: plain ones need no quotes.
fn checked(groups: &[String], jail_root: &Path) -> Result<(), Error> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    for group in groups {
        if group.is_empty() || group.starts_with('-') || group.len() > 32 || !plain(group) {
            let fix = "choose one of letters, digits, _, - and . only";
            return Err(Error::new(format!("{} is no name for a group here", escaped(group)), fix));
        }
    }
    let is_plain = jail_root.to_str().is_some_and(|path| {
        path.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|name| !name.is_empty() && plain(name) && name != "." && name != "..")
        })
    });
    if !is_plain {
        let fix = "choose an absolute one of letters, digits, _, - and . only";
        return Err(Error::new(format!("{} is no path for a jail root here", escaped(jail_root)), fix));
    }
    Ok(())
}
