//! Parses the command line of a listening sshd, also after sshd has written its state over it.

use std::ffi::OsString;
use std::path::PathBuf;

/// The options of sshd that take a value: getopt in main() of OpenSSH's sshd.c.
const WITH_VALUE: &str = "CEbcfghkopu";

/// Those that change what `sshd -T` prints, or what it needs to print anything.
const PASSED_ON: [char; 3] = ['o', 'p', 'h'];

/// The command line of an sshd that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// The path by which it was started.
    pub(super) program: PathBuf,
    /// The value of `-f`.
    pub(super) file: Option<PathBuf>,
    /// The options in [`PASSED_ON`], each followed by its value.
    pub(super) options: Vec<OsString>,
    /// Whether its end is there, too.
    pub(super) is_whole: bool,
}

impl CommandLine {
    /// That of an sshd with a listening socket. sshd must be started by an absolute path, and it writes "sshd: ", that
    /// command line, and then " [listener]" and the number of connections where its arguments were: as far as they fit.
    /// `None`: it is a process of a session, which writes a user's name there.
    pub(super) fn of_listener(arguments: &[String]) -> Option<Self> {
        let title = arguments.first()?.strip_prefix("sshd: ");
        if let Some(title) = title {
            let (words, is_whole) = match title.split_once(" [listener]") {
                Some((words, _)) => (words, true),
                None => (title, false),
            };
            return words.starts_with('/').then(|| Self::parse(words.split(' '), is_whole));
        }
        arguments.first()?.starts_with('/').then(|| Self::parse(arguments.iter().map(String::as_str), true))
    }

    /// sshd takes no arguments but options, so a word that is no option belongs to the value before it.
    fn parse<'a>(mut words: impl Iterator<Item = &'a str>, is_whole: bool) -> Self {
        let program = words.next().unwrap_or_default().into();
        let mut values: Vec<(char, String)> = Vec::new();
        // Whether the last option still has to get its value.
        let mut is_open = false;
        for word in words {
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty() && !is_open)
            else {
                if let Some((_, value)) = values.last_mut() {
                    if !is_open {
                        value.push(' ');
                    }
                    value.push_str(word);
                    is_open = false;
                }
                continue;
            };
            let mut rest = letters.chars();
            if let Some(option) = rest.find(|letter| WITH_VALUE.contains(*letter)) {
                let value = rest.as_str();
                is_open = value.is_empty();
                values.push((option, value.to_owned()));
            }
        }
        let file = values.iter().rev().find(|(option, _)| *option == 'f').map(|(_, value)| value.into());
        let passed = values.iter().filter(|(option, _)| PASSED_ON.contains(option));
        let options =
            passed.flat_map(|(option, value)| [format!("-{option}").into(), value.into()]).collect();
        Self { program, file, options, is_whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &[&str]) -> Option<CommandLine> {
        let arguments: Vec<_> = line.iter().map(|&word| word.to_owned()).collect();
        CommandLine::of_listener(&arguments)
    }

    fn line(file: &str, options: &[&str]) -> Option<CommandLine> {
        let file = (!file.is_empty()).then(|| file.into());
        let program = "/usr/sbin/sshd".into();
        Some(CommandLine {
            program,
            file,
            options: options.iter().map(OsString::from).collect(),
            is_whole: true,
        })
    }

    #[test]
    fn a_listener_is_known_by_its_path_and_a_session_by_its_user() {
        assert_eq!(of(&["sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"]), line("", &[]));
        assert_eq!(of(&["/usr/sbin/sshd", "-D"]), line("", &[]));
        for title in
            ["sshd: anna [priv]", "sshd: anna@pts/0", "sshd: [accepted]", "sshd-session: anna [priv]", ""]
        {
            assert_eq!(of(&[title]), None, "{title}");
        }
        let cut = of(&["sshd: /usr/sbin/sshd -D -f /etc/ss"]).unwrap();
        assert!(!cut.is_whole);
    }

    #[test]
    fn options_are_read_as_getopt_reads_them() {
        for (words, file, options) in [
            ("-D -f /etc/ssh/b", "/etc/ssh/b", &[][..]),
            ("-Df/etc/ssh/b -p 2222", "/etc/ssh/b", &["-p", "2222"]),
            ("-f /a -f /b", "/b", &[]),
            ("-f /etc/my config/b -e", "/etc/my config/b", &[]),
            (
                "-oPort=22 -D -o MaxStartups 10:30:60 -E /var/log/x",
                "",
                &["-o", "Port=22", "-o", "MaxStartups 10:30:60"],
            ),
            ("-o -x", "", &["-o", "-x"]),
            ("-h /etc/key -4", "", &["-h", "/etc/key"]),
        ] {
            let title = format!("sshd: /usr/sbin/sshd {words} [listener] 1 of 10-100 startups");
            assert_eq!(of(&[&title]), line(file, options), "{words}");
        }
    }
}
