//! Entry points for fuzzing: each takes any bytes and must neither panic nor grow without bound.
