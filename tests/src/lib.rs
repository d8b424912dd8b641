//! The tests of IMP as a whole: a world of server, workstations and phones, journeys through it, and the tools to look at
//! what they leave behind.
pub mod browser;
pub mod demo;
pub mod estate;
pub mod frozen;
pub mod leak;
pub mod node;
pub mod presentation;
pub mod process;
pub mod python;
pub mod screen;
pub mod source_tree;
pub mod wire;
pub mod world;
