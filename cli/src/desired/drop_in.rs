//! The drop-in of user@.service, which keeps systemd from starting user managers for members: its text, and how to
//! recognise its condition.

use std::path::PathBuf;

pub(crate) const PATH: &str = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";

/// The first version of systemd that knows `ExecCondition=`.
pub(crate) const SINCE: u32 = 243;

/// The exit status with which `sftpjail user-manager` says no. systemd skips the unit for every status from 1 to 254
/// that is not in `SuccessExitStatus=`, where many units have 1.
pub(crate) const SKIP: u8 = 254;

/// The file in the repository, with its explanations.
const EXAMPLE: &str = include_str!("../../../systemd/50-sftpjail.conf");

/// The arguments of the condition's script in it: the program, the instance, the configuration and the groups.
const ARGUMENTS: &str = "/usr/local/sbin/sftpjail %i /etc/sftpjail/config.toml sftp\n";

/// The text of a drop-in with this condition. Nothing in it needs quotes.
pub(crate) fn text(condition: &Condition) -> String {
    EXAMPLE.replace(ARGUMENTS, &(condition.arguments("%i") + "\n"))
}

/// The `ExecCondition=` of the drop-in, by its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The sftpjail that is asked.
    pub(crate) program: PathBuf,
    /// The configuration that the program reads.
    pub(crate) config: PathBuf,
    /// Groups whose members get no manager, whatever the configuration says. Where the program cannot run, they alone
    /// decide.
    pub(crate) groups: Vec<String>,
}

impl Condition {
    /// Reads a value of `ExecCondition=`; `None` if it is another condition.
    pub(crate) fn parse(command: &str) -> Option<Self> {
        let arguments = words(command).strip_prefix(&script())?.to_owned();
        let mut arguments = arguments.split(' ').map(str::to_owned);
        let program = arguments.next()?.into();
        let has_instance = arguments.next()? == "%i";
        let config = arguments.next().filter(|path| has_instance && path.starts_with('/'))?.into();
        Some(Self { program, config, groups: arguments.collect() })
    }

    /// The arguments of the script.
    fn arguments(&self, instance: &str) -> String {
        let (program, config) = (self.program.display(), self.config.display());
        format!("{program} {instance} {config} {}", self.groups.join(" "))
    }

    /// Whether it is among the conditions that systemctl shows for the user manager of a uid. systemctl shows them
    /// without quotes, and with the uid instead of `%i`.
    pub(crate) fn is_in(&self, shown: &str, uid: u32) -> bool {
        let whole = (script() + &self.arguments(&uid.to_string())).replace("%%", "%").replace('\'', "");
        words(shown).contains(words(&whole).trim_start_matches('+'))
    }
}

/// The condition up to its arguments.
fn script() -> String {
    let (_, command) = EXAMPLE.split_once("ExecCondition=").unwrap_or_default();
    let (script, _) = command.split_once(ARGUMENTS).unwrap_or_default();
    words(&script.replace("\\\n", " ")) + " "
}

/// The words of a text with single blanks between them, however it was broken into lines.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let groups = vec!["sftp".to_owned(), "sftp-only".to_owned()];
        let written =
            Condition { program: "/usr/sbin/sftpjail".into(), config: "/etc/x.toml".into(), groups };
        let text = text(&written);
        let (_, value) = text.split_once("\nExecCondition=").unwrap();
        let joined = value.replace("\\\n", " ");
        let read = Condition::parse(&joined).unwrap();
        assert_eq!(read, written);
        assert_eq!(Condition::parse(&joined.replace("exit 254", "exit 0")), None);
        assert_eq!(Condition::parse(&joined.replace(" /etc/x.toml", "")), None);
        assert_eq!(Condition::parse("+/bin/true"), None);
        let shown = joined.replace("%i", "1001").replace("%%", "%").replace('\'', "");
        let shown = format!("{{ path=/usr/bin/env ; argv[]={} ; ignore_errors=no }}", &shown[1..].trim_end());
        assert!(read.is_in(&shown, 1001) && !read.is_in(&shown, 1002));
    }
}
