use super::*;
use std::ops::RangeInclusive;

fn of(bytes: &[u8]) -> String {
    Escaped(bytes).to_string()
}

#[test]
fn plain_paths_are_shown_as_they_are() {
    assert_eq!(of(b"/home/mle/sub"), "/home/mle/sub");
    assert_eq!(of(b"web$"), "web$");
}

#[test]
fn a_path_cannot_pretend_to_be_another_field_or_line() {
    assert_eq!(of(b"/home/a b rhost=1"), "\"/home/a b rhost=1\"");
    assert_eq!(of(b"a\nb"), "\"a\\x0ab\"");
    assert_eq!(of(b"a\"b\\c"), "\"a\\\"b\\\\c\"");
    assert_eq!(of(b""), "\"\"");
}

#[test]
fn a_shell_reads_one_word_and_runs_nothing() {
    let of = |bytes| Word(bytes).to_string();
    assert_eq!(of(b"/home/mle/sub"), "/home/mle/sub");
    assert_eq!(of(b""), "''");
    assert_eq!(of(b"web$"), "'web$'");
    assert_eq!(of(b"/home/$(x) `y`"), "'/home/$(x) `y`'");
    assert_eq!(of(b"it's"), r"'it'\''s'");
    assert_eq!(of(b"it's\n\xff\\"), r#""$(printf 'it\047s\012\377\134')""#);
    assert_eq!(of(b"-%d!\n"), r#""$(printf '\055\045d\041\012/.')""#);
    assert_eq!(of("a\u{e9}\u{202e}".as_bytes()), "\"$(printf 'a\u{e9}\\342\\200\\256')\"");
}

/// The property as in Unicode 16, with the characters that are unassigned yet.
const DEFAULT_IGNORABLE: [RangeInclusive<u32>; 17] = [
    0xad..=0xad,
    0x34f..=0x34f,
    0x61c..=0x61c,
    0x115f..=0x1160,
    0x17b4..=0x17b5,
    0x180b..=0x180f,
    0x200b..=0x200f,
    0x202a..=0x202e,
    0x2060..=0x206f,
    0x3164..=0x3164,
    0xfe00..=0xfe0f,
    0xfeff..=0xfeff,
    0xffa0..=0xffa0,
    0xfff0..=0xfff8,
    0x1bca0..=0x1bca3,
    0x1d173..=0x1d17a,
    0xe0000..=0xe0fff,
];

#[test]
fn hiding_and_reordering_characters_are_not_printable_and_every_script_is() {
    let others = [0..=0x1f, 0x7f..=0xa0, 0x2000..=0x200f, 0x2028..=0x202f, 0x2066..=0x2069, 0xfff9..=0xfffb];
    let singles = [0x1680, 0x205f, 0x2800, 0x3000, 0xe000, 0xfdd0, 0xfffe, 0x378, 0xf0000, 0x10_ffff];
    let singles = singles.map(|code| code..=code);
    for code in DEFAULT_IGNORABLE.into_iter().chain(others).chain(singles).flatten() {
        let c = char::from_u32(code).unwrap();
        assert!(unprintable(c), "U+{code:04X}");
        assert!(!one_line(&format!("a{c}b")).contains(c), "U+{code:04X}");
    }
    for text in [
        " ~!\"\\",
        "\u{e9} e\u{301} \u{df}",
        "日本語",
        "русский",
        "עברית",
        "العربية",
        "हिन्दी",
        "ไทย",
        "한국어",
        "\u{1f600}",
        "€ § ¿",
        "\u{fffd}",
    ] {
        assert!(is_plain(text), "{text}");
        assert_eq!(one_line(text), text);
    }
}

#[test]
fn an_escaped_text_gives_its_bytes_back_unless_it_has_lost_its_middle() {
    for bytes in [
        &b"/home/mle"[..],
        b"",
        b"a b \"c\" \\x41 \\",
        b"\xff\n\x1b",
        "\u{e9}\u{202e}".as_bytes(),
        &[b'"'; 5000],
    ] {
        let text = Whole(bytes).to_string();
        assert_eq!(unescaped(&text).as_deref(), Some(OsStr::from_bytes(bytes)), "{text}");
    }
    assert_eq!(unescaped(&of(&[b'x'; 5000])), None);
    assert_eq!(unescaped(&of(&[b' '; 5000])), None);
    for text in ["", "\"", "a b", "\"a\"b\"", "\"\\\"", "\"\\x4\"", "\"\\y\"", "\u{e9}"] {
        assert_eq!(unescaped(text), None, "{text}");
    }
}

#[test]
fn a_very_long_text_loses_its_middle() {
    let long = of(&[b'x'; 5000]);
    assert_eq!(long, format!("{0}[4488 bytes]{0}", "x".repeat(256)));
    assert!(of(&[0xff; 5000]).len() < 2100);
    assert_eq!(of(&[b'x'; 512]), "x".repeat(512));
    assert_eq!(of(&[b'x'; 513]), format!("{0}[1 bytes]{0}", "x".repeat(256)));
}

#[test]
fn terminals_see_no_controls_and_no_reordering() {
    assert_eq!(of(b"\x1b[2J"), "\"\\x1b[2J\"");
    assert_eq!(of(b"caf\xe9"), "\"caf\\xe9\"");
    assert_eq!(of("caf\u{e9}".as_bytes()), "\"caf\u{e9}\"");
    assert_eq!(of("x\u{202e}y".as_bytes()), "\"x\\xe2\\x80\\xaey\"");
    assert_eq!(one_line("a\nb\u{1b}"), "a?b?");
}
