//! The core of the phone for Kotlin, Swift and others.
