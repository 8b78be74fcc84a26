//! What there is to undo where setup has no journal: undo names it, and changes nothing, since it does not know what was
//! there before.

use crate::desired::drop_in;
use crate::host::configuration;
use crate::host::sshd::files::{BEGIN, SshdConfig};
use crate::report::{Error, Location};
use crate::setup::restoration::{is_below, jail_roots, names_module, pam_files};
use crate::setup::sshd::own_block::DROP_IN;
use crate::setup::{atomic, journal, say, syslog};
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

/// Setup's comments in the files of sshd and PAM have it.
const MARK: &str = "`sftpjail setup";

/// Prints what is there. The error: something is. `sshd_config`: that of a further sshd.
pub(super) fn report(sshd_config: Option<&Path>, out: &mut impl Write) -> Result<(), Error> {
    let (needed, files) = (jailing(sshd_config)?, files());
    if needed.is_empty() {
        say(out, "Nothing to undo: `sftpjail setup` has changed nothing on this machine.");
        return Ok(());
    }
    let mut is_marked = false;
    for (location, what) in &needed {
        say(out, format!("{location}: {what}"));
        is_marked |= is_of_setup(&location.file);
    }
    for (file, what) in files {
        say(out, format!("{}: {what}", escaped(file)));
    }
    let journal = escaped(&journal::file()).to_string();
    let what = match is_marked {
        true => format!("the journal of setup is missing ({journal}), so what was there before is unknown"),
        false => format!("this system was set up by hand: setup has no journal here ({journal})"),
    };
    let fix = "remove by hand what is listed: first sshd's lines, then reload sshd, then PAM's lines, then the rest";
    Err(Error::new(what, fix))
}

/// The lines and files that jail somebody.
fn jailing(sshd_config: Option<&Path>) -> Result<Vec<(Location, String)>, Error> {
    let mut found = Vec::new();
    let config = configuration::load(None).map_err(Error::from)?;
    let mut roots = jail_roots(Some(&config), []);
    roots.push(Config::default().jail_root.absolute());
    for main in SshdConfig::main_file().into_iter().chain(sshd_config) {
        let config = SshdConfig::read(main);
        let own = config.settings.iter().filter(|setting| {
            let is_drop_in = setting.location.file.file_name() == Some(OsStr::new(DROP_IN));
            setting.keyword == "chrootdirectory" && (is_drop_in || is_below(setting, &roots))
        });
        for setting in own {
            let what = format!("sshd sends users into {}", escaped(&setting.value));
            found.push((setting.location.clone(), what));
        }
        let lines = lines(main)?;
        if let Some(at) = lines.iter().position(|line| line == BEGIN.trim_end()) {
            let location = Location::single(main.to_owned(), at + 1);
            found.push((location, "begin of what setup added".to_owned()));
        }
    }
    for file in pam_files()? {
        for (i, _) in lines(&file)?.iter().enumerate().filter(|(_, line)| names_module(line)) {
            found.push((Location::single(file.clone(), i + 1), "PAM calls the module".to_owned()));
        }
    }
    Ok(found)
}

/// The files that setup writes as a whole, and that do not jail anybody by themselves.
fn files() -> impl Iterator<Item = (&'static Path, &'static str)> {
    let files = [
        (drop_in::PATH, "keeps systemd's user managers from members"),
        (DEFAULT_PATH, "says who is jailed"),
        (syslog::PATH, "gives the log entries of SFTP a file of their own"),
    ];
    files.into_iter().map(|(path, what)| (Path::new(path), what)).filter(|(path, _)| path.exists())
}

fn lines(file: &Path) -> Result<Vec<String>, Error> {
    let bytes = atomic::read(file)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
}

/// Whether setup has written it, or something in it.
fn is_of_setup(file: &Path) -> bool {
    lines(file).is_ok_and(|lines| lines.iter().any(|line| line.contains(MARK)))
}
