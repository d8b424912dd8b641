//! Technology evaluation after ISO/IEC 19795-1.
