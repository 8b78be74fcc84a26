//! The story of a freelancer, in a sandbox: here, the hour is when `sftpjail expire` runs.

use sandbox::{Namespace, Sandbox, story};

in_both_namespaces!(a_freelancer_works_in_one_folder_of_a_site_until_an_hour_and_the_site_owns_it_all,);

fn a_freelancer_works_in_one_folder_of_a_site_until_an_hour_and_the_site_owns_it_all(namespace: Namespace) {
    let sb = Sandbox::stock();
    sb.sh("groupadd --system sftp-guest; install -d /etc/sftpjail");
    let profile = "[[profile]]\nname = \"guest\"\ngroups = [\"sftp-guest\"]\nhome = \"none\"\n";
    sb.write("/etc/sftpjail/config.toml", format!("namespace = \"{namespace}\"\n{profile}"));
    sb.sh("sftpjail setup --managed-keys --yes");
    sb.sshd();
    story::Host {
        try_sh: &|script| sb.try_sh(script),
        lasts: 15,
        at_the_hour: &|| {
            let ends = "until = \\(.*\\)";
            sb.sh(&format!(
                "end=$(date -d $(sed -n 's/^{ends}/\\1/p' /etc/sftpjail/grants.d/felix.toml) +%s)
                 while [ $(date +%s) -lt $end ]; do sleep 0.1; done; sftpjail expire"
            ));
        },
    }
    .of_a_freelancer();
    sb.wait_for_log("expire: the session of user felix(uid=");
    sb.wait_for_log("revoke: root has revoked /srv/www/staging/media of felix");
}
