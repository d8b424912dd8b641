//! A tap signs in where PAM asks.
