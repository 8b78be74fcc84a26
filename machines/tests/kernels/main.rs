//! What must hold with kernels other than the host's, and on a disk that loses its power: in guests of QEMU.

mod guest;
mod old;
mod power_cut;
