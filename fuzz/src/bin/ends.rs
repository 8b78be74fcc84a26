#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sftpjail::properties::ends(data));
