use super::*;
use crate::host::sshd::effective::Settings;
use base64ct::{Base64, Encoding};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOaJsFoFNJIYWWiyJ2xbIC7hk6ZsTBfu8s0fWoJKjHmj";

const ACCEPTED: &str = "pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-512\n";

fn found(text: &str) -> KeyFile {
    found_by(text, ACCEPTED)
}

fn found_by(text: &str, settings: &str) -> KeyFile {
    found_in(text.as_bytes(), &Accepted::by([&Settings::parse(settings)]))
}

#[test]
fn a_key_is_found_as_by_sshd() {
    for line in [
        format!("{KEY}\n"),
        format!("# mine\n\n  {KEY} anna@laptop, at home\r\n"),
        format!("restrict,command=\"a \\\" b\",from=\"10.0.0.0/8\" {KEY}"),
        format!("no-pty\t{KEY}"),
        format!("not a key\n{KEY}\n"),
    ] {
        assert_eq!(found(&line), KeyFile::Keys, "{line}");
    }
}

#[test]
fn what_is_no_key_is_named() {
    use NoKey::{Exported, Line, Private, Type};
    let (half, blob) = (&KEY[..KEY.len() - 8], &KEY["ssh-ed25519 ".len()..]);
    for (text, expected) in [
        (half.to_owned(), Line(1)),
        // Wrapped by an editor, or by a mail program.
        (format!("# mine\n{half}\n{}\n", &KEY[KEY.len() - 8..]), Line(2)),
        (blob.to_owned(), Line(1)),
        (format!("ssh-rsa {blob}"), Line(1)),
        (format!("from=\"10.0.0.1 {KEY}"), Line(1)),
        (format!("no-pty, no-port-forwarding {KEY}"), Line(1)),
        ("\u{1b}[2J\0".to_owned(), Line(1)),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXkt\n".to_owned(), Private),
        // As openssl makes one, and a note.
        ("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2Vw\n".to_owned(), Line(1)),
        ("the PRIVATE KEY is on my laptop\n".to_owned(), Line(1)),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n".to_owned(), Private),
        ("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"x\"\n".to_owned(), Exported),
        (DSA.to_owned(), Type("ssh-dss".to_owned())),
    ] {
        assert_eq!(found(&text), KeyFile::NoKey(expected), "{text}");
    }
    for empty in ["", "\n \n", "# none\n"] {
        assert_eq!(found(empty), KeyFile::Empty, "{empty}");
    }
}

/// Its own key would let the user in. sshd compares neither it nor its authority with such a line.
#[test]
fn a_certificate_is_no_key() {
    let name = "ssh-ed25519-cert-v01@openssh.com";
    let blob = [&u32::try_from(name.len()).unwrap().to_be_bytes()[..], name.as_bytes(), b"key"].concat();
    let line = format!("{name} {} anna", Base64::encode_string(&blob));
    for line in [line.clone(), format!("cert-authority,principals=\"anna\" {line}")] {
        assert_eq!(found(&line), KeyFile::NoKey(NoKey::Certificate(1)), "{line}");
    }
}

/// As OpenSSH 8.4 and 9.2 print their settings.
#[test]
fn a_time_in_utc_lets_nobody_in_where_sshd_does_not_read_it() {
    let newer = format!("{ACCEPTED}requiredrsasize 1024\n");
    let options = |line: usize| KeyFile::NoKey(NoKey::Options(line, Fault::utc()));
    for (end, before) in
        [("20991210Z", options(1)), ("209912101800utc", options(1)), ("209912101800", KeyFile::Keys)]
    {
        let line = format!("restrict,expiry-time=\"{end}\" {KEY}\n");
        assert_eq!(found(&line), before, "{end}");
        assert_eq!(found_by(&line, &newer), KeyFile::Keys, "{end}");
        assert_eq!(found(&(line + KEY)), KeyFile::Keys, "{end}");
    }
}

/// Users choose what is in the file, and findings name the type.
#[test]
fn a_type_with_a_longer_name_than_there_can_be_is_no_key() {
    for (length, expected) in [(64, NoKey::Type("x".repeat(64))), (65, NoKey::Line(1))] {
        let name = "x".repeat(length);
        let blob = [&u32::try_from(length).unwrap().to_be_bytes()[..], name.as_bytes(), b"key"].concat();
        let line = format!("{name} {}", Base64::encode_string(&blob));
        assert_eq!(found(&line), KeyFile::NoKey(expected), "{length}");
    }
}

#[test]
fn the_key_of_an_authority_may_have_any_type() {
    assert_eq!(found(&format!("cert-authority,principals=\"anna\" {DSA}")), KeyFile::Keys);
    // A quoted word is no option.
    let quoted = format!("command=\"cert-authority\" {DSA}");
    assert_eq!(found(&quoted), KeyFile::NoKey(NoKey::Type("ssh-dss".to_owned())));
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let long = std::iter::repeat_n("# a line\n", 200_000).collect::<String>();
    assert_eq!(found(&(long.clone() + KEY)), KeyFile::Long);
    assert_eq!(found(&(KEY.to_owned() + "\n" + &long)), KeyFile::Keys);
    assert_eq!(found(&"x".repeat(2 << 20)), KeyFile::Long);
}

/// As ssh-keygen -t dsa makes one.
const DSA: &str = "ssh-dss AAAAB3NzaC1kc3MAAACBAMaviAnfC/8J8N2QpNmeyYIuZkAMJeGpRZ46wmO3N/PzHO3Q3zZjzdfPlk8KkIaH1xCXSFpzTpZDb7erGseymuS6ysWxPhze0CtO+8ClvqUyjqtdsSWO2btmrnkEdWbKyv21GZ4c5UriHJiaz8bqiJnOakrPQ0VB96f7I8SXm8CNAAAAFQD6uqoiBYRVYzOTQHjq5jbjyPlIIQAAAIAzU3pqbmZjTEnpvNcNBpzXPpydBWAdEYXTjmF8lGJYMnZnV9fBGV8zedBW4dpZep7i0yqJFbu2nphBtIt0gN5+fPjVlet6k7bV/oqlfioQZrNzYSl/w0X5AgI5oYRxHEHgsqRrhwVMZaFN1n/RXv9JJuV/SRf4L77lAsdUu0pTMwAAAIEAlfaGq2SNeIAmly2K8Lc4QPlhZPC6k02ffIkcmfg5ntqy4hqkrlNDSv+hLc6nrNn+rO9sRaX7tk79e3bUE1D1oudWIJh383yitAv+dC2p/AwuieIjgqcJ0r0T6xP28k3giS+qejETKq0SLaN9bbEUT9GQ2LLdc/D3MAcnF91iva8=";
