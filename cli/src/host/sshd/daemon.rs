//! Finds the installed sshd, and asks it for its effective settings.

mod run;

use super::connections::Connection;
use super::effective::Settings;
use super::files::{MAIN, SshdConfig};
use super::running::{self, Reread, Running, Socket, of_login};
use crate::host::process_table::Found;
use crate::host::programs;
use crate::report::Error;
use crate::report::error::AS_ROOT;
use nix::unistd::geteuid;
use pam_sftpjail::escape::escaped;
use run::{missing_directory, version};
use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The sshd binary, which reads the configuration and listens, also since OpenSSH 9.8.
pub(crate) struct Daemon {
    pub(crate) binary: PathBuf,
    /// The file of its configuration, if it is not the usual one.
    file: Option<PathBuf>,
    /// Whether it accepts what the user's own group can write; asked once.
    group_may_write: OnceCell<bool>,
    /// What it says of its version; asked once.
    version: OnceCell<Option<(u32, u32)>>,
    /// All sshds that listen on this system.
    listening: Vec<Running>,
    /// Why more may run, or be started at the next connection.
    unseen: Option<Error>,
    /// Options that it gets besides.
    options: Vec<OsString>,
    /// What starts sshds at the next connection.
    sockets: Vec<Socket>,
    /// How it is made to read its files again; asked once.
    reread: OnceCell<Option<Reread>>,
    /// Whether any sshd listens on this system.
    is_any_running: bool,
    /// Its directory of privilege separation, if that is missing, and only because no sshd has been started; it says so
    /// when it is run.
    lent_directory: OnceCell<PathBuf>,
}

/// An sshd with this configuration: one that runs, or one that a socket of systemd's will start.
pub(crate) struct Served<'a> {
    /// What it is called in a sentence.
    pub(crate) name: String,
    /// The options of its command line that change its settings.
    options: &'a [OsString],
}

impl<'a> Served<'a> {
    fn running(sshd: &'a Running) -> Self {
        Self { name: sshd.name(), options: sshd.options() }
    }

    fn by_socket(socket: &'a Socket) -> Self {
        Self { name: escaped(&socket.service).to_string(), options: &socket.options }
    }
}

/// Why sshd gives no settings.
#[derive(Clone)]
pub(crate) enum NoAnswer {
    /// Its configuration is broken, so it serves nobody.
    Broken(Error),
    /// It could not be asked, perhaps only because this is not root.
    Unknown(Error),
}

impl NoAnswer {
    /// The error, whichever it is.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Broken(error) | Self::Unknown(error) => error,
        }
    }
}

impl Daemon {
    /// Finds the binary: that of the sshd which runs with this configuration, if only root can change it, or else the
    /// installed one. On Alpine, an sshd with PAM has the first name. `file`: that of its configuration, if it is not
    /// the usual one.
    pub(crate) fn find(file: Option<&Path>) -> Result<Self, Error> {
        let file = file.filter(|file| Some(*file) != SshdConfig::main_file()).map(Path::to_owned);
        let Found { found: listening, unseen } = running::all();
        let mut daemon = Self {
            binary: PathBuf::new(),
            file,
            group_may_write: OnceCell::new(),
            version: OnceCell::new(),
            is_any_running: false,
            listening,
            unseen,
            options: Vec::new(),
            sockets: Vec::new(),
            reread: OnceCell::new(),
            lent_directory: OnceCell::new(),
        };
        daemon.is_any_running = !daemon.listening.is_empty();
        let running = daemon.running().next().and_then(Running::program);
        let installed = || ["sshd.pam", "sshd"].into_iter().find_map(programs::find);
        daemon.binary = running.map(Path::to_owned).or_else(installed).ok_or_else(|| {
            Error::new(format!("there is no sshd in {}", programs::PATH), "install OpenSSH's server")
        })?;
        if geteuid().is_root() {
            match Socket::all(&daemon.listening) {
                Ok(sockets) => daemon.sockets = sockets,
                Err(why) => drop(daemon.unseen.get_or_insert(why)),
            }
            daemon.options = daemon.socket().map_or_else(Vec::new, |socket| socket.options.clone());
        }
        Ok(daemon)
    }

