//! The documentation holds together, and says what the code says.
mod configuration;
mod links;
mod reasons;
