//! The documentation holds together, and says what the code says.
mod asvs;
mod configuration;
mod links;
mod reasons;
