//! Reads systemd's services: which one a process belongs to, and where its files set what restricts it.

use super::files::in_files;
use super::{Setting, is_booted, systemctl, unanswered};
use crate::host::process_table;
use crate::report::Error;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// The service that a process belongs to, by its cgroup. `None`: to none, or it has ended.
pub(crate) fn of_process(pid: i32) -> Result<Option<String>, Error> {
    let text = process_table::read(pid, "cgroup")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // A line each for the unified hierarchy, and for systemd's own of older systems: cgroups(7). Either may say
    // nothing.
    let paths = text.lines().filter_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        (number == "0" || controllers == "name=systemd").then_some(path)
    });
    // A service may have delegated parts of its cgroup.
    let mut names = paths.flat_map(|path| path.rsplit('/'));
    Ok(names.find(|name| name.ends_with(".service")).map(str::to_owned))
}

/// The processes of a service. The error: there may be more.
pub(crate) fn processes(unit: &str) -> Result<Vec<i32>, Error> {
    let mut own = Vec::new();
    for process in process_table::all().whole()? {
        if of_process(process.pid)?.as_deref() == Some(unit) {
            own.push(process.pid);
        }
    }
    Ok(own)
}

/// The `KillMode=` of a service, if with that its end is that of all of its processes. Where systemd does not say, its
/// default counts, with which that is so: systemd.kill(5).
pub(crate) fn fatal_kill_mode(unit: &str) -> Option<String> {
    fatal(&systemctl(&["show", "-p", "KillMode", "--", unit]).unwrap_or_default())
}

fn fatal(shown: &str) -> Option<String> {
    let mode = shown.trim().strip_prefix("KillMode=").unwrap_or("control-group");
    (!["process", "none"].contains(&mode)).then(|| mode.to_owned())
}

/// The name of a unit for systemctl. A template is no unit; an instance of it is.
fn loadable(unit: &str) -> String {
    unit.replace("@.", "@sftpjail.")
}

/// The files of a service that systemd has loaded, in the order in which it reads them. The error: it does not answer.
fn files(unit: &str) -> Result<Vec<PathBuf>, Error> {
    if !is_booted() {
        return Ok(Vec::new());
    }
    let shown = systemctl(&["show", "-p", "FragmentPath,DropInPaths", "--", &loadable(unit)])
        .map_err(|why| unanswered(&why))?;
    let value = |key: &str| shown.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    let all = value("FragmentPath=").split(' ').chain(value("DropInPaths=").split(' '));
    Ok(all.filter(|path| !path.is_empty()).map(PathBuf::from).collect())
}

