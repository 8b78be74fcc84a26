//! Users who have granted folders: a contractor without a home, and members who have a folder besides.

use super::{BY_KEY, is_sound, member, members_without_home, stock};

#[test]
fn a_contractor_with_one_folder_of_a_site_and_a_member_with_another() {
    let sb = stock("sftp sftp-guest");
    sb.sh("useradd -r -m -d /var/web -s /usr/sbin/nologin web; install -d -o web -g web /srv/site /srv/site/media
           install -d /etc/sftpjail/grants.d /srv/documents; touch /srv/site/media/old; chown web: /srv/site/media/old");
    sb.write(
        "/etc/sftpjail/config.toml",
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
         [[profile]]\nname = \"guest\"\ngroups = [\"sftp-guest\"]\nhome = \"none\"\n",
    );
    members_without_home(&sb, "felix", "-g sftp-guest -d /nonexistent");
    member(&sb, "anna", "/home/anna");
    sb.write(
        "/etc/sftpjail/grants.d/felix.toml",
        "[[grant]]\nfolder = \"/srv/site/media\"\naccess = \"read-write\"\nowner = \"web\"\n\
         until = 2099-12-10T18:00:00+01:00\nnote = \"contract 4711\"\n\
         [[grant]]\nfolder = \"/srv/documents\"\naccess = \"read-only\"\nuntil = 2020-01-01T00:00:00Z\n",
    );
    sb.write(
        "/etc/sftpjail/grants.d/anna.toml",
        "[[grant]]\nfolder = \"/srv/documents\"\naccess = \"read-only\"\n",
    );
    // It ends sessions with what is granted, by the line that setup writes.
    sb.sh("cron");
    is_sound(&sb, "", BY_KEY, &[("anna", "/home/anna"), ("felix", "/")]);
}
