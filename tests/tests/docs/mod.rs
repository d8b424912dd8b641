//! The documentation holds together, and says what the code says.
mod links;
mod reasons;
