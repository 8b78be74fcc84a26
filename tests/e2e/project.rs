//! What the project promises as a whole: its README, its Makefile, its table of threats, and its sandbox.

mod makefile;
mod readme;
mod sandbox;
mod threats;