    /// The sshds that run with this configuration.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Running> + Clone {
        self.listening.iter().filter(|sshd| self.has_file(sshd.file()))
    }

    /// The sockets that start an sshd with this configuration at the next connection.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = &Socket> + Clone {
        self.sockets.iter().filter(|socket| self.has_file(socket.file.as_deref()))
    }

    /// Why there may be more of these, and of those with other configurations. `None`: there are no more.
    pub(crate) fn unseen(&self) -> Option<&Error> {
        self.unseen.as_ref()
    }

    /// What serves with this configuration: the sshds that run, and then those that sockets will start.
    fn served(&self) -> impl Iterator<Item = Served<'_>> {
        self.running().map(Served::running).chain(self.sockets().map(Served::by_socket))
    }

    /// Of those, the first, and each that is started with other settings than all before it.
    pub(crate) fn different(&self) -> Vec<Served<'_>> {
        let mut found: Vec<Served<'_>> = Vec::new();
        for served in self.served() {
            if !found.iter().any(|known| of_login(known.options).eq(of_login(served.options))) {
                found.push(served);
            }
        }
        found
    }

    /// The same sshd with another file, and with these options instead of those of the running one.
    pub(crate) fn with(&self, file: &Path, options: Vec<OsString>) -> Self {
        let binary = self.binary.clone();
        let (file, listening) = (Some(file.to_owned()), Vec::new());
        Self {
            binary,
            file,
            group_may_write: OnceCell::new(),
            version: OnceCell::new(),
            listening,
            unseen: self.unseen.clone(),
            options,
            sockets: Vec::new(),
            reread: OnceCell::new(),
            is_any_running: self.is_any_running,
            lent_directory: self.lent_directory.clone(),
        }
    }

    /// The option `-o` that sets this, and the name of what has it: an sshd that runs, or the service that starts it at
    /// the next connection. It wins over all files, but not over their `Match` blocks.
    pub(crate) fn option(&self, keyword: &str, value: &str) -> Option<(String, &OsStr)> {
        let sets = |option: &&OsString| {
            running::value_set(option, keyword).is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        self.served()
            .find_map(|Served { name, options }| Some((name, of_login(options).find(sets)?.as_os_str())))
    }

    /// What starts it at the next connection, where it does not run.
    pub(crate) fn socket(&self) -> Option<&Socket> {
        self.sockets().find(|_| self.running().next().is_none())
    }

    /// The options with which the first that runs was started, or with which systemd's socket will start it.
    pub(crate) fn started_with(&self) -> &[OsString] {
        self.running().next().map_or(&self.options, Running::options)
    }

    /// The sockets that start an sshd with another configuration.
    pub(crate) fn sockets_of_others(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.iter().filter(|socket| !self.has_file(socket.file.as_deref()))
    }

    /// How it is made to read its files again, by the first that runs. `None`: nothing is known of any.
    pub(crate) fn reread(&self) -> Option<&Reread> {
        let of_socket = || self.socket().map(Reread::of_socket);
        self.reread.get_or_init(|| self.running().next().map(Reread::of).or_else(of_socket)).as_ref()
    }

    /// The sshds that run with another one.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Running> {
        self.listening.iter().filter(|sshd| !self.has_file(sshd.file()))
    }

    /// Whether this is its configuration. `None`: the usual one.
    fn has_file(&self, file: Option<&Path>) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        file.map_or(self.file.is_none(), |file| real(file) == real(self.main_file()))
    }

    /// The name of its PAM service. Before OpenSSH 9.8, it is the name by which sshd was started.
    pub(crate) fn pam_service(&self, settings: Option<&Settings>) -> String {
        let name = self.binary.file_name().and_then(OsStr::to_str).filter(|name| *name != "sshd.pam");
        settings.and_then(|settings| settings.get("PAMServiceName")).or(name).unwrap_or("sshd").to_owned()
    }

    /// The file of its configuration, if it is not the usual one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The file of its configuration.
    pub(crate) fn main_file(&self) -> &Path {
        match &self.file {
            Some(file) => file,
            None => SshdConfig::main_file().unwrap_or(Path::new(MAIN[0])),
        }
    }

    /// The arguments with which it reads that file and has the settings of the running sshd's command line, and then
    /// these.
    pub(crate) fn arguments(&self, arguments: &[&str]) -> Vec<OsString> {
        self.arguments_as(self.started_with(), arguments)
    }

    fn arguments_as(&self, options: &[OsString], arguments: &[&str]) -> Vec<OsString> {
        let file = self.file.iter().flat_map(|file| [OsStr::new("-f"), file.as_os_str()]);
        let options = options.iter().map(OsString::as_os_str);
        file.chain(options).chain(arguments.iter().map(OsStr::new)).map(OsStr::to_owned).collect()
    }

    /// Runs `sshd -t`. The error: sshd cannot read its configuration.
    pub(crate) fn test(&self) -> Result<(), Error> {
        let output = self.run(self.arguments(&["-t"]))?;
        match output.success {
            true => Ok(()),
            false => Err(self.complaint("-t", &output)),
        }
    }

    /// Runs `sshd -T`: the effective settings for a user, by the name that is typed, over a connection.
    pub(crate) fn ask(&self, user: &str, connection: &Connection) -> Result<Settings, NoAnswer> {
        // Without being root, that may be the reason for every error.
        let as_root = |error: Error| match geteuid().is_root() {
            true => error,
            false => Error::new(error.what, AS_ROOT),
        };
        let place = connection.sshd.as_ref().map_or(0, |(place, _)| *place);
        let options = self.different().get(place).map_or(self.started_with(), |served| served.options);
        let asked = connection.of_user(user);
        let output = self
            .run(self.arguments_as(options, &["-T", "-C", &asked]))
            .map_err(|error| NoAnswer::Unknown(as_root(error)))?;
        if output.success {
            return Ok(Settings::parse(&output.stdout));
        }
        let error = as_root(self.complaint("-T", &output));
        // Without that directory, one that listens serves nobody; before one is started, that may be the only reason.
        let is_only_before_start = missing_directory(&output).is_some() && !self.is_any_running;
        let is_unknown = output.killed.is_some() || !geteuid().is_root() || is_only_before_start;
        Err(if is_unknown { NoAnswer::Unknown(error) } else { NoAnswer::Broken(error) })
    }

    /// Whether StrictModes accepts files that the user's own group can write. It does on Debian and Ubuntu,
    /// by their user-group-modes.patch; only their sshd knows this option.
    pub(crate) fn lets_own_group_write(&self) -> bool {
        *self.group_may_write.get_or_init(|| {
            let arguments = self.arguments(&["-t", "-o", "DebianBanner=no"]);
            self.run(arguments).is_ok_and(|output| output.success)
        })
    }

    /// The version of OpenSSH, such as 9.2. `None`: it does not say.
    pub(crate) fn version(&self) -> Option<(u32, u32)> {
        *self.version.get_or_init(|| version(&self.run(vec!["-V".into()]).ok()?.words))
    }
}

impl std::fmt::Display for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        escaped(&self.binary).fmt(f)
    }
}
