//! The real clients: sftp, ssh, scp.

use std::ffi::OsStr;
use std::process::Command;
use std::sync::OnceLock;

use crate::output::{Output, run};
use crate::{LiveSftp, Sandbox};

const CONFIG: &str = "\
Host *
    IdentityFile /root/.ssh/id_ed25519
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    ConnectTimeout 10
    NumberOfPasswordPrompts 1
    # The default, sntrup761, costs each login some 50 ms.
    KexAlgorithms curve25519-sha256
";

const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$SANDBOX_PASSWORD\"\n";

/// Private and public host key, private and public client key. One set for each test process: making
/// them is slow, compared with the rest.
static KEYS: OnceLock<[Vec<u8>; 4]> = OnceLock::new();

/// How somebody logs in; see [`Sandbox::login`].
#[must_use = "nothing happens before .sftp(), .ssh(), .scp() or .live()"]
pub struct Login<'a> {
    sandbox: &'a Sandbox,
    user: String,
    password: Option<String>,
    method: Option<String>,
    options: Vec<String>,
}

impl Sandbox {
    /// Keys, known_hosts and the script that answers for passwords, in the sandbox's /root/.ssh.
    pub(crate) fn set_up_client(&self) {
        let [host, host_public, client, client_public] = KEYS.get_or_init(|| {
            self.sh("for k in host client; do ssh-keygen -q -t ed25519 -N '' -C sandbox -f /tmp/$k; done");
            let keys =
                ["/tmp/host", "/tmp/host.pub", "/tmp/client", "/tmp/client.pub"].map(|path| self.read(path));
            self.sh("rm /tmp/host* /tmp/client*");
            keys
        });
        self.write_mode("/etc/ssh/ssh_host_ed25519_key", host, 0o600);
        self.write("/etc/ssh/ssh_host_ed25519_key.pub", host_public);
        self.write_mode("/root/.ssh/id_ed25519", client, 0o600);
        self.write("/root/.ssh/id_ed25519.pub", client_public);
        self.write("/root/.ssh/known_hosts", [b"127.0.0.1 ", &host_public[..]].concat());
        self.write("/root/.ssh/config", CONFIG);
        self.write_mode("/root/.ssh/askpass", ASKPASS, 0o700);
    }

    /// A login as `user`, as typed, with the key unless told otherwise. sshd is started if needed.
    pub fn login(&self, user: &str) -> Login<'_> {
        Login { sandbox: self, user: user.to_owned(), password: None, method: None, options: Vec::new() }
    }

    /// `sftp -b -` with the key. The batch stops at the first error unless its line begins with `-`.
    #[track_caller]
    pub fn sftp(&self, user: &str, batch: &str) -> Output {
        self.login(user).sftp(batch)
    }

    /// `ssh … 127.0.0.1 ARGS` with the key: options, then the command if any.
    #[track_caller]
    pub fn ssh(&self, user: &str, args: &[&str]) -> Output {
        self.login(user).ssh(args)
    }

    /// `scp ARGS` with the key, as `user` on the side that is `127.0.0.1:PATH`.
    #[track_caller]
    pub fn scp(&self, user: &str, args: &[&str]) -> Output {
        self.login(user).scp(args)
    }

    /// A live sftp session with the key; panics with what was printed if the login fails.
    #[track_caller]
    pub fn sftp_live(&self, user: &str) -> LiveSftp {
        self.login(user).live()
    }
}

impl Login<'_> {
    /// Logs in with a password instead of the key.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// `PreferredAuthentications`; else `password` if one is given, `publickey` if not.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// An `-o` of ssh, such as `LogLevel=DEBUG`; wins over the sandbox's own.
    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// See [`Sandbox::sftp`].
    #[track_caller]
    pub fn sftp(&self, batch: &str) -> Output {
        let mut command = self.client("sftp");
        command.args(["-b", "-", "127.0.0.1"]);
        run(command, &format!("sftp as {:?}: {batch:?}", self.user), batch.as_bytes())
    }

    /// See [`Sandbox::ssh`].
    #[track_caller]
    pub fn ssh(&self, args: &[&str]) -> Output {
        let mut command = self.client("ssh");
        command.arg("127.0.0.1").args(args);
        run(command, &format!("ssh as {:?}: {args:?}", self.user), b"")
    }

    /// See [`Sandbox::scp`].
    #[track_caller]
    pub fn scp(&self, args: &[impl AsRef<OsStr>]) -> Output {
        let mut command = self.client("scp");
        command.args(args);
        let args: Vec<_> = args.iter().map(AsRef::as_ref).collect();
        run(command, &format!("scp as {:?}: {args:?}", self.user), b"")
    }

    /// See [`Sandbox::sftp_live`].
    #[track_caller]
    pub fn live(&self) -> LiveSftp {
        let mut command = self.client("sftp");
        command.args(["-b", "-", "127.0.0.1"]);
        LiveSftp::start(command, &self.user)
    }

    /// `sftp`, `ssh` or `scp` with everything but its host and arguments, for what the rest of the
    /// API lacks.
    pub fn client(&self, program: &str) -> Command {
        self.sandbox.sshd();
        let mut command = self.sandbox.command(program);
        for option in &self.options {
            command.args(["-o", option]);
        }
        // ssh takes quotes and backslashes as a configuration file does.
        let user = self.user.replace('\\', "\\\\").replace('"', "\\\"");
        command.args(["-o", &format!("User=\"{user}\"")]);
        let fallback = if self.password.is_some() { "password" } else { "publickey" };
        let method = self.method.as_deref().unwrap_or(fallback);
        command.args(["-o", &format!("PreferredAuthentications={method}")]);
        // Said before `sftp -b`, which would say yes.
        let batch = if self.password.is_some() { "BatchMode=no" } else { "BatchMode=yes" };
        command.args(["-o", batch]);
        if let Some(password) = &self.password {
            command
                .env("SSH_ASKPASS", "/root/.ssh/askpass")
                .env("SSH_ASKPASS_REQUIRE", "force")
                .env("SANDBOX_PASSWORD", password);
        }
        command
    }
}
