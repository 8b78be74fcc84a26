//! The table of what each client shows of a login that is refused.

use std::fs;

use super::{PAGE, with_anna};
use crate::common::ROOT;

/// The clients of the table, as anna uses them, with a key or with her password.
const CLIENTS: [(&str, &str); 13] = [
    ("sftp", "sftp -b /dev/null anna@127.0.0.1"),
    ("scp", "scp /etc/hostname anna@127.0.0.1:"),
    ("sshfs", "sshfs -o BatchMode=yes anna@127.0.0.1: /mnt"),
    (
        "lftp",
        "lftp -c 'set sftp:connect-program \"ssh -a -x -o BatchMode=yes\"; set net:max-retries 1;
                  open -u anna, sftp://127.0.0.1; ls'",
    ),
    ("curl", "curl -sS --user anna:secret sftp://127.0.0.1/~/"),
    ("restic", "RESTIC_PASSWORD=x restic -r sftp:anna@127.0.0.1:backup init"),
    (
        "rclone",
        "rclone --retries 1 --low-level-retries 1 --sftp-host 127.0.0.1 --sftp-user anna \\
            --sftp-key-file /root/.ssh/id_ed25519 lsd :sftp:/",
    ),
    (
        "psftp",
        "psftp -batch -hostkey \"$(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2)\" \\
            -pw secret -b /dev/null anna@127.0.0.1",
    ),
    ("paramiko", "/usr/bin/python3 /root/paramiko-client.py"),
    ("asyncssh", "/usr/bin/python3 -W ignore /root/asyncssh-client.py"),
    ("Net::SFTP::Foreign", "perl /root/client.pl"),
    ("phpseclib", "php8.2 /root/phpseclib.php"),
    ("ssh2", "php8.2 -d extension=ssh2.so /root/ssh2.php"),
];

/// What of them Debian's own packages bring that are not installed.
const PACKAGES: [&str; 16] = [
    "restic",
    "rclone",
    "putty-tools",
    "python3-bcrypt",
    "python3-nacl",
    "python3-paramiko",
    "python3-typing-extensions",
    "python3-asyncssh",
    "libnet-sftp-foreign-perl",
    "php-common",
    "php-constant-time",
    "php-random-compat",
    "php-phpseclib3",
    "php8.2-common",
    "php8.2-cli",
    "php8.2-ssh2",
];

/// The programs of those that are libraries.
const PROGRAMS: [(&str, &str); 5] = [
    (
        "paramiko-client.py",
        "import paramiko
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect('127.0.0.1', username='anna', password='secret', allow_agent=False, look_for_keys=False)
client.open_sftp().listdir('/')
",
    ),
    (
        "asyncssh-client.py",
        "import asyncio, asyncssh
async def list():
    async with asyncssh.connect('127.0.0.1', username='anna', password='secret', known_hosts=None, client_keys=None) as client:
        async with client.start_sftp_client() as sftp:
            await sftp.listdir('/')
asyncio.run(list())
",
    ),
    (
        "client.pl",
        "use Net::SFTP::Foreign;
my $sftp = Net::SFTP::Foreign->new('127.0.0.1', user => 'anna', more => [qw(-o BatchMode=yes)]);
$sftp->die_on_error('no connection');
$sftp->ls('/') or die;
",
    ),
    (
        "phpseclib.php",
        "<?php
require '/usr/share/php/phpseclib3/autoload.php';
$sftp = new phpseclib3\\Net\\SFTP('127.0.0.1');
try {
    exit($sftp->login('anna', 'secret') && $sftp->nlist('/') ? 0 : 1);
} catch (Throwable $error) {
    fwrite(STDERR, $error->getMessage() . PHP_EOL . $sftp->getBannerMessage());
    exit(1);
}
",
    ),
    (
        "ssh2.php",
        "<?php
$client = ssh2_connect('127.0.0.1', 22);
$works = ssh2_auth_password($client, 'anna', 'secret') && ssh2_sftp($client);
fwrite(STDERR, error_get_last()['message'] ?? '');
exit($works ? 0 : 1);
",
    ),
];

/// A refusal whose reason the user reads in a sentence, and one without.
const REFUSALS: [&str; 2] =
    ["chmod 777 /jail", "chmod 700 /jail; sed -i 's/^groups/grups/' /etc/sftpjail/config.toml"];

#[test]
fn each_client_shows_of_a_refusal_what_its_row_says() {
    let page = fs::read_to_string(format!("{ROOT}/{PAGE}")).expect("the page");
    let sb = with_anna();
    for package in PACKAGES {
        sb.unpack(package);
    }
    for (name, text) in PROGRAMS {
        sb.write(format!("/root/{name}"), text);
    }
    for (_, command) in CLIENTS {
        sb.sh(command);
    }
    sb.sh("umount /mnt");
    for (column, refusal) in (1..).zip(REFUSALS) {
        sb.sh(refusal);
        for (client, command) in CLIENTS {
            let row = page.lines().find(|line| line.starts_with(&format!("| {client} ")));
            let row = row.unwrap_or_else(|| panic!("no row of {client}"));
            let cell = row.trim_matches('|').split(" | ").nth(column).expect("a cell");
            let texts: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
            let out = sb.try_sh(command).failed();
            assert!(texts.iter().any(|text| out.stderr.contains(text)), "none of {texts:?}: {out}");
            let is_said = out.stderr.contains("SFTP is not possible");
            assert_eq!(is_said, cell.contains("SFTP is not possible"), "{out}");
        }
    }
}
