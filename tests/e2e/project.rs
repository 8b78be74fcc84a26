//! What the project promises as a whole: its documents, its Makefile, its table of threats, and its sandbox.

mod administration;
mod dependencies;
mod documents;
mod every_call;
mod example;
mod machine_in_use;
mod makefile;
mod manuals;
mod outside_view;
mod pages;
mod picture;
mod readme;
mod recipes;
mod sandbox;
mod shell;
mod threats;
mod troubleshooting;
mod written_pages;
