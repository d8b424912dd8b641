//! The number of the agent's account. It is a system's account, so passwd(5) has it: no name service is asked, which could hang, or be
//! somebody else's.
use std::fs::File;
use std::io::Read as _;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// The number of `account`, or the number that it is.
pub(crate) fn number_of(account: &str) -> Option<u32> {
    if let Ok(number) = account.parse() {
        return Some(number);
    }
    let mut text = String::new();
    File::open("/etc/passwd").ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    find(&text, account)
}

fn find(passwd: &str, account: &str) -> Option<u32> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(account))?;
    line.split(':').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name_only() {
        let passwd = "root:x:0:0::/root:/bin/sh\nimp:x:7:7::/:\nimp-client:x:998:998::/:\nbroken\n";
        assert_eq!(find(passwd, "imp-client"), Some(998));
        assert_eq!(
            (find(passwd, "imp-clien"), find(passwd, ""), find(passwd, "broken")),
            (None, None, None)
        );
        assert_eq!(number_of("4711"), Some(4711));
        assert_eq!(number_of("root"), Some(0));
    }
}