/// The settings of these names that a service's files make, without those that an empty value resets. The error: there
/// may be more.
pub(crate) fn settings(unit: &str, names: &[&'static str]) -> Result<Vec<(&'static str, Setting)>, Error> {
    let files = files(unit)?;
    let mut found = Vec::new();
    for name in names {
        let all = in_files(&files, name)?;
        let reset = all.iter().rposition(|setting| setting.value.is_empty()).map_or(0, |last| last + 1);
        found.extend(all.into_iter().skip(reset).map(|setting| (*name, setting)));
    }
    Ok(found)
}

/// The first of these units that systemd starts at boot. `None`: it starts none, or does not answer.
pub(crate) fn first_enabled(units: &[&'static str]) -> Option<&'static str> {
    let is_enabled =
        |unit: &&&str| systemctl(&["is-enabled", "--", unit]).is_ok_and(|answer| answer.trim() == "enabled");
    units.iter().filter(|_| is_booted()).find(is_enabled).copied()
}

/// A socket of systemd's that accepts connections over TCP.
pub(crate) struct ActiveSocket {
    /// Its unit.
    pub(crate) unit: String,
    /// The service that it starts, or with `Accept=yes` the template of one for each connection.
    pub(crate) service: String,
    pub(crate) ports: BTreeSet<u16>,
}

/// The active sockets of systemd's that listen on a port. The error: systemd does not answer.
pub(crate) fn active_sockets() -> io::Result<Vec<ActiveSocket>> {
    if !is_booted() {
        return Ok(Vec::new());
    }
    // Of a pattern, it shows the units that are loaded.
    let properties = "Id,ActiveState,Accept,Triggers,Listen";
    let shown = systemctl(&["show", "-p", properties, "--", "*.socket"])?;
    Ok(shown.split("\n\n").filter_map(active_socket).collect())
}

/// Whether an active socket may start this service. Where systemd does not say, it may: a reload ends for good an sshd
/// that has its socket from systemd, and a restart is refused where it would end sessions.
pub(crate) fn may_have_active_socket(unit: &str) -> bool {
    may_start(active_sockets().ok(), unit)
}

fn may_start(sockets: Option<Vec<ActiveSocket>>, unit: &str) -> bool {
    sockets.is_none_or(|all| all.iter().any(|socket| socket.service == unit))
}

/// What `systemctl show` prints of a socket. `None`: it is not active, or has no port.
fn active_socket(shown: &str) -> Option<ActiveSocket> {
    let values = |key: &'static str| shown.lines().filter_map(move |line| line.strip_prefix(key));
    let value = |key| values(key).next();
    let unit = value("Id=")?;
    let name = unit.strip_suffix(".socket").filter(|_| value("ActiveState=") == Some("active"))?;
    let service = match value("Accept=") {
        Some("yes") => format!("{name}@.service"),
        _ => value("Triggers=")
            .filter(|unit| !unit.is_empty())
            .map_or(format!("{name}.service"), str::to_owned),
    };
    // Such as `[::]:22 (Stream)`; those of other kinds are a path or begin with `vsock:`.
    let streams = values("Listen=").filter_map(|at| at.strip_suffix(" (Stream)"));
    let of_network = streams.filter(|at| !at.starts_with(['/', '@']) && !at.starts_with("vsock:"));
    let ports: BTreeSet<_> = of_network.filter_map(|at| at.rsplit_once(':')?.1.parse().ok()).collect();
    (!ports.is_empty()).then(|| ActiveSocket { unit: unit.to_owned(), service, ports })
}

/// The command line with which systemd starts a service: its words, with the variables that are set for it. `None`:
/// systemd does not say.
pub(crate) fn command_line(unit: &str) -> Option<Vec<String>> {
    let shown =
        systemctl(&["show", "-p", "ExecStart,Environment,EnvironmentFiles", "--", &loadable(unit)]).ok()?;
    let values =
        |key: &str| -> Vec<&str> { shown.lines().filter_map(|line| line.strip_prefix(key)).collect() };
    let set = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let words = values("Environment=").into_iter().flat_map(unquoted);
    let mut variables: Vec<(String, String)> = words.filter_map(|word| set(&word)).collect();
    for file in values("EnvironmentFiles=") {
        let text = environment_file(file)?;
        let set = text.lines().filter_map(|line| line.trim().split_once('='));
        variables
            .extend(set.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())));
    }
    let start = values("ExecStart=").into_iter().next()?;
    let (_, arguments) = start.split_once("argv[]=")?;
    let arguments = arguments.split(" ; ").next()?;
    let value =
        |name: &str| variables.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let words = arguments.split(' ').flat_map(|word| match word.strip_prefix('$') {
        Some(name) => value(name.trim_matches(['{', '}'])).unwrap_or_default().split_whitespace().collect(),
        None => vec![word],
    });
    Some(words.map(str::to_owned).collect())
}

/// The text of a file of `EnvironmentFiles=`, as systemctl shows it: `/etc/default/ssh (ignore_errors=yes)`. One that
/// is missing is empty where the service does not need it. `None`: what it sets is unknown.
fn environment_file(shown: &str) -> Option<String> {
    let (path, is_needed) = match shown.rsplit_once(" (ignore_errors=") {
        Some((path, rest)) => (path, rest != "yes)"),
        None => (shown, true),
    };
    // systemd.exec(5) allows wildcards.
    match fs::read(path) {
        Ok(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        Err(error)
            if error.kind() == ErrorKind::NotFound && !is_needed && !path.contains(['*', '?', '[']) =>
        {
            Some(String::new())
        }
        Err(_) => None,
    }
}

/// The words of a line of `systemctl show`, which puts those with blanks between quotes, and a backslash before quotes,
/// backslashes and `$` there: shell_maybe_quote() of systemd's escape.c.
fn unquoted(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    // `None`: between two words.
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(word.take()),
            '\\' if is_quoted => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_mode_that_is_unknown_may_end_sessions() {
        for (shown, expected) in [
            ("KillMode=process\n", None),
            ("KillMode=none\n", None),
            ("KillMode=mixed\n", Some("mixed")),
            ("", Some("control-group")),
        ] {
            assert_eq!(fatal(shown).as_deref(), expected, "{shown}");
        }
    }

    #[test]
    fn an_environment_file_that_cannot_be_read_is_not_empty() {
        for (shown, expected) in [
            ("/dev/null (ignore_errors=no)", Some("")),
            ("/dev/null/none (ignore_errors=yes)", None),
            ("/none (ignore_errors=yes)", Some("")),
            ("/none (ignore_errors=no)", None),
            ("/none/* (ignore_errors=yes)", None),
        ] {
            assert_eq!(environment_file(shown).as_deref(), expected, "{shown}");
        }
    }

    #[test]
    fn a_socket_counts_if_it_is_active_and_has_a_port() {
        let of = |rest: &str| active_socket(&format!("Id=a.socket\n{rest}"));
        let listens = "ActiveState=active\nListen=[::]:22 (Stream)\nListen=10.0.0.1:2222 (Stream)";
        let found = of(&format!("{listens}\nAccept=no\nTriggers=b.service")).unwrap();
        assert_eq!((found.service.as_str(), Vec::from_iter(found.ports)), ("b.service", vec![22, 2222]));
        assert_eq!(of(&format!("{listens}\nAccept=yes\nTriggers=")).unwrap().service, "a@.service");
        let all = || of(&format!("{listens}\nAccept=no\nTriggers=b.service")).into_iter().collect::<Vec<_>>();
        assert_eq!([may_start(Some(all()), "b.service"), may_start(Some(all()), "c.service")], [true, false]);
        assert!(may_start(None, "c.service"), "systemd does not answer");
        for rest in [
            "ActiveState=inactive\nListen=[::]:22 (Stream)",
            "ActiveState=active\nListen=/run/a:22 (Stream)\nListen=vsock::22 (Stream)\nListen=[::]:53 (Datagram)",
        ] {
            assert!(of(rest).is_none(), "{rest}");
        }
    }

    #[test]
    fn the_words_of_systemctl_are_read_with_their_blanks() {
        for (line, expected) in [
            (
                r#"LANG=C "SSHD_OPTS=-o UsePAM=no -p 2222" A=b"#,
                &["LANG=C", "SSHD_OPTS=-o UsePAM=no -p 2222", "A=b"][..],
            ),
            (r#""A=say \"hi\" to \$HOME and C:\\x" B="#, &[r#"A=say "hi" to $HOME and C:\x"#, "B="]),
            ("", &[]),
            ("A=", &["A="]),
        ] {
            assert_eq!(unquoted(line), expected, "{line}");
        }
    }
}
