//! Faults of homes, volumes and the jail root: all that `check` says of each, and that a command fixes it.

use super::faults::Machine;

/// What breaks one thing, and all of the one finding that follows. Its fix need not bring back what was lost, as that
/// of a
/// [`Fault`](super::faults::Fault) does.
struct BrokenPlace {
    /// A script.
    breaks: &'static str,
    check: &'static str,
    evidence: &'static str,
    fix: &'static str,
    /// The last sentence.
    sentence: &'static str,
}

/// A group without a name, and private homes.
const MISSING: &str = "rm -r /home/mle; sed -Ei '/^(HOME_MODE|UMASK)/d' /etc/login.defs
    echo 'HOME_MODE 0700' >>/etc/login.defs; sed -i 's/^mle:x:1000:1000:/mle:x:1000:4711:/' /etc/passwd";

const PLACES: [BrokenPlace; 16] = [
    BrokenPlace {
        breaks: "chown joe /home/mle",
        check: "home owner",
        evidence: "the home directory /home/mle belongs to uid 1001, not to mle (uid 1000) or root",
        fix: "if it is not meant to be joe's, then: chown -h mle /home/mle",
        sentence: "mle is jailed but cannot log in: the home belongs to another user",
    },
    BrokenPlace {
        breaks: MISSING,
        check: "home path",
        evidence: "the home directory /home/mle cannot be used: it does not exist",
        fix: "restore it from a backup, or make an empty one: install -d -m 0700 -o mle -g 4711 /home/mle",
        sentence: "mle is jailed but cannot log in: /home/mle does not exist",
    },
    BrokenPlace {
        breaks: "rm -r /home/mle; touch /home/mle",
        check: "home path",
        evidence: "the home directory /home/mle cannot be used: it is not a directory",
        fix: "move it away and make a directory there",
        sentence: "mle is jailed but cannot log in: /home/mle is not a directory",
    },
    BrokenPlace {
        breaks: "mv /home/mle /srv/mle; ln -s /srv/mle /home/mle",
        check: "home path",
        evidence: "the home directory /home/mle cannot be used: it is a symlink",
        fix: "give the account the link's target as its home (usermod -d)",
        sentence: "mle is jailed but cannot log in: /home/mle is a symlink",
    },
    BrokenPlace {
        breaks: "mkdir -m 777 /home/open; mv /home/mle /srv/mle; ln -s /srv/mle /home/open/mle
    usermod -d /home/open/mle mle",
        check: "home path",
        evidence: "the home directory /home/open/mle cannot be used: it is a symlink",
        fix: "find out who made the symlink, and replace it with a directory that mle owns",
        sentence: "mle is jailed but cannot log in: /home/open/mle is a symlink",
    },
    BrokenPlace {
        breaks: "usermod -d /etc mle",
        check: "home",
        evidence: "the home directory /etc is in the system directory /etc",
        fix: "give the account another home, such as /home/mle",
        sentence: "mle is jailed but cannot log in: the home cannot be in a jail",
    },
    BrokenPlace {
        breaks: "chmod 0 /home/mle",
        check: "rehearsal",
        evidence: "the user cannot enter the home /home/mle: Permission denied",
        fix: "chmod u+rwx /home/mle",
        sentence: "mle is jailed and can log in, but cannot enter the home",
    },
    BrokenPlace {
        breaks: "chown joe /jail",
        check: "jail root",
        evidence: "the jail root /jail cannot be used: /jail is not owned by root",
        fix: "if it is only for jails, then: chown root /jail",
        sentence: "mle is jailed but cannot log in: /jail is not owned by root",
    },
    BrokenPlace {
        breaks: "chmod 777 /jail",
        check: "jail root",
        evidence: "the jail root /jail cannot be used: /jail can be written by its group or by others",
        fix: "if it is only for jails, then: chmod go-w /jail",
        sentence: "mle is jailed but cannot log in: /jail can be written by its group or by others",
    },
    BrokenPlace {
        breaks: "rmdir /jail; touch /jail",
        check: "jail root",
        evidence: "the jail root /jail cannot be used: /jail is not a directory",
        fix: "move /jail away",
        sentence: "mle is jailed but cannot log in: /jail is not a directory",
    },
    BrokenPlace {
        breaks: "rmdir /jail; ln -s /srv /jail",
        check: "jail root",
        evidence: "the jail root /jail cannot be used: /jail is not a directory",
        fix: "move /jail away",
        sentence: "mle is jailed but cannot log in: /jail is not a directory",
    },
    BrokenPlace {
        breaks: "mkdir /jail/mle",
        check: "jail root",
        evidence: "the jail root /jail cannot be used: /jail/mle is in the place of the jail, and sshd would \
                   serve it whenever no jail is built",
        fix: "move /jail/mle away",
        sentence: "mle is jailed but cannot log in: /jail/mle is in the place of the jail, and sshd would \
                   serve it whenever no jail is built",
    },
    BrokenPlace {
        breaks: "volume 'source = \"/srv/none\"'",
        check: "volume",
        evidence: "the volume /up cannot be used: /srv/none does not exist",
        fix: "correct its path, or make it with an owner, a group and a mode that let the user write",
        sentence: "mle is jailed but cannot log in: the volume /up cannot be mounted",
    },
    BrokenPlace {
        breaks: "volume 'source = \"/srv/none\"
read_only = true'",
        check: "volume",
        evidence: "the volume /up cannot be used: /srv/none does not exist",
        fix: "install -d /srv/none",
        sentence: "mle is jailed but cannot log in: the volume /up cannot be mounted",
    },
    BrokenPlace {
        breaks: "volume 'source = \"/srv/none/%u\"
create = { owner = \"%u\", group = \"mle\", mode = \"2750\" }'",
        check: "volume",
        evidence: "the volume /up cannot be used: /srv/none does not exist",
        fix: "install -d -o mle -g mle -m 2750 /srv/none/mle",
        sentence: "mle is jailed but cannot log in: the volume /up cannot be mounted",
    },
    BrokenPlace {
        breaks: "touch /srv/file; volume 'source = \"/srv/file\"'",
        check: "volume",
        evidence: "the volume /up cannot be used: /srv/file is not a directory",
        fix: "make the source a plain directory",
        sentence: "mle is jailed but cannot log in: the volume /up cannot be mounted",
    },
];

/// A shell function that configures a volume with these lines.
const VOLUME: &str = "volume() { mkdir -p /etc/sftpjail
    { printf '[[profile]]\\nname = \"home\"\\ngroups = [\"sftp\"]\\n[[profile.volume]]\\ntarget = \"/up\"\\n'
      echo \"$1\"; } >/etc/sftpjail/config.toml; }";

#[test]
fn each_is_said_in_full_and_its_command_fixes_it() {
    let machine = Machine::new();
    let sb = &machine.sb;
    for BrokenPlace { breaks, check, evidence, fix, sentence } in &PLACES {
        // The keys go with the home.
        sb.sh(&format!("{VOLUME}; echo mle:pw | chpasswd; {breaks}"));
        let (found, status, said) = machine.concluded();
        assert_eq!(found, [[*check, "failed", *evidence, *fix].map(str::to_owned)], "{breaks}");
        assert_eq!((said.as_str(), status), (*sentence, 1), "{breaks}");
        let command = fix.rsplit_once(": ").map_or(*fix, |(_, command)| command);
        if ["chown ", "chmod ", "install "].iter().any(|program| command.starts_with(program)) {
            sb.sh(command);
            let (found, ..) = machine.concluded();
            assert!(found.iter().all(|found| found[0] != *check), "{breaks}: {found:#?}");
        }
        if let Some(path) = command.strip_prefix("install -d -m 0700 -o mle -g 4711 ") {
            assert_eq!(sb.sh(&format!("stat -c '%a %U %g' {path}")).stdout, "700 mle 4711\n");
        } else if let Some(path) = command.strip_prefix("install -d -o mle -g mle -m 2750 ") {
            assert_eq!(sb.sh(&format!("stat -c '%a %U %G' {path}")).stdout, "2750 mle mle\n");
            // Above it, nobody but root can write.
            assert_eq!(sb.sh("stat -c '%a %U' /srv/none").stdout, "755 root\n");
        }
        sb.sh("rm -rf /jail /srv/*; mkdir -m 755 /jail");
        machine.restore();
    }
    assert_eq!(machine.found(), (vec![], 0));
}
