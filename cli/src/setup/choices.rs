//! What the admin has chosen for this machine: which groups are jailed, and where.
//!
//! The options say so or, if the configuration is there already, the configuration does. What sshd, PAM and
//! systemd need for these choices is in `desired/`, the same on every machine.

use super::managed_keys::ManagedKeys;
use super::options::{Options, Profile};
use super::{atomic, journal};
use crate::desired::sshd::{Setting, block, unwritable};
use crate::host::configuration;
use crate::report::Error;
use pam_sftpjail::account::{in_etc_group, known_to_etc_group};
use pam_sftpjail::config::{self, Config, DEFAULT_PATH, owner_masks};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::nss::{Group, User};
use pam_sftpjail::plan::faults;
use pam_sftpjail::policy::never_used;
use std::fmt::{Debug, Display};
use std::path::{Path, PathBuf};

/// The configurations of the two profiles, before the options are put into them.
const HOME: &str = include_str!("../../../config/home.toml");
const UPLOAD_PORTAL: &str = include_str!("../../../config/upload-portal.toml");

/// The line of the templates that says that nobody is exempt.
const NONE_EXEMPT: &str = "exempt_groups = []        ";

/// Groups whose members may become root, by the names that distributions give them.
const ADMIN_GROUPS: [&str; 2] = ["sudo", "wheel"];

impl Profile {
    /// The configuration, and the group in it.
    fn template(self) -> (&'static str, &'static str) {
        match self {
            Self::Home => (HOME, "sftp"),
            Self::UploadPortal => (UPLOAD_PORTAL, "sftp-only"),
        }
    }

    /// The lines of the profile alone, for this group or the usual one.
    fn lines(self, group: Option<&str>) -> String {
        let (template, default) = self.template();
        let from = template.find("[[profile]]").unwrap_or_default();
        let lines = template.get(from..).unwrap_or(template);
        match group {
            Some(group) => lines.replace(&quoted(default), &quoted(group)),
            None => lines.to_owned(),
        }
    }
}

/// The choices. The names of groups in them may need quotes, but can be written into every file that needs them.
pub(super) struct Choices {
    /// The configuration as it will be.
    pub(super) config: Config,
    /// The text of the configuration, if it has to be written.
    pub(super) new_config: Option<String>,
    /// The groups of all profiles.
    pub(super) groups: Vec<String>,
    /// The groups whose members, by /etc/group, are never jailed.
    pub(super) exempt_groups: Vec<String>,
    pub(super) jail_root: PathBuf,
    /// The directories in which logins will make volumes.
    pub(super) volume_parents: Vec<PathBuf>,
    /// Whether the jail root is the argument of `--jail-root`.
    pub(super) is_root_given: bool,
    /// Whose keys count. The configuration does not say it, so sshd's own files are read for it later.
    pub(super) managed_keys: ManagedKeys,
    /// Sentences about the configuration that is there.
    pub(super) notes: Vec<String>,
}

impl Choices {
    /// Reads the configuration, if it is there. The error: it cannot be used, or the options say something
    /// else.
    pub(super) fn read(options: &Options) -> Result<Self, Error> {
        let path = Path::new(DEFAULT_PATH);
        match atomic::read(path)? {
            None => Self::from_options(options),
            // Nobody relies on it yet.
            Some(text) if is_packaged(&text) && options.has_choice() && journal::peek()?.is_none() => {
                Self::from_options(options)
            }
            Some(_) => Self::from_file(path, options),
        }
    }

    fn from_options(options: &Options) -> Result<Self, Error> {
        let profile = options.profile.unwrap_or(Profile::Home);
        let (template, default) = profile.template();
        let group = options.group.as_deref().unwrap_or(default);
        let root = options.jail_root.as_deref().unwrap_or("/jail");
        check_names(&[group.to_owned()], Path::new(root))?;
        let text = template
            .replace("\"/jail\"", &format!("\"{root}\""))
            .replace(" /jail/", &format!(" {}/", root.trim_end_matches('/')))
            .replace(&quoted(default), &quoted(group));
        let mut exempt_groups: Vec<_> = ADMIN_GROUPS.iter().map(|admins| (*admins).to_owned()).collect();
        exempt_groups.retain(|admins| admins != group);
        let known: Vec<_> = known_to_etc_group(&exempt_groups)?.into_iter().map(str::to_owned).collect();
        exempt_groups.retain(|admins| known.contains(admins));
        let text = exempting(&text, &exempt_groups);
        let volume_parents = match profile {
            Profile::Home => Vec::new(),
            Profile::UploadPortal => vec!["/srv/sftp".into()],
        };
        let config = Config::of_text(&text, Path::new(DEFAULT_PATH))
            .map_err(|error| Error::new(error, "choose other names"))?;
        // The sources of the templates are right beside the usual jail root.
        if let Some(fault) = faults(&config).into_iter().next() {
            return Err(Error::new(fault, "choose another --jail-root"));
        }
        Ok(Self {
            config,
            new_config: Some(text),
            groups: vec![group.to_owned()],
            exempt_groups,
            jail_root: root.into(),
            volume_parents,
            is_root_given: options.jail_root.is_some(),
            managed_keys: ManagedKeys::No,
            notes: Vec::new(),
        })
    }

