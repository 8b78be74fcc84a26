//! The story of a freelancer, as an admin, felix and the site live it: one command lets felix into one folder until an
//! hour, what he uploads is the site's, and at the hour it is over. Sandboxes and machines tell the same one.

use crate::Output;

/// Where it happens: a host after `sftpjail setup --managed-keys`, with the profile `guest`. Its sshd runs.
pub struct Host<'a> {
    /// Runs a root shell there.
    pub try_sh: &'a dyn Fn(&str) -> Output,
    /// For how long the grant lasts, in seconds: until a login and an upload have been seen.
    pub lasts: u32,
    /// Returns once whatever ends sessions there has run after the hour.
    pub at_the_hour: &'a dyn Fn(),
}

const SITE: &str = "
    useradd --system --no-create-home --shell /usr/sbin/nologin web
    install -d -o web -g web /srv/www/staging /srv/www/staging/media
    cd /srv/www/staging; echo password >config; echo old >media/index.html
    chown web:web config media/index.html; chmod 640 config; chmod 644 media/index.html
    install -d -m 700 /root/felix; cd /root/felix; ssh-keygen -q -t ed25519 -N '' -C felix@laptop -f key
    echo photo >photo; truncate -s 2G film";

/// felix at work. `-` marks what must fail.
const WORK: &str = "
    ls -1 /srv/www/staging
    put photo /srv/www/staging/media/photo
    get /srv/www/staging/media/index.html page
    !echo new >>page
    reput page /srv/www/staging/media/index.html
    chmod 664 /srv/www/staging/media/index.html
    mkdir /srv/www/staging/media/album
    -get /srv/www/staging/config stolen
    -get /srv/www/staging/media/../config stolen
    -put photo /srv/www/staging/photo
    -ls /etc/ssh
    bye";

impl Host<'_> {
    /// Tells the story. Nothing of it is left but what felix has uploaded.
    #[track_caller]
    pub fn of_a_freelancer(&self) {
        let host = self;
        let sh = |script: &str| (host.try_sh)(script).ok();
        sh(SITE);
        let granted = sh(&format!(
            "sftpjail grant felix /srv/www/staging/media --as web --key /root/felix/key.pub --create --yes \\
             --until \"$(date -d '+{} seconds' '+%F %T')\"",
            host.lasts
        ));
        for part in ["\nSend this to felix:\n", "  user      felix\n", "  folder    /srv/www/staging/media\n"]
        {
            assert!(granted.stdout.contains(part), "{granted}");
        }
        let work = sh(&sftp("-b -", &format!("<<'END'\n{WORK}\nEND")));
        assert!(work.stdout.contains("ls -1 /srv/www/staging\n/srv/www/staging/media\nsftp>"), "{work}");
        the_site_has(&sh, "index.html photo");
        sh(&upload("film"));
        // It is live when the hour comes.
        (host.at_the_hour)();
        sh(&has_broken_off("film"));
        let refused = (host.try_sh)(&sftp("-b -", "</dev/null")).failed();
        assert!(refused.stderr.contains("Your access ended on "), "{refused}");
        sh("sftpjail extend felix --until 2w --yes");
        sh(&upload("again"));
        // The session has ended when this returns.
        sh("sftpjail revoke felix --yes; not test -e /run/sftpjail/felix");
        sh(&has_broken_off("again"));
        (host.try_sh)(&sftp("-b -", "</dev/null")).failed();
        the_site_has(&sh, "again film index.html photo");
        sh("cd /srv/www/staging; test \"$(cat config)\" = password; test \"$(stat -c '%U:%G %a' config)\" = 'web:web 640'
        not test -e /root/felix/stolen; not test -e photo
        test \"$(cat media/index.html)\" = \"$(printf 'old\\nnew')\"; test \"$(cat media/photo)\" = photo
        test \"$(stat -c '%U:%G %a' media/index.html)\" = 'web:web 664'; test \"$(stat -c %U:%G media/album)\" = web:web
        test -z \"$(ls -A /jail)\"; not grep ' /jail/' /proc/self/mountinfo; not test -e /run/sftpjail/felix
        not test -e /etc/sftpjail/grants.d/felix.toml; not test -e /etc/sftpjail/keys.d/felix");
    }
}
/// felix's client, in his directory.
fn sftp(options: &str, input: &str) -> String {
    format!(
        "cd /root/felix; sftp -F none -i key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no \\
             -o UserKnownHostsFile=/dev/null {options} felix@127.0.0.1 {input}"
    )
}

/// Begins a long upload, a megabyte each second.
fn upload(name: &str) -> String {
    let client = sftp("-q -l 8000 -b batch", ">said 2>&1 & echo $! >client");
    format!(
        "echo 'put film /srv/www/staging/media/{name}' >/root/felix/batch
         {client}
         for i in $(seq 1200); do test -s /srv/www/staging/media/{name} && exit; sleep 0.05; done; cat said; exit 1"
    )
}

/// The client has noticed, and not all has been sent.
fn has_broken_off(name: &str) -> String {
    format!(
        "for i in $(seq 200); do kill -0 $(cat /root/felix/client) 2>/dev/null || break; sleep 0.05; done
         not kill -0 $(cat /root/felix/client) 2>/dev/null
         test $(stat -c %s /srv/www/staging/media/{name}) -lt $(stat -c %s /root/felix/film)"
    )
}

/// On disk, these files are the site's.
#[track_caller]
fn the_site_has(sh: &dyn Fn(&str) -> Output, files: &str) {
    let listed = sh("cd /srv/www/staging/media; find . -type f -printf '%u:%g %P\\n' | LC_ALL=C sort").stdout;
    let expected: String = files.split(' ').map(|name| format!("web:web {name}\n")).collect();
    assert_eq!(listed, expected);
}
