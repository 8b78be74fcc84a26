//! Damaged log lines, for tests.

/// Calls `to` with arbitrary bytes and with damaged log lines, the same in every run.
pub(crate) fn noise(mut to: impl FnMut(&[u8])) {
    const ODD: &[u8] = b"\\\"[]: \0\xff09";
    const SEEDS: [&str; 6] = [
        "Nov 22 03:04:05 host internal-sftp[67]: close \"/home/mle/x\" bytes read 1 written 2",
        "2024-11-22T03:04:05.123456+01:00 host internal-sftp[67]: posix-rename old \"/a\" new \"/b\"",
        "session opened for local user mle from [127.0.0.1]",
        "message repeated 3 times: [ open \"\\303\\244\\\\\" flags READ mode 0666]",
        "{\"__REALTIME_TIMESTAMP\":\"1\",\"SYSLOG_IDENTIFIER\":\"internal-sftp\",\"MESSAGE\":[1,2]}",
        "sshd): session opened for user mle(uid=1): home=/x",
    ];
    // xorshift64
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for round in 0..20_000 {
        let mut bytes: Vec<u8> = match round % 2 {
            0 => (0..random(80)).map(|_| u8::try_from(random(256)).unwrap()).collect(),
            _ => SEEDS[random(SEEDS.len())].into(),
        };
        for _ in 0..random(4) {
            let at = random(bytes.len() + 1);
            match random(3) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, ODD[random(ODD.len())]),
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        to(&bytes);
    }
}
