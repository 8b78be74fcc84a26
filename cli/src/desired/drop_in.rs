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

/// The text of a drop-in with this condition.
pub(crate) fn text(condition: &Condition) -> String {
    EXAMPLE.replace(ARGUMENTS, &(condition.arguments("%i") + "\n"))
}

/// The text `before` of a drop-in with this condition instead of one that asks sftpjail, or at the end. Everything
/// else in it is the admin's, and stays.
pub(crate) fn completed(before: &str, condition: &Condition) -> String {
    let own = text(condition);
    let own = own.find("ExecCondition=").and_then(|at| own.get(at..)).unwrap_or_default();
    let mut lines = before.split_inclusive('\n').peekable();
    let (mut after, mut is_replaced) = (String::new(), false);
    while let Some(line) = lines.next() {
        let mut whole = line.to_owned();
        if line.trim_start().starts_with("ExecCondition") {
            while whole.trim_end().ends_with('\\') {
                let Some(line) = lines.next() else { break };
                whole += line;
            }
        }
        let is_own = whole.trim_start().starts_with("ExecCondition") && whole.contains(" user-manager ");
        match (is_own, is_replaced) {
            (false, _) => after += &whole,
            (true, false) => {
                after += own;
                is_replaced = true;
            }
            (true, true) => {}
        }
    }
    if !is_replaced {
        if !after.is_empty() && !after.ends_with('\n') {
            after.push('\n');
        }
        after += &format!("[Service]\n{own}");
    }
    after
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
        // Blanks within a group count, and those between the words of the script do not.
        let mut rest = command.trim_start();
        for word in script().split_whitespace() {
            let after = rest.strip_prefix(word)?;
            rest = after.trim_start();
            if rest.len() == after.len() {
                return None;
            }
        }
        let mut arguments = unquoted(rest).into_iter();
        let program = arguments.next()?.into();
        let has_instance = arguments.next()? == "%i";
        let config = arguments.next().filter(|path| has_instance && path.starts_with('/'))?.into();
        Some(Self { program, config, groups: arguments.collect() })
    }

    /// The arguments of the script.
    fn arguments(&self, instance: &str) -> String {
        let (program, config) = (self.program.display(), self.config.display());
        let groups: Vec<_> = self.groups.iter().map(|group| quoted(group)).collect();
        format!("{program} {instance} {config} {}", groups.join(" "))
    }

    /// Whether it is among the conditions that systemctl shows for the user manager of a uid. systemctl shows them
    /// with the uid instead of `%i`, and with other quotes, or none.
    pub(crate) fn is_in(&self, shown: &str, uid: u32) -> bool {
        let bare = |text: &str| words(&text.replace(['\'', '"', '\\'], "").replace("$$", "$"));
        let whole = (script() + &self.arguments(&uid.to_string())).replace("%%", "%");
        bare(shown).contains(bare(&whole).trim_start_matches('+'))
    }
}

/// A group as an argument in a command line of systemd: systemd.service(5), "COMMAND LINES".
fn quoted(group: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+');
    if group.chars().all(is_plain) {
        return group.to_owned();
    }
    let mut quoted = "\"".to_owned();
    for c in group.chars() {
        match c {
            '\\' | '"' => quoted.push('\\'),
            '%' | '$' => quoted.push(c),
            _ => {}
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// The arguments of a command line as [`quoted`] writes them.
fn unquoted(line: &str) -> Vec<String> {
    const BLANKS: [char; 3] = [' ', '\t', '\n'];
    let mut arguments = Vec::new();
    let mut chars = line.trim_matches(BLANKS).chars().peekable();
    while chars.peek().is_some() {
        let is_quoted = chars.next_if_eq(&'"').is_some();
        let mut argument = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' if is_quoted => break,
                _ if !is_quoted && BLANKS.contains(&c) => break,
                '\\' if is_quoted => argument.extend(chars.next()),
                '%' | '$' if is_quoted => argument.extend(chars.next_if_eq(&c).or(Some(c))),
                _ => argument.push(c),
            }
        }
        arguments.push(argument);
        while chars.next_if(|c| BLANKS.contains(c)).is_some() {}
    }
    arguments
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
        let groups =
            ["sftp", "sftp-only", "EXAMPLE\\sftp users", "cash $ 5%", "two  \u{a0}blanks", "a \"b\\\" c"]
                .map(str::to_owned)
                .to_vec();
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
        let shown = joined.replace("%i", "1001").replace("%%", "%").replace('\'', "").replace("$$", "$");
        let shown = format!("{{ path=/usr/bin/env ; argv[]={} ; ignore_errors=no }}", &shown[1..].trim_end());
        assert!(read.is_in(&shown, 1001) && !read.is_in(&shown, 1002));
    }

    #[test]
    fn only_the_condition_of_a_drop_in_is_replaced() {
        let condition = |group: &str| Condition {
            program: "/usr/sbin/sftpjail".into(),
            config: "/etc/x.toml".into(),
            groups: vec![group.to_owned()],
        };
        let old = format!("# mine\n[Service]\nSlice=a\n{}Nice=5\n", {
            let text = text(&condition("old"));
            text[text.find("ExecCondition=").unwrap()..].to_owned()
        });
        let new = completed(&old, &condition("new one"));
        assert_eq!(new, old.replace("x.toml old\n", "x.toml \"new one\"\n"));
        let added = completed("[Service]\nNice=5", &condition("new"));
        assert!(added.starts_with("[Service]\nNice=5\n[Service]\nExecCondition=+"), "{added}");
        assert!(added.ends_with("x.toml new\n"), "{added}");
    }
}
