//! Volumes whose source others than root could replace.

use super::faults::Machine;

/// Who can write a directory above a source chooses what members see; no owner is asked for.
#[test]
fn a_volume_that_others_could_replace() {
    let machine = Machine::new();
    let sb = &machine.sb;
    sb.configure(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/srv/sftp/%u\"\ntarget = \"/up\"\n",
    );
    sb.sh("install -d -o mle /srv/sftp/mle");
    let ok = "✓ volume parents only root and the user can replace the directories above /srv/sftp/mle\n";
    let shown = || sb.try_sh("sftpjail check mle").stdout;
    assert!(shown().contains(ok), "{}", shown());
    let what = "can replace /srv/sftp/mle with any other directory, which members would see as /up";
    machine.each(&[]);
    for (breaks, who, fix) in [
        (
            "chmod 777 /srv/sftp",
            "/srv/sftp (root:root, mode 0777): the group root and everybody",
            "if that is not intended: chmod go-w /srv/sftp",
        ),
        (
            "chgrp joe /srv/sftp; chmod 775 /srv/sftp",
            "/srv/sftp (root:joe, mode 0775): the group joe",
            "if that is not intended: chmod go-w /srv/sftp",
        ),
        (
            "chown joe /srv/sftp",
            "/srv/sftp (joe:root, mode 0755): its owner joe",
            "if that is not intended, let only root own and write /srv/sftp",
        ),
    ] {
        sb.sh(breaks);
        let expected = ["volume parents", "warned", &format!("{who} {what}"), fix].map(str::to_owned);
        assert_eq!(machine.found(), (vec![expected], 0), "{breaks}");
        if fix.contains(": ") {
            machine.paste(fix);
            assert!(shown().contains(ok), "{}", shown());
        }
        sb.sh("chown root:root /srv/sftp; chmod 755 /srv/sftp");
    }
    // A sticky directory, and the customer's own, of which sub-accounts see a part.
    sb.sh("chmod 1777 /srv/sftp");
    assert_eq!(machine.found(), (vec![], 0));
    sb.sh("usermod -d /srv/sftp joe; chown joe:joe /srv/sftp; chmod 755 /srv/sftp");
    assert_eq!(machine.found(), (vec![], 0));
    assert!(
        shown().contains("✓ volume parents below /srv/sftp, the home of joe, who can replace it\n"),
        "{}",
        shown()
    );
}
