//! The texts of the configurations and scripts that the probe writes.
//!
//! sshd gets the system's own configuration, and before it the few settings that a login with a one-time key over a
//! pipe needs.

use crate::host::sshd::effective::Settings;
use crate::host::sshd::privsep::Words;
use crate::host::sshd::running::sets;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The algorithm of the one-time key, as ssh-keygen and as sshd name it. FIPS allows it as well.
pub(super) const KEY_TYPE: &str = "ecdsa";
const KEY_ALGORITHM: &str = "ecdsa-sha2-nistp256";

/// The keyword for the algorithms of keys, and that of OpenSSH before 8.5, which does not know the other one.
const ALGORITHMS: &str = "PubkeyAcceptedAlgorithms";
const ALGORITHMS_BEFORE_8_5: &str = "PubkeyAcceptedKeyTypes";

/// Which of them an sshd knows, by its effective settings. Later ones may not know the old one any more.
pub(super) fn algorithms(settings: &Settings) -> &'static str {
    match settings.get(ALGORITHMS) {
        None if settings.get(ALGORITHMS_BEFORE_8_5).is_some() => ALGORITHMS_BEFORE_8_5,
        _ => ALGORITHMS,
    }
}

/// The keywords of the probe's settings, and what older versions of sshd call them.
const OWN: [&str; 8] = [
    "PidFile",
    "PubkeyAuthentication",
    "AuthenticationMethods",
    ALGORITHMS,
    ALGORITHMS_BEFORE_8_5,
    "AuthorizedKeysCommand",
    "AuthorizedKeysFile",
    "MaxSessions",
];

/// The configuration that sshd is started with. The first value wins (sshd_config(5)), so the system's file is last.
pub(super) fn sshd_config(first: &Path, system: &Path) -> String {
    format!("PidFile none\nInclude {}\nInclude {}\n", first.display(), system.display())
}

/// The settings that the probe needs. They must win over the system's `Match` blocks, so they are in a `Match` block
/// before them. It has a file of its own, because a `Match` block ends with its file, and the system's lines must
/// not be part of it. `algorithms`: the keyword for the algorithms of keys.
///
/// AllowUsers, DenyUsers, host keys, UsePAM and everything about the session are the system's.
pub(super) fn own_settings(authorized_keys: &Path, algorithms: &str) -> String {
    format!(
        "Match all\n    \
         PubkeyAuthentication yes\n    \
         AuthenticationMethods publickey\n    \
         {algorithms} {KEY_ALGORITHM}\n    \
         AuthorizedKeysCommand none\n    \
         AuthorizedKeysFile {}\n    \
         # All steps go through one connection.\n    \
         MaxSessions 10\n",
        authorized_keys.display()
    )
}

/// The shell script that ssh runs as its ProxyCommand: sshd in inetd mode, with the environment that a service
/// manager gives it. It is run by the name `sshd`, which is then its PAM service.
///
/// `scope`: words before the command that move it out of the caller's logind session, if there is one, and into the
/// mounts of the running sshd. Inside of a session pam_systemd does nothing.
///
/// ssh ends its ProxyCommand with a signal. This shell gets it, so that sshd only sees the end of its input, as with
/// any connection, and closes the PAM session.
///
/// `pids`: the files for the pid of the shell, and for that of sshd's monitor, which the shell outlives.
pub(super) fn serve(scope: &str, sshd: &Words, [shell, monitor]: &[PathBuf; 2]) -> String {
    let arguments: Vec<_> = sshd.arguments.iter().map(|argument| quoted(argument)).collect();
    format!(
        "umask 022\nexec 3<&0\necho $$ >{}\n\
         {scope}env -i PATH={} {} {} \"$@\" <&3 3<&- &\n\
         echo $! >{}\nexec 3<&- </dev/null >/dev/null\nwait\n",
        shell.display(),
        crate::host::programs::PATH,
        sshd.program.display(),
        arguments.join(" "),
        monitor.display()
    )
}

/// One word for a shell. sshd takes no bytes for options but those of text.
fn quoted(argument: &OsStr) -> String {
    format!("'{}'", argument.to_string_lossy().replace('\'', "'\\''"))
}

/// Of the options of a running sshd, those that leave the probe's own settings as they are: on the command line they
/// would win over all files. `all`: each option, followed by its value.
pub(super) fn options(all: &[OsString]) -> Vec<OsString> {
    let is_own = |pair: &&[OsString]| pair.last().is_some_and(|value| OWN.iter().any(|own| sets(value, own)));
    all.chunks_exact(2).filter(|pair| !is_own(pair)).flatten().cloned().collect()
}

