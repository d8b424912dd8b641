//! The transparency log: tree maths, checkpoints, proofs, offline verification (RFC 9162 §2, C2SP tlog-tiles). No input or output.