    fn from_file(path: &Path, options: &Options) -> Result<Self, Error> {
        let shown = escaped(path);
        let config = configuration::load(Some(path))?;
        if let Some(fault) = faults(&config).into_iter().next() {
            return Err(Error::new(format!("{shown}:{}: {fault}", fault.line), fault.refusal.fix()));
        }
        let note = |profile: &config::Profile, what: &dyn Display, fix: Fix| {
            format!("{shown}:{}: {what}; {fix}", profile.line.unwrap_or(1))
        };
        let mut notes: Vec<_> =
            never_used(&config).iter().map(|never| note(never.profile, never, never.fix())).collect();
        notes.extend(owner_masks(&config).iter().map(|mask| note(mask.profile, mask, mask.fix())));
        let jail_root = config.jail_root.absolute();
        let mut groups: Vec<String> = Vec::new();
        for group in config.groups() {
            if !groups.iter().any(|known| known == group) {
                groups.push(group.to_owned());
            }
        }
        check_names(&groups, &jail_root)?;
        let conflict =
            |what: String, fix: String| Err(Error::new(format!("{shown} exists and has {what}"), fix));
        if let Some(root) = options.jail_root.as_ref().filter(|root| Path::new(root) != jail_root) {
            let fix =
                format!("write jail_root = \"{}\" there, and run this without --jail-root", escaped(root));
            return conflict(format!("jail_root = \"{}\"", escaped(&jail_root)), fix);
        }
        if let Some(profile) = options.profile {
            let name = if profile == Profile::Home { "home" } else { "upload-portal" };
            if !config.profiles.iter().any(|profile| profile.name == name) {
                let lines = profile.lines(options.group.as_deref());
                let without = if options.group.is_some() { "--profile and --group" } else { "--profile" };
                let fix = format!(
                    "append these lines to it, and run this without {without}:\n\n{}",
                    lines.trim_end()
                );
                return conflict(format!("no profile {name}"), fix);
            }
        }
        if let Some(group) = options.group.as_ref().filter(|group| !groups.contains(group)) {
            let all: Vec<_> = groups.iter().chain([group]).collect();
            let what = format!("groups = {groups:?}");
            let fix = match config.profiles.as_slice() {
                [_] => format!("write groups = {all:?} there, and run this without --group"),
                _ => format!(
                    "add {} to `groups` of a profile there, and run this without --group",
                    escaped(group)
                ),
            };
            return conflict(what, fix);
        }
        Ok(Self {
            new_config: None,
            groups,
            exempt_groups: config.exempt_groups.clone(),
            config,
            jail_root,
            volume_parents: Vec::new(),
            is_root_given: false,
            managed_keys: ManagedKeys::No,
            notes,
        })
    }

    /// What sshd's block for the members has to say.
    pub(super) fn settings(&self) -> Vec<Setting> {
        block(&self.config).into_iter().chain(self.managed_keys.setting()).collect()
    }

    /// Whether the user `name` is in one of the exempt groups; an unknown user is not.
    pub(super) fn exempts(&self, name: &str) -> Result<bool, Error> {
        let Some(user) = User::by_name(name)? else { return Ok(false) };
        Ok(in_etc_group(&self.exempt_groups, &user.name, user.gid)?.is_some())
    }
}

/// The template, with these groups as exempt.
fn exempting<Name: AsRef<str> + Debug>(template: &str, groups: &[Name]) -> String {
    template.replace(NONE_EXEMPT, &format!("{:<26}", format!("exempt_groups = {groups:?}")))
}

/// Whether it is the configuration that a package of ours installs, of which nobody has edited a byte. It has what
/// setup would write: on Debian, `sudo` is exempt, on Red Hat `wheel`.
pub(super) fn is_packaged(text: &[u8]) -> bool {
    ADMIN_GROUPS.iter().any(|admins| exempting(HOME, &[admins]).as_bytes() == text)
}

/// The group as a list of TOML.
fn quoted(group: &str) -> String {
    format!("[\"{}\"]", group.replace('\\', "\\\\"))
}

/// Refuses groups whose names sshd or systemd would read as something else, missing ones that no tool can add, and
/// jail roots that would need quotes.
fn check_names(groups: &[String], jail_root: &Path) -> Result<(), Error> {
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    for group in groups {
        let shown = escaped(group);
        if let Some(why) = unwritable(group) {
            let what = format!("{shown} cannot be the name of the group: {why}");
            return Err(Error::new(what, "choose another group"));
        }
        let can_be_added = is_plain(group) && group.len() <= 32;
        if !can_be_added && Group::by_name(group)?.is_none() {
            let what = format!(
                "there is no group {shown}, and setup can add only a group whose name has no more than 32 letters, \
                 digits, _, - and ."
            );
            return Err(Error::new(what, "see how NSS spells it (getent group), or choose another name"));
        }
    }
    let is_plain_path = |path: &Path| {
        path.to_str().and_then(|path| path.strip_prefix('/')).is_some_and(|rest| {
            rest.split('/').all(|name| !name.is_empty() && is_plain(name) && name != "." && name != "..")
        })
    };
    if !is_plain_path(jail_root) {
        let of_root = Path::new("/").join(jail_root);
        let fix = match jail_root.is_relative() && is_plain_path(&of_root) {
            true => format!("write the absolute path, such as {}", escaped(&of_root)),
            false => "choose an absolute path of letters, digits, _, - and . only".to_owned(),
        };
        return Err(Error::new(format!("{} cannot be the jail root", escaped(jail_root)), fix));
    }
    Ok(())
}
