//! Checks that real shells read what `word` writes.

use super::word;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

/// Random texts, always the same: the generator has a fixed seed.
fn texts() -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let odd = ["'", "\"", "\\", "%", "$(x)", "`x`", "!", "\n", "\u{202e}", "\u{e9}", "-", " ", "*", "~"];
    (0..200)
        .map(|_| {
            let mut text = Vec::new();
            for _ in 0..1 + next() % 12 {
                match next() % 3 {
                    0 => text.extend_from_slice(odd[next() % odd.len()].as_bytes()),
                    1 => text.push(1 + u8::try_from(next() % 255).unwrap()),
                    _ => text.push(b'a' + u8::try_from(next() % 26).unwrap()),
                }
            }
            text
        })
        .collect()
}

#[test]
fn every_shell_reads_exactly_the_same_bytes() {
    let texts = texts();
    let mut script = String::new();
    for text in &texts {
        script.push_str(&format!("printf '%s\\0' {}\n", word(OsStr::from_bytes(text))));
    }
    let expected: Vec<u8> = texts
        .iter()
        .flat_map(|text| {
            let end: &[u8] = if text.ends_with(b"\n") { b"/.\0" } else { b"\0" };
            [text, end].concat()
        })
        .collect();
    for shell in ["dash", "bash"] {
        for locale in ["C", "C.UTF-8"] {
            let out = Command::new(shell).args(["-c", &script]).env("LC_ALL", locale).output().unwrap();
            assert!(out.status.success() && out.stderr.is_empty(), "{shell}: {out:?}");
            assert!(out.stdout == expected, "{shell} in {locale}");
        }
    }
}
