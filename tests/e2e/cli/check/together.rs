//! Several findings about one file: their fixes do not spoil each other, in whatever order they are pasted.

use super::faults::Machine;

/// Both of these files, as they are, and their lines in no order.
const SAVE: &str = "for file in /etc/ssh/sshd_config /etc/pam.d/sshd; do grep . $file | sort; done";

/// How the fixes of one report are pasted.
#[derive(Clone, Copy, Debug)]
enum Order {
    AsShown,
    Reversed,
    /// As by an admin who is not sure.
    Twice,
}

/// `with`: how the machine differs from one on which everything is ok. `broken`: each breaks something else. After the
/// fixes, every other line of the files is as it was.
#[track_caller]
fn mended(with: &str, broken: &[&str], least: usize, orders: &[Order]) {
    let machine = Machine::new();
    machine.sb.sh(with);
    let good = machine.sb.sh(SAVE).stdout;
    machine.restore();
    for order in orders {
        for script in [with].iter().chain(broken) {
            machine.sb.sh(script);
        }
        let mut rounds = 0;
        loop {
            let (found, _) = machine.found();
            if found.is_empty() {
                break;
            }
            assert!(rounds > 0 || found.len() >= least, "{found:#?}");
            assert!(rounds < 3, "{order:?}: {found:#?}");
            rounds += 1;
            let mut fixes: Vec<_> = found.iter().map(|finding| &finding[3]).collect();
            match order {
                Order::AsShown => {}
                Order::Reversed => fixes.reverse(),
                Order::Twice => fixes.extend(fixes.clone()),
            }
            for fix in fixes {
                // One of them may find that the line is gone.
                let command = fix.split_once(": ").filter(|(words, _)| !words.contains('\''));
                let _ = machine.sb.try_sh(command.map_or(fix.as_str(), |(_, command)| command));
            }
        }
        let now = machine.sb.sh(SAVE).stdout;
        let differs = |a: &str, b: &str| {
            let of_a = a.lines().filter(|line| {
                a.lines().filter(|l| l == line).count() > b.lines().filter(|l| l == line).count()
            });
            of_a.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            (differs(&good, &now), differs(&now, &good)),
            (vec![], vec![]),
            "{order:?}: lost, and new"
        );
        machine.restore();
    }
}

#[test]
fn of_sshds_configuration() {
    mended(
        "sed -i /DisableForwarding/d /etc/ssh/sshd_config",
        &[
            "sed -i '/^UsePAM/d; s/^    PermitTTY no/    PermitTTY yes/' /etc/ssh/sshd_config",
            "sed -i 's/^    AllowTcpForwarding no/    AllowTcpForwarding yes/' /etc/ssh/sshd_config",
            "sed -i 's,/jail/%u,/srv/%u,; s/^    ForceCommand .*/    ForceCommand none/' /etc/ssh/sshd_config",
        ],
        4,
        // A line that is missing would be there twice, which sshd allows.
        &[Order::AsShown, Order::Reversed],
    );
}

#[test]
fn of_pams_lines() {
    mended(
        "",
        &[
            "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd
             sed -i '$r /tmp/close' /etc/pam.d/sshd",
            "sed -i 's/^account .*\\(pam_sftpjail.so\\)/account optional \\1/' /etc/pam.d/sshd",
            "grep 'sftpjail.so open' /etc/pam.d/sshd | sed 's/ open//' >/tmp/second; cat /tmp/second >>/etc/pam.d/sshd",
            "sed -i '1i optional pam_permit.so' /etc/pam.d/sshd",
        ],
        3,
        &[Order::AsShown, Order::Reversed, Order::Twice],
    );
}

/// Each is moved above a line that another fix changes, or that another fix moves.
#[test]
fn of_lines_that_stand_beside_each_other() {
    for broken in [
        "grep sftpjail /etc/pam.d/sshd >/tmp/lines; sed -i /sftpjail/d /etc/pam.d/sshd
         echo 'session sufficient pam_sftpjail.so close' >>/etc/pam.d/sshd
         grep -v close /tmp/lines | sort -r >>/etc/pam.d/sshd",
        "grep 'session.*sftpjail' /etc/pam.d/sshd >/tmp/lines; sed -i '/session.*sftpjail/d' /etc/pam.d/sshd
         sed -i '1i session optional pam_sftpjail.so open' /etc/pam.d/sshd; grep close /tmp/lines >>/etc/pam.d/sshd",
    ] {
        mended("", &[broken], 2, &[Order::AsShown, Order::Reversed, Order::Twice]);
    }
}

/// One line with two findings: it does not make a refusal final, and it is skipped.
#[test]
fn of_one_line() {
    mended(
        "sed -i '/^account.*sftpjail/i account sufficient pam_localuser.so' /etc/pam.d/sshd",
        &["sed -i 's/^account .*\\(pam_sftpjail.so\\)/account\\toptional \\1/' /etc/pam.d/sshd"],
        2,
        &[Order::AsShown, Order::Reversed, Order::Twice],
    );
}

/// A second line that opens would refuse every member.
#[test]
fn of_missing_lines() {
    for broken in ["/sftpjail.so open/d", "/sftpjail.so open/d; /^account.*sftpjail/d"] {
        let broken = format!("sed -i '{broken}' /etc/pam.d/sshd");
        mended("", &[&broken], 1, &[Order::AsShown, Order::Reversed, Order::Twice]);
    }
}

/// Each adds its line to the copy of the distributor's file, which the first of them makes.
#[test]
fn of_a_file_that_is_copied_first() {
    let machine = Machine::new();
    machine.sb.sh("cp -p /etc/pam.d/sshd /tmp/whole; sed '/sftpjail.so open/d; /^account.*sftpjail/d' /etc/pam.d/sshd >/usr/lib/pam.d/sshd; rm /etc/pam.d/sshd");
    let (found, _) = machine.found();
    let fixes: Vec<_> = found.iter().map(|finding| finding[3].as_str()).collect();
    assert_eq!(fixes.len(), 2, "{found:#?}");
    for fix in fixes {
        machine.paste(fix);
    }
    assert_eq!(machine.found(), (vec![], 0));
    machine.sb.sh("for file in /tmp/whole /etc/pam.d/sshd; do grep . $file | sort >$file.lines; done; cmp /tmp/whole.lines /etc/pam.d/sshd.lines");
}
