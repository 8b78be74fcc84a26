//! Says which paths a volume can have, whatever is on the disk. It only compares paths: those of a member, or those
//! that the configuration gives all members of a profile.

use crate::config::{Config, HomeAccess, Profile, Template, Variable};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::Fix;
use crate::path::Normalised;
use crate::plan::system;
use std::ffi::OsString;
use std::fmt::{self, Display};

/// A volume that refuses each member of its profile, whoever that is. `Display` is the sentence about it.
#[derive(Debug)]
pub struct Fault<'c> {
    pub profile: &'c Profile,
    /// The line of the file.
    pub line: usize,
    /// As a login gives it, with the variables of the configuration in the place of their values.
    pub refusal: Refusal,
}

impl Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, refusal, .. } = self;
        write!(f, "the profile {} refuses all of its members: {refusal}", escaped(&profile.name))
    }
}

/// The path at which the volume appears. `value` gives what a variable stands for.
pub(super) fn target(
    template: &Template,
    value: impl Fn(Variable) -> Result<OsString, Refusal>,
) -> Result<Normalised, Refusal> {
    let text = template.expand(value)?;
    parsed(&text, "target", "give an absolute path of the jail, such as target = \"/uploads\"")
}

/// The path from which the volume comes.
pub(super) fn source(
    template: &Template,
    value: impl Fn(Variable) -> Result<OsString, Refusal>,
) -> Result<Normalised, Refusal> {
    let text = template.expand(value)?;
    parsed(&text, "source", "give an absolute path of the host, such as source = \"/srv/sftp/%u\"")
}

fn parsed(text: &OsString, key: &str, fix: &str) -> Result<Normalised, Refusal> {
    Normalised::parse(text).map_err(|why| Refusal::Volume {
        target: escaped(text).to_string(),
        why: format!("{why}, so it cannot be the {key}"),
        fix: fix.into(),
    })
}

/// What to write where a path of a volume is refused.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Advice {
    pub(in crate::plan) target: &'static str,
    pub(in crate::plan) source: &'static str,
    pub(in crate::plan) apart: &'static str,
    /// Whether it is for the folder of a grant.
    pub(in crate::plan) is_granted: bool,
}

/// For the volumes of a profile.
pub(super) const IN_PROFILE: Advice = Advice {
    target: "give it another target, such as target = \"/uploads\"",
    source: "give it another source, such as source = \"/srv/sftp/%u\"",
    apart: "give each a target outside of the other",
    is_granted: false,
};

/// Checks where the volume appears. `home`: if the profile has one. `others`: the targets of the volumes before it. Gives
/// whether it is in the home.
pub(super) fn check_target(
    home: Option<&Normalised>,
    others: &[&Normalised],
    target: &Normalised,
    advice: Advice,
) -> Result<bool, Refusal> {
    if let Some(why) = system::forbidden_target(target) {
        return Err(refusal(target, why, advice.target));
    }
    let in_home = home.is_some_and(|home| target.components().starts_with(home.components()));
    if let Some(home) = home {
        if *target == *home || (target.overlaps(home) && !in_home) {
            let why = format!("would hide the home {}", escaped(&home.absolute()));
            return Err(refusal(target, why, "give it a target below the home or beside it"));
        }
    }
    if let Some(other) = others.iter().find(|other| target.overlaps(other)) {
        let why = format!("overlaps the volume {}", escaped(&other.absolute()));
        return Err(refusal(target, why, advice.apart));
    }
    Ok(in_home)
}

/// Checks where the volume comes from.
pub(super) fn check_source(
    jail_root: &Normalised,
    target: &Normalised,
    source: &Normalised,
    advice: Advice,
) -> Result<(), Refusal> {
    let Some(why) = system::forbidden(jail_root, source) else { return Ok(()) };
    let why = format!("cannot come from {}: it {why}", escaped(&source.absolute()));
    Err(refusal(target, why, advice.source))
}

fn refusal(target: &Normalised, why: String, fix: impl Into<Fix>) -> Refusal {
    Refusal::Volume { target: escaped(&target.absolute()).to_string(), why, fix: fix.into() }
}

