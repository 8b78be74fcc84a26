//! The sentence, for findings in every combination that changes it.

use super::*;
use crate::report::SshdCheck;

/// What the findings say of the member anna; each is a consequence with a word as its reason.
fn of(consequences: &[Consequence]) -> (Kind, String, Status) {
    let mut own = Findings::default();
    own.passed("first", "all is well");
    own.warned("second", "it could be better", "do that");
    for consequence in consequences {
        own.failed("check", consequence.clone(), "evidence", "fix");
    }
    let conclusion = Conclusion::of("anna", Standing::Member, &own, &Findings::default());
    (conclusion.kind, conclusion.sentence, conclusion.status)
}

#[test]
fn the_first_decisive_finding_gives_the_reason() {
    let text = |reason: &str| reason.to_owned();
    let (shell, not_jailed) = (Shell(text("chroot")), NotJailed(text("forwards")));
    let (kept_out, closed) = (KeptOut(text("no key")), Closed(text("expired")));
    let (refused, no_jail) = (Refused(text("no home")), NoJail(text("no module")));
    let (hindered, unknown) = (Hindered(text("can write nothing")), Unknown(text("two versions")));
    for (consequences, kind, sentence, status) in [
        (vec![], Kind::Jailed, "anna is jailed and can log in", Status::Ok),
        (
            vec![Consequence::None],
            Kind::Jailed,
            "anna is jailed and can log in. Fix what is marked ✗ all the same",
            Status::Problems,
        ),
        (
            vec![Consequence::None, hindered.clone()],
            Kind::Hindered,
            "anna is jailed and can log in, but can write nothing",
            Status::Problems,
        ),
        (
            vec![hindered, refused.clone(), kept_out.clone()],
            Kind::CannotLogIn,
            "anna is jailed but cannot log in: no home",
            Status::Problems,
        ),
        (
            vec![closed.clone()],
            Kind::Closed,
            "anna is jailed but cannot log in: expired",
            Status::CannotLogIn,
        ),
        // Somebody has to look at the other finding.
        (
            vec![closed.clone(), Consequence::None],
            Kind::CannotLogIn,
            "anna is jailed but cannot log in: expired",
            Status::Problems,
        ),
        (vec![unknown.clone()], Kind::Unknown, "anna cannot be judged: two versions", Status::Problems),
        (
            vec![unknown, kept_out],
            Kind::CannotLogIn,
            "anna cannot log in: no key. Whether anna is jailed is unknown: two versions",
            Status::Problems,
        ),
        (vec![not_jailed.clone()], Kind::NotJailed, "anna IS NOT JAILED: forwards", Status::Problems),
        // The module is not asked, so what it would refuse keeps nobody out.
        (
            vec![refused.clone(), no_jail, not_jailed, shell.clone()],
            Kind::NotJailed,
            "anna IS NOT JAILED and gets a shell: chroot",
            Status::Problems,
        ),
        (
            vec![shell.clone(), refused],
            Kind::NotJailed,
            "anna IS NOT JAILED: chroot. Only this keeps anna out now: no home",
            Status::Problems,
        ),
        (
            vec![shell, closed],
            Kind::NotJailed,
            "anna IS NOT JAILED: chroot. Only this keeps anna out now: expired",
            Status::Problems,
        ),
    ] {
        assert_eq!(of(&consequences), (kind, sentence.to_owned(), status), "{consequences:?}");
    }
}

#[test]
fn findings_about_the_host_decide_for_members_and_for_nobody_else() {
    let mut host = Findings::default();
    host.failed("pam session", NoJail("no module".to_owned()), "no line", "add it");
    host.failed("fstab", Consequence::None, "a mount", "remove it");
    let of = |standing, own: &Findings| {
        let conclusion = Conclusion::of("anna", standing, own, &host);
        (conclusion.kind, conclusion.sentence, conclusion.status)
    };
    let none = Findings::default();
    let sentence = "anna is jailed but cannot log in: no module".to_owned();
    assert_eq!(of(Standing::Member, &none), (Kind::CannotLogIn, sentence, Status::Problems));
    let sentence = "anna cannot log in: no module".to_owned();
    assert_eq!(of(Standing::Undecided, &none), (Kind::CannotLogIn, sentence, Status::Problems));
    let sentence = "anna is in no profile, so anna is not jailed".to_owned();
    assert_eq!(of(Standing::InNoProfile, &none), (Kind::InNoProfile, sentence, Status::InNoProfile));

    let mut own = Findings::default();
    own.failed(SshdCheck::Chroot, KeptOut("sshd wants a jail".to_owned()), "evidence", "fix");
    let sentence = "anna is in no profile, and cannot log in: sshd wants a jail".to_owned();
    assert_eq!(of(Standing::InNoProfile, &own), (Kind::CannotLogIn, sentence, Status::Problems));
}

#[test]
fn what_could_not_be_checked_is_never_taken_for_ok() {
    let mut own = Findings::default();
    own.unknown("shadow", "NSS does not answer", "see that it does");
    let conclusion = |own: &Findings| Conclusion::of("anna", Standing::Member, own, &Findings::default());
    assert_eq!(conclusion(&own).sentence, "anna cannot be judged: NSS does not answer");
    assert_eq!((conclusion(&own).kind, conclusion(&own).status), (Kind::Unknown, Status::Unchecked));
    own.unknown("rehearsal", "only root can build a jail", AS_ROOT);
    assert_eq!(conclusion(&own).sentence, "anna cannot be judged: only root can check all of it");
    // The account is closed, but who knows what else.
    own.failed("shadow", Closed("expired".to_owned()), "it expired", "chage");
    assert_eq!((conclusion(&own).kind, conclusion(&own).status), (Kind::CannotLogIn, Status::Problems));
}