/// The shell script that runs `serve` with a /dev/log of its own, the socket `log`. Without the programs or the right
/// to do so, it runs it all the same, and why is in the file `unlogged`. `enter`: words before a command that give it
/// the mounts of the running sshd, if there are any; `inside` is what runs sshd with these then, and `serve` enters
/// them itself.
pub(super) fn logged(enter: &str, [serve, inside, log, unlogged]: [&Path; 4]) -> String {
    let [serve, inside, log, unlogged] = [serve, inside, log, unlogged].map(Path::display);
    format!(
        "PATH={}; export PATH\n\
         if {enter}unshare -m mount -n --bind {log} /dev/log 2>{unlogged}; then\n\
         exec {enter}unshare -m /bin/sh -c 'mount -n --bind {log} /dev/log && exec /bin/sh {inside} \"$@\"' sh \"$@\"\n\
         fi\nexec /bin/sh {serve} \"$@\"\n",
        crate::host::programs::PATH
    )
}

/// The shell script that holds the connection until its input ends, so also when the probe is killed. A process that
/// inherits the other end of that pipe keeps the connection open as well.
///
/// It asks ssh to exit before it sends the signal: ssh may miss a signal that comes just before it waits for input.
pub(super) fn hold(ssh: &Path, config: &Path, [serve, said, pid, rest]: [&Path; 4]) -> String {
    let ssh = format!("{} -F {}", ssh.display(), config.display());
    format!(
        "{ssh} -v -o 'ProxyCommand=/bin/sh {}' -M -N probe </dev/null >{said} 2>&1 &\n\
         echo $! >{}\ncat >{}\n{ssh} -O exit probe >>{said} 2>&1\nkill $!\nwait\n",
        serve.display(),
        pid.display(),
        rest.display(),
        said = said.display(),
    )
}

/// The clients' configuration. They read no other configuration, ask no agent, and neither keep nor compare host keys:
/// at the other end of the pipe is the process that was started there.
pub(super) fn ssh_config(user: &str, key: &Path, control: &Path) -> String {
    // ssh takes quotes and backslashes as in a shell.
    let user = user.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = format!("Host *\n    User \"{user}\"\n    HostName probe\n");
    for line in [
        &format!("IdentityFile {}", key.display()),
        &format!("ControlPath {}", control.display()),
        "IdentitiesOnly yes",
        "IdentityAgent none",
        "PreferredAuthentications publickey",
        "BatchMode yes",
        "StrictHostKeyChecking no",
        "UserKnownHostsFile /dev/null",
        "GlobalKnownHostsFile /dev/null",
        "UpdateHostKeys no",
        "ConnectTimeout 30",
        // A client that finds no connection to share must not open one.
        "ProxyCommand /bin/false",
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "    {line}");
    }
    text
}

/// The limits of every client but the one that starts sshd, as a shell sets them. What the server sends is up to the
/// user. So no client can write a file of more than 1 MiB, and none can have more than 64 MiB of memory of its own.
const LIMITS: &str = "ulimit -f 2048; ulimit -d 65536";

/// A shell command that runs a client with these limits.
pub(super) fn limited() -> String {
    format!("{LIMITS}; exec \"$@\"")
}

/// The shell script that gives sftp the batch `begin` at once, and the batch `end` when its input ends, so also when
/// the probe is killed. `end` removes what `begin` made. If a line of `begin` fails, sftp ends at once. Its standard
/// error is only held open while it runs, and not written to.
pub(super) fn keep(sftp: &Path, config: &Path, [begin, end, said, ended]: [&Path; 4]) -> String {
    format!(
        "cat {} - {} | {{ {LIMITS}; {} -F {} -b - probe >{} 2>&1; echo $? >{}; }}\n",
        begin.display(),
        end.display(),
        sftp.display(),
        config.display(),
        said.display(),
        ended.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_the_probe_needs_are_its_own() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let given = words(&[
            "-o",
            "authorizedkeysfile=/x",
            "-o",
            "UsePAM no",
            "-p",
            "22",
            "-o",
            "PidFile /y",
            "-h",
            "/k",
        ]);
        assert_eq!(options(&given), words(&["-o", "UsePAM no", "-p", "22", "-h", "/k"]));
    }

    #[test]
    fn the_keyword_for_algorithms_is_one_that_sshd_knows() {
        let keyword = |text: &str| algorithms(&Settings::parse(text));
        assert_eq!(keyword("usepam yes\npubkeyacceptedkeytypes ssh-ed25519\n"), ALGORITHMS_BEFORE_8_5);
        assert_eq!(keyword("usepam yes\npubkeyacceptedalgorithms ssh-ed25519\n"), ALGORITHMS);
        assert_eq!(keyword(""), ALGORITHMS);
    }

    #[test]
    fn an_argument_is_one_word_for_the_shell() {
        assert_eq!(quoted(OsStr::new("Banner=/it's $(here)")), "'Banner=/it'\\''s $(here)'");
    }
}
