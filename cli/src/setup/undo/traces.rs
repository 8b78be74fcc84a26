//! What there is to undo where setup has no journal: undo names it, and changes nothing, since it does not know what
//! was there before.

use crate::desired::{drop_in, expiry};
use crate::host::configuration;
use crate::host::groups::local_list;
use crate::host::sshd::daemon::Daemon;
use crate::host::sshd::files::{SshdConfig, is_begin};
use crate::host::sshd::running::Reread;
use crate::report::{Error, Location};
use crate::setup::choices::is_packaged;
use crate::setup::restoration::{jail_roots, names_module, pam_files};
use crate::setup::sshd::own_block::DROP_IN;
use crate::setup::{atomic, journal, say, syslog};
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Setup's comments in the files of sshd and PAM have it.
const MARK: &str = "`sftpjail setup";

/// Something that setup writes: where it is, and what it does.
struct Trace {
    file: PathBuf,
    /// If it is not the whole file.
    line: Option<usize>,
    what: String,
}

impl Trace {
    fn at(location: &Location, what: impl Into<String>) -> Self {
        Self { file: location.file.clone(), line: Some(location.line), what: what.into() }
    }
}

impl Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what } = self;
        match line {
            Some(line) => write!(f, "{}:{line}: {what}", escaped(file)),
            None => write!(f, "{}: {what}", escaped(file)),
        }
    }
}

/// Prints what is there. The error: something is. `sshd_config`: that of a further sshd.
pub(super) fn report(sshd_config: Option<&Path>, out: &mut impl Write) -> Result<(), Error> {
    // Beside the built-in one, which setup writes.
    let config = configuration::load(None).map_err(Error::from).unwrap_or_else(|error| {
        let what = "Note: what else the configuration names is unknown, such as its jail root";
        say(out, format!("{what}: {}.", error.what));
        Config::default()
    });
    let jailing = jailing(&config, sshd_config)?;
    let (others, uncertain) = (others()?, uncertain(&config)?);
    let is_jailing = !jailing.is_empty();
    if !is_jailing && others.is_empty() {
        let what = "`sftpjail setup` has no journal and no file on this machine";
        say(out, format!("Nothing to undo: {what}."));
        if !uncertain.is_empty() {
            let left: Vec<_> = uncertain.into_iter().map(|(left, _)| left).collect();
            let left = left.join(", ");
            say(out, format!("Remove what setup may have left, if nothing else needs it: {left}."));
        }
        return Ok(());
    }
    let mut is_marked = false;
    for trace in jailing.iter().chain(&others) {
        say(out, trace);
        is_marked |= is_of_setup(&trace.file);
    }
    for (left, what) in uncertain {
        say(out, format!("{left}: {what}, if setup made it and nothing else needs it"));
    }
    let journal = escaped(&journal::file()).to_string();
    let what = match is_marked {
        true => format!("the journal of setup is missing ({journal}), so what was there before is unknown"),
        false => format!(
            "setup has no journal here ({journal}): this system was set up by hand, or the journal has been removed"
        ),
    };
    let daemon = Daemon::find(sshd_config).ok();
    let reread = daemon
        .as_ref()
        .and_then(Daemon::reread)
        .map_or_else(|| Some("reload sshd".into()), Reread::imperative);
    let reread = reread.map_or_else(String::new, |reread| format!(", then {reread}"));
    let order = match is_jailing {
        true => format!(": first sshd's lines{reread}, then PAM's lines, then the rest"),
        false => String::new(),
    };
    Err(Error::new(what, format!("remove by hand what is listed{order}")))
}

/// The lines and files that jail somebody.
fn jailing(config: &Config, sshd_config: Option<&Path>) -> Result<Vec<Trace>, Error> {
    let mut found = Vec::new();
    let roots: Vec<_> = roots(config).into_iter().collect();
    for main in SshdConfig::main_file().into_iter().chain(sshd_config) {
        let config = SshdConfig::read(main)?;
        let own = config.settings.iter().filter(|setting| {
            let is_drop_in = setting.location.file.file_name() == Some(OsStr::new(DROP_IN));
            setting.keyword == "chrootdirectory" && (is_drop_in || setting.chroots_below(&roots))
        });
        for setting in own {
            let what = format!("sshd sends users into {}", escaped(&setting.value));
            found.push(Trace::at(&setting.location, what));
        }
        let lines = lines(main)?;
        if let Some(at) = lines.iter().position(|line| is_begin(line)) {
            let location = Location::single(main.to_owned(), at + 1);
            found.push(Trace::at(&location, "begin of what setup added"));
        }
    }
    for file in pam_files()? {
        for (i, _) in lines(&file)?.iter().enumerate().filter(|(_, line)| names_module(line)) {
            found.push(Trace::at(&Location::single(file.clone(), i + 1), "PAM calls the module"));
        }
    }
    Ok(found)
}

/// What else setup writes, and what does not jail anybody by itself.
fn others() -> Result<Vec<Trace>, Error> {
    let files = [
        (drop_in::PATH, "lets systemd start no user manager for members"),
        (DEFAULT_PATH, "says who is jailed"),
        (syslog::PATH, "gives the log entries of SFTP a file of their own"),
    ];
    let mut found = Vec::new();
    let of_expiry =
        expiry::paths().map(|path| (path, "ends sessions that hold a folder that is no longer granted"));
    for (path, what) in files.map(|(path, what)| (Path::new(path), what)).into_iter().chain(of_expiry) {
        let is_of_setup = match atomic::read(path)? {
            Some(text) => path != Path::new(DEFAULT_PATH) || !is_packaged(&text),
            None => false,
        };
        if is_of_setup {
            found.push(Trace { file: path.to_owned(), line: None, what: what.to_owned() });
        }
    }
    let rotated = syslog::rotated_line()?;
    found.extend(rotated.map(|line| Trace::at(&line, format!("logrotate rotates {}", syslog::LOG))));
    Ok(found)
}

/// What setup makes, too, but what may be there for another reason: what it is, and what it is for.
fn uncertain(config: &Config) -> Result<Vec<(String, &'static str)>, Error> {
    let mut found = Vec::new();
    let existing = roots(config).into_iter().filter(|root| root.is_dir());
    found.extend(existing.map(|root| (escaped(&root).to_string(), "the directory below which jails appear")));
    let files = [drop_in::PATH, DEFAULT_PATH].map(Path::new).into_iter().chain(expiry::paths());
    let is_ours =
        |directory: &&Path| !["/etc/systemd/system", "/etc/cron.d"].map(Path::new).contains(directory);
    for directory in files.filter_map(Path::parent).filter(is_ours) {
        if directory.read_dir().is_ok_and(|mut entries| entries.next().is_none()) {
            found.push((escaped(directory).to_string(), "an empty directory"));
        }
    }
    for group in config.groups() {
        if local_list(group)?.is_some() {
            found.push((format!("the group {}", escaped(group)), "the group of a profile"));
        }
    }
    Ok(found)
}

/// The jail roots of the configuration and of the built-in one.
fn roots(config: &Config) -> BTreeSet<PathBuf> {
    let mut roots: BTreeSet<_> = jail_roots(Some(config), []).into_iter().collect();
    roots.insert(Config::default().jail_root.absolute());
    roots
}

fn lines(file: &Path) -> Result<Vec<String>, Error> {
    let bytes = atomic::read(file)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
}

/// Whether setup has written it, or something in it.
fn is_of_setup(file: &Path) -> bool {
    lines(file).is_ok_and(|lines| lines.iter().any(|line| line.contains(MARK)))
}
