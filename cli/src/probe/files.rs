//! What sshd and ssh are told: the system's own configuration, and before it the little that a login
//! with a one-time key over a pipe must have otherwise.

use std::fmt::Write;
use std::path::Path;

/// The algorithm of the one-time key, as ssh-keygen and as sshd call it: one that FIPS allows too.
pub(super) const KEY_TYPE: &str = "ecdsa";
const KEY_ALGORITHM: &str = "ecdsa-sha2-nistp256";

/// The file that sshd is given. What stands first wins (sshd_config(5)), so the system's file is last.
pub(super) fn sshd_config(first: &Path, system: &Path) -> String {
    format!("PidFile none\nInclude {}\nInclude {}\n", first.display(), system.display())
}

/// What must win over the system's `Match` blocks too, and so stands in one before them. It needs a file
/// of its own: a `Match` ends with its file, and the system's lines must not be inside of it.
///
/// AllowUsers, DenyUsers, host keys, UsePAM and everything about the session are the system's.
pub(super) fn first(authorized_keys: &Path) -> String {
    format!(
        "Match all\n    \
         PubkeyAuthentication yes\n    \
         AuthenticationMethods publickey\n    \
         PubkeyAcceptedAlgorithms {KEY_ALGORITHM}\n    \
         AuthorizedKeysCommand none\n    \
         AuthorizedKeysFile {}\n    \
         # All steps go through one connection.\n    \
         MaxSessions 10\n",
        authorized_keys.display()
    )
}

/// The shell script that ssh calls as its ProxyCommand: sshd in inetd mode, with the environment that a
/// service manager gives it. Its PAM service is the name by which it is run.
///
/// `scope`: words before the command that take it out of the caller's session of logind's, if there is one:
/// for a login in a session pam_systemd does nothing.
///
/// ssh ends its ProxyCommand by a signal. That reaches this shell, so that sshd sees no more than the end
/// of its input, as with any connection, and closes the PAM session.
pub(super) fn serve(scope: &str, sshd: &Path, config: &Path, pid: &Path) -> String {
    format!(
        "umask 022\nexec 3<&0\n\
         {scope}env -i PATH={} {} -i -f {} \"$@\" <&3 3<&- &\n\
         echo $! >{}\nexec 3<&- </dev/null >/dev/null\nwait\n",
        crate::host::programs::PATH,
        sshd.display(),
        config.display(),
        pid.display()
    )
}

/// The shell script that holds the connection: until its input ends, and so also when the probe is killed.
/// Whoever else is to have the connection until then inherits the other end of that pipe.
///
/// ssh is asked to end, and only then told: a signal that it gets between two looks at its connections, it
/// may sleep over.
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

/// The clients' configuration. Nothing of the user's or the system's is read, no agent asked, no host key
/// kept or compared: at the other end of a pipe is the process that was started there.
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
        "ConnectTimeout 20",
        // For a client that finds no connection to share.
        "ProxyCommand /bin/false",
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "    {line}");
    }
    text
}

/// The shell's command for a client that writes no file of more than 1 MiB, whatever the user makes of what
/// it fetches.
pub(super) const LIMITED: &str = "ulimit -f 2048; exec \"$@\"";

/// The shell script that gives sftp the batch `begin`, then what comes, and at the end of its input, also
/// when the probe is killed, the batch `end`, which removes what `begin` made. Where a line of `begin` fails,
/// sftp ends at once. Its standard error is inherited for as long as it runs, and not written to.
pub(super) fn keep(sftp: &Path, config: &Path, [begin, end, said, ended]: [&Path; 4]) -> String {
    format!(
        "cat {} - {} | {{ {} -F {} -b - probe >{} 2>&1; echo $? >{}; }}\n",
        begin.display(),
        end.display(),
        sftp.display(),
        config.display(),
        said.display(),
        ended.display(),
    )
}
