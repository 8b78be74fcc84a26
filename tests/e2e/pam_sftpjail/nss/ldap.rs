//! A real slapd and a real nslcd in a sandbox, on its own loopback.

use std::path::Path;

use sandbox::Sandbox;

const SLAPD: &str = "\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile /run/slapd.pid
database mdb
suffix dc=example,dc=org
directory /srv/ldap
maxsize 16777216
index uid,memberUid,uidNumber,gidNumber,objectClass eq
";

/// The timeouts are those of a host that does not want to wait.
const NSLCD: &str = "\
uri ldap://127.0.0.1/
base dc=example,dc=org
bind_timelimit 1
timelimit 1
reconnect_sleeptime 1
reconnect_retrytime 1
";

const BASE: &str = "\
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: example
";

/// What the directory holds.
#[derive(Default)]
pub(crate) struct Directory(String);

impl Directory {
    pub(crate) fn group(mut self, name: &str, gid: u32, members: &[&str]) -> Self {
        self.0 += &format!(
            "\ndn: cn={name},dc=example,dc=org\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {gid}\n"
        );
        self.0.extend(members.iter().map(|member| format!("memberUid: {member}\n")));
        self
    }

    /// With the home `/home/NAME` and a shell.
    pub(crate) fn user(self, name: &str, uid: u32, gid: u32) -> Self {
        self.user_with_shell(name, uid, gid, "/bin/sh")
    }

    /// With the home `/home/NAME`.
    pub(crate) fn user_with_shell(mut self, name: &str, uid: u32, gid: u32, shell: &str) -> Self {
        self.0 += &format!(
            "\ndn: uid={name},dc=example,dc=org\nobjectClass: account\nobjectClass: posixAccount\ncn: {name}\n\
             uid: {name}\nuidNumber: {uid}\ngidNumber: {gid}\nhomeDirectory: /home/{name}\nloginShell: {shell}\n"
        );
        self
    }

    /// Starts slapd with it, and nslcd, and lets NSS ask `files` first.
    #[track_caller]
    pub(crate) fn serve(self, sb: &Sandbox) {
        for (program, package) in [("/usr/sbin/slapd", "slapd"), ("/usr/sbin/nslcd", "nslcd")] {
            assert!(
                Path::new(program).exists(),
                "{program} is missing, of the package {package}: run `make deps`"
            );
        }
        sb.write("/etc/ldap/slapd.conf", SLAPD);
        sb.write("/etc/nslcd.conf", NSLCD);
        sb.write("/srv/all.ldif", format!("{BASE}{}", self.0));
        sb.sh("mkdir /srv/ldap /run/nslcd; slapadd -q -f /etc/ldap/slapd.conf -l /srv/all.ldif");
        start_slapd(sb);
        start_nslcd(sb);
        nsswitch(sb, "files systemd ldap");
    }
}

/// Gives `passwd` and `group` these services, and takes other lines about them away.
pub(crate) fn nsswitch(sb: &Sandbox, services: &str) {
    sb.sh("sed -i -E '/^(passwd|group|initgroups|shadow|gshadow):/d' /etc/nsswitch.conf");
    sb.append("/etc/nsswitch.conf", format!("passwd: {services}\ngroup: {services}\nshadow: files\n"));
}

#[track_caller]
pub(crate) fn start_slapd(sb: &Sandbox) {
    sb.sh("/usr/sbin/slapd -f /etc/ldap/slapd.conf -h ldap://127.0.0.1/");
}

#[track_caller]
pub(crate) fn start_nslcd(sb: &Sandbox) {
    sb.sh("/usr/sbin/nslcd");
}

/// Ends one of the two as a crash does: what it has left at its socket's path stays.
#[track_caller]
pub(crate) fn kill(sb: &Sandbox, program: &str) {
    let [pid] = sb.pids(&format!("/usr/sbin/{program}"))[..] else {
        panic!("not one {program}: {:?}", sb.processes())
    };
    sb.kill(pid, "KILL");
    sb.wait_gone(pid);
}
