//! Guests of QEMU: what the tests of kernels rest on.

use machines::{Guest, Image, System};

#[test]
fn a_guest_reboots_and_after_a_power_cut_has_what_was_synced() {
    let mut guest = Guest::boot(&Image::of("bookworm"));
    println!("{}", guest.name());
    guest.sh("touch /root/kept && sync && touch /run/lost");
    guest.reboot();
    guest.sh("test -e /root/kept; not test -e /run/lost; echo lost >/root/lost");
    guest.power_cut();
    guest.sh("test -e /root/kept; not test -s /root/lost");
    assert_eq!(guest.ssh("root", "id -un").ok().stdout, "root\n");
}
