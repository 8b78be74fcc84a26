//! `make review-picture`: writes the review of an invented studio to the file that it is told, from which
//! docs/review.png is made. All names, keys and numbers in it are made up here.

use sandbox::Sandbox;
use std::fmt::Write;

const DAY: i64 = 86_400;

const PROFILES: &str = "namespace = \"private\"\n\
    [[profile]]\nname = \"staff\"\ngroups = [\"sftp\"]\n\
    [[profile.volume]]\nsource = \"/srv/www\"\ntarget = \"/www\"\n\
    [[profile.volume]]\nsource = \"/srv/brand\"\ntarget = \"/brand\"\nread_only = true\n\
    [[profile]]\nname = \"guest\"\ngroups = [\"sftp-guest\"]\nhome = \"none\"\n";

/// Members: the group, days since each of the last logins, and MiB up and down.
const MEMBERS: [(&str, &str, &[i64], u64, u64); 7] = [
    ("anna", "sftp", &[0, 3, 9], 412, 96),
    ("bruno", "sftp", &[], 0, 0),
    ("carla", "sftp", &[71], 12, 640),
    ("dmitri", "sftp-guest", &[40], 58, 3),
    ("felix", "sftp-guest", &[1, 2, 6], 731, 20),
    ("ines", "sftp-guest", &[12], 150, 0),
    ("print-shop", "sftp-guest", &[2, 5], 0, 880),
];

/// Grants: the user, the folder, further lines, and the days until the beginning and the end.
const GRANTS: [(&str, &str, &str, [Option<i64>; 2]); 7] = [
    (
        "felix",
        "/srv/www/staging/media",
        "at = \"/media\"\nowner = \"web\"\nnote = \"contract 4711\"\n",
        [Some(-2), Some(12)],
    ),
    ("felix", "/srv/brand", "at = \"/brand\"\n", [Some(-2), Some(12)]),
    ("ines", "/srv/www/shop/season", "owner = \"web\"\n", [Some(20), Some(95)]),
    ("ines", "/srv/www/shop/photos", "owner = \"web\"\nnote = \"season 2027\"\n", [Some(-60), Some(95)]),
    (
        "dmitri",
        "/srv/www/blog/audio",
        "owner = \"web\"\nfrom = [\"192.0.2.0/24\"]\nnote = \"podcast\"\n",
        [Some(-81), Some(-33)],
    ),
    ("print-shop", "/srv/print/out", "note = \"daily pick-up\"\n", [None, None]),
    ("print-shop", "/srv/print/proofs", "", [Some(-19), Some(48)]),
];

fn main() {
    let path = std::env::args().nth(1).expect("the file to write");
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    sb.group("sftp-guest");
    sb.sh("sed -i 's|^Match Group sftp$|Match Group sftp,sftp-guest|' /etc/ssh/sshd_config; hostname studio
           useradd --system web; install -d -o web /srv/www /srv/brand /srv/print
           install -d -o web /srv/www/staging/media /srv/www/shop/photos /srv/www/shop/season /srv/www/blog/audio
           install -d -o web /srv/print/out /srv/print/proofs
           install -d /etc/sftpjail/grants.d /var/spool/cron/crontabs
           echo '@daily true' >/var/spool/cron/crontabs/carla");
    sb.write("/etc/sftpjail/config.toml", PROFILES);
    let now: i64 = sb.sh("date +%s").stdout.trim().parse().expect("a number");
    let at = |seconds: i64| sb.sh(&format!("date -u -d @{seconds} +%FT%TZ")).stdout.trim().to_owned();
    let (mut logins, mut transfers) = (Vec::new(), Vec::new());
    logins.push((now - 92 * DAY, "systemd[1]: the first entry".to_owned()));
    for (number, (name, group, days, up, down)) in (1..).zip(MEMBERS) {
        sb.user(name).group(group).key(false).add();
        let home = format!("/home/{name}/.ssh");
        let kind = ["ed25519", "rsa -b 3072", "ecdsa -b 256"][number as usize % 3];
        sb.sh(&format!(
            "install -d -o {name} {home}; ssh-keygen -qt {kind} -N '' -C {name}@laptop -f /root/{name}
             install -m 600 -o {name} /root/{name}.pub {home}/authorized_keys
             touch -d @{} {home}/authorized_keys",
            now - (60 + number * 37) * DAY
        ));
        let digest = sb.sh(&format!("ssh-keygen -lf /root/{name}.pub | cut -d' ' -f2")).stdout;
        for (at, day) in days.iter().enumerate() {
            let (time, pid) = (now - day * DAY - 3_000 - number, 7_000 + number * 10 + at as i64);
            let from = format!("192.0.2.{number}");
            logins.push((
                time,
                format!(
                    "sshd[{pid}]: Accepted publickey for {name} from {from} port 4711 ssh2: KEY {}",
                    digest.trim()
                ),
            ));
            let share = |bytes: u64| (bytes << 20) / days.len() as u64;
            for line in [
                format!("session opened for local user {name} from [{from}]"),
                "open \"/up\" flags WRITE,CREATE,TRUNCATE mode 0644".to_owned(),
                format!("close \"/up\" bytes read 0 written {}", share(up)),
                "open \"/down\" flags READ mode 0666".to_owned(),
                format!("close \"/down\" bytes read {} written 0", share(down)),
                format!("session closed for local user {name} from [{from}]"),
            ] {
                transfers.push((time + 2, format!("internal-sftp[{}]: {line}", pid + 1000)));
            }
        }
    }
    sb.sh("chage -E 0 bruno; head -n1 /root/anna.pub | sed 's/^/expiry-time=\"20260301\" /; s/anna@laptop/old laptop/' \
           >> /home/bruno/.ssh/authorized_keys");
    for (user, folder, more, [begin, end]) in GRANTS {
        let line = |key: &str, days: Option<i64>| {
            days.map(|days| format!("{key} = {}\n", at(now + days * DAY))).unwrap_or_default()
        };
        let (since, until) = (line("since", begin), line("until", end));
        let access = if folder == "/srv/brand" { "read-only" } else { "read-write" };
        let text = format!("[[grant]]\nfolder = \"{folder}\"\naccess = \"{access}\"\n{more}{since}{until}\n");
        sb.append(format!("/etc/sftpjail/grants.d/{user}.toml"), text);
    }
    for (file, mut lines) in [("auth.log.1", logins), ("sftp.log.1", transfers)] {
        lines.sort_by_key(|(time, _)| *time);
        let mut text = String::new();
        for (time, line) in lines {
            let _ = writeln!(text, "{} studio {line}", at(time));
        }
        sb.write(format!("/var/log/{file}"), text);
    }
    let out = sb.try_sh("sftpjail review --html /root/review.html");
    eprint!("{}{}", out.stdout, out.stderr);
    std::fs::write(&path, sb.read("/root/review.html")).expect("it can be written");
}