/// Each volume of the configuration that refuses all members of its profile, in the order of the file.
pub fn faults(config: &Config) -> Vec<Fault<'_>> {
    // Of the values nothing is known but that a home is absolute.
    let as_written = |variable| -> Result<OsString, Refusal> {
        Ok(match variable {
            Variable::User => "%u".into(),
            Variable::Uid => "%U".into(),
            Variable::Group => "%g".into(),
            Variable::Home => "/%h".into(),
        })
    };
    let mut faults = Vec::new();
    for profile in &config.profiles {
        let home = (profile.home != HomeAccess::None).then(|| Normalised::of(["%h"]));
        let mut others: Vec<Normalised> = Vec::new();
        for volume in &profile.volumes {
            let mut fault = |line, refusal| faults.push(Fault { profile, line, refusal });
            let target = target(&volume.target, as_written).and_then(|target| {
                let others: Vec<_> = others.iter().collect();
                check_target(home.as_ref(), &others, &target, IN_PROFILE).map(|_| target)
            });
            match (target, source(&volume.source, as_written)) {
                (Err(refusal), _) => fault(volume.target_line, refusal),
                (_, Err(refusal)) => fault(volume.source_line, refusal),
                (Ok(target), Ok(source)) => {
                    if let Err(refusal) = check_source(&config.jail_root, &target, &source, IN_PROFILE) {
                        fault(volume.source_line, refusal);
                    }
                    others.push(target);
                }
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The line, the sentence and the fix of each fault.
    fn found(home: &str, volumes: &[(&str, &str)]) -> Vec<(usize, String, String)> {
        let mut text = format!("[[profile]]\nname = \"p\"\ngroups = [\"g\"]\nhome = \"{home}\"\n");
        for (source, target) in volumes {
            text += &format!("[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{target}\"\n");
        }
        let config = Config::of_text(&text, Path::new("/c")).unwrap();
        let faults = faults(&config).into_iter();
        faults.map(|fault| (fault.line, fault.refusal.to_string(), fault.refusal.fix().to_string())).collect()
    }

    #[test]
    fn what_refuses_everybody_is_found_without_anybody() {
        for (source, target, line, said) in [
            ("srv", "/x", 6, "the volume srv is relative, so it cannot be the source"),
            ("%u/x", "/x", 6, "the volume \"%u/x\" is relative, so it cannot be the source"),
            ("/srv/../etc", "/x", 6, "the volume /srv/../etc contains '..', so it cannot be the source"),
            (
                "/etc/%u",
                "/x",
                6,
                "the volume /x cannot come from \"/etc/%u\": it is in the system directory /etc",
            ),
            (
                "/etc/ssh",
                "/x",
                6,
                "the volume /x cannot come from /etc/ssh: it is in the system directory /etc",
            ),
            (
                "/jail/%u",
                "/x",
                6,
                "the volume /x cannot come from \"/jail/%u\": it overlaps the jail root /jail",
            ),
            ("/", "/x", 6, "the volume / is the root directory, so it cannot be the source"),
            ("/srv", "x", 7, "the volume x is relative, so it cannot be the target"),
            ("/srv", "", 7, "the volume \"\" is an empty path, so it cannot be the target"),
            ("/srv", "/", 7, "the volume / is the root directory, so it cannot be the target"),
            (
                "/srv",
                "/etc",
                7,
                "the volume /etc would be in /etc, where sshd's process in the jail looks for code and settings of \
                 the system",
            ),
            (
                "/srv",
                "/usr/lib/%u",
                7,
                "the volume \"/usr/lib/%u\" would be in /usr, where sshd's process in the jail looks for code and \
                 settings of the system",
            ),
            ("/srv", "%h", 7, "the volume \"/%h\" would hide the home \"/%h\""),
        ] {
            let found = found("read-write", &[(source, target)]);
            let [(at, sentence, fix)] = &found[..] else { panic!("{source} {target}: {found:?}") };
            assert_eq!((*at, sentence.as_str()), (line, said));
            assert!(fix.starts_with("give "), "{fix}");
        }
        let overlapping = found("none", &[("/a", "/d/%u"), ("/b", "/d/%U"), ("/c", "/d/%u/x")]);
        let [(13, sentence, _)] = &overlapping[..] else { panic!("{overlapping:?}") };
        assert_eq!(sentence, "the volume \"/d/%u/x\" overlaps the volume \"/d/%u\"");
    }

    #[test]
    fn what_depends_on_the_user_is_no_fault() {
        for (source, target) in [
            ("/srv/sftp/%u", "/uploads"),
            ("%h/www", "/www"),
            ("/%u", "/%u"),
            ("/srv/%g", "%h/in"),
            ("/data%h", "/home"),
        ] {
            assert_eq!(found("read-write", &[(source, target)]), [], "{source} {target}");
        }
        assert_eq!(found("none", &[("/srv/a", "%h")]), []);
    }
}
