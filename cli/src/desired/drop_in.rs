//! The drop-in of user@.service: what it says, and whether a condition is the one that it sets.

use std::path::PathBuf;

pub(crate) const PATH: &str = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";

/// systemd knows `ExecCondition=` from this version on.
pub(crate) const SINCE: u32 = 243;

/// The exit status with which the program says no. systemd skips the unit for each from 1 to 254, unless
/// `SuccessExitStatus=` has it, as many have 1.
pub(crate) const SKIP: u8 = 254;

/// The file that the repository shows, with its reasons.
const EXAMPLE: &str = include_str!("../../../systemd/50-sftpjail.conf");

/// What stands behind the script: the program, the instance, and the groups.
const ARGUMENTS: &str = "/usr/local/sbin/sftpjail %i /etc/sftpjail/config.toml sftp\n";

/// The text that asks this. All of it is plain: nothing is quoted.
pub(crate) fn text(asks: &Asks) -> String {
    EXAMPLE.replace(ARGUMENTS, &(asks.arguments("%i") + "\n"))
}

/// Whom and what our condition asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asks {
    pub(crate) program: PathBuf,
    /// The configuration by which the program goes.
    pub(crate) config: PathBuf,
    /// Whose members get no manager either; asked alone where the program cannot be.
    pub(crate) groups: Vec<String>,
}

impl Asks {
    /// Reads a value of `ExecCondition=`; `None` if it is not ours.
    pub(crate) fn parse(command: &str) -> Option<Self> {
        let arguments = words(command).strip_prefix(&script())?.to_owned();
        let mut arguments = arguments.split(' ').map(str::to_owned);
        let program = arguments.next()?.into();
        let is_ours = arguments.next()? == "%i";
        let config = arguments.next().filter(|path| is_ours && path.starts_with('/'))?.into();
        Some(Self { program, config, groups: arguments.collect() })
    }

    /// What stands behind the script.
    fn arguments(&self, instance: &str) -> String {
        let (program, config) = (self.program.display(), self.config.display());
        format!("{program} {instance} {config} {}", self.groups.join(" "))
    }

    /// Whether this is among the conditions that systemctl shows of the unit of a uid. It shows them
    /// without quotes, and with the uid in them.
    pub(crate) fn is_in(&self, shown: &str, uid: u32) -> bool {
        let whole = (script() + &self.arguments(&uid.to_string())).replace("%%", "%").replace('\'', "");
        words(shown).contains(words(&whole).trim_start_matches('+'))
    }
}

/// Our condition up to its arguments.
fn script() -> String {
    let (_, command) = EXAMPLE.split_once("ExecCondition=").unwrap_or_default();
    let (script, _) = command.split_once(ARGUMENTS).unwrap_or_default();
    words(&script.replace("\\\n", " ")) + " "
}

/// With single blanks between them, however it was broken into lines.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let groups = vec!["sftp".to_owned(), "sftp-only".to_owned()];
        let wanted = Asks { program: "/usr/sbin/sftpjail".into(), config: "/etc/x.toml".into(), groups };
        let text = text(&wanted);
        let (_, value) = text.split_once("\nExecCondition=").unwrap();
        let joined = value.replace("\\\n", " ");
        let asks = Asks::parse(&joined).unwrap();
        assert_eq!(asks, wanted);
        assert_eq!(Asks::parse(&joined.replace("exit 254", "exit 0")), None);
        assert_eq!(Asks::parse(&joined.replace(" /etc/x.toml", "")), None);
        assert_eq!(Asks::parse("+/bin/true"), None);
        let shown = joined.replace("%i", "1001").replace("%%", "%").replace('\'', "");
        let shown = format!("{{ path=/usr/bin/env ; argv[]={} ; ignore_errors=no }}", &shown[1..].trim_end());
        assert!(asks.is_in(&shown, 1001) && !asks.is_in(&shown, 1002));
    }
}
