//! What the log holds of a record: nothing that anybody could read.
use crate::hash::sha256;

/// The entry of a record: SHA-256("imp-record/v1" ‖ 0x00 ‖ salt ‖ record text). It is the leaf data of the tree, hides the
/// record while the salt is unknown, and stays when record and salt are erased.
pub fn commitment(salt: &[u8; 32], record: &str) -> [u8; 32] {
    sha256(&[b"imp-record/v1\0", salt, record.as_bytes()]).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_is_the_digest_that_the_documentation_says() {
        // printf 'imp-record/v1\0' | cat - <(head -c 32 /dev/zero) <(printf '{}') | sha256sum
        let hex = data_encoding::HEXLOWER.encode(&commitment(&[0; 32], "{}"));
        assert_eq!(hex, "e1956563dd0cfa450546a992d2e52e787c33ee0e2cf6e53e74ab0c5ac46caec6");
    }

    #[test]
    fn salt_and_record_both_change_the_commitment() {
        let plain = commitment(&[0; 32], "{}");
        assert_ne!(plain, commitment(&[1; 32], "{}"));
        assert_ne!(plain, commitment(&[0; 32], "{ }"));
    }
}
