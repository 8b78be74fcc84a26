# Runs a guest until standard input ends, which is a power cut. It is PID 1 of a PID namespace, so that the guest ends
# with it, and has a network of its own, in which the guest is at 127.0.0.1:2222.
# $1: the root with QEMU; $2: the image; $3: the directory of what cargo built, which the Makefile of $4 installs into
# a tar, the guest's /dev/vdb; $5: the image that has the kernel; $6: further words for that. Standard output is the
# guest's disk, and standard error its console. WAY_IN: options of ssh.
set -eu
exec 3<&0 4<&1 >/dev/null
mount -t proc proc /proc
ip link set lo up
mount -t tmpfs -o mode=0755 run /run
make --silent -C "$4" -o build-release install DESTDIR=/run/files MANUALS= RELEASE="$3"
tar -C /run/files -cf /run/files.tar .
cp "$2/key" /run/key
mount --bind "$2" "$1/image"
mount --bind /run/files.tar "$1/image/files"
mount --bind "$5/kernel" "$1/image/kernel"
mount --bind "$5/initrd" "$1/image/initrd"
mount --bind /dev "$1/dev"
mount --bind /proc "$1/proc"
chroot "$1" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi,tb-size=512 -cpu max -smp 2 -m 1536 -display none \
    -kernel /image/kernel -initrd /image/initrd -append "root=/dev/vda rw console=ttyS0 net.ifnames=0 $6" \
    -drive file=/proc/self/fd/4,format=qcow2,if=virtio,cache=writeback \
    -drive file=/image/files,format=raw,if=virtio,readonly=on \
    -netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-10.0.2.15:2222 -device virtio-net-pci,netdev=net \
    -device virtio-rng-pci -chardev file,id=console,path=/proc/self/fd/2,append=on -serial chardev:console \
    -monitor none </dev/null &
qemu=$!
exec 2>/dev/null
{ cat <&3; kill -s KILL $qemu; } &
# One connection for all commands: to make one takes an emulated processor a second.
while sleep 0.5; do ssh $WAY_IN -M -N </dev/null; done &
wait $qemu
