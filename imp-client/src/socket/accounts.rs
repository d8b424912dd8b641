//! What the accounts of this machine are called (passwd(5)).
use std::io::Read as _;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// The local account with this number; accounts of a directory have none here, and may ask nothing that needs a name.
pub(super) fn name_of(uid: u32) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open("/etc/passwd").ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    find(&text, uid).map(str::to_owned)
}

fn find(passwd: &str, uid: u32) -> Option<&str> {
    let named = |line: &'_ str| -> Option<u32> { line.split(':').nth(2)?.parse().ok() };
    let line = passwd.lines().find(|line| named(line) == Some(uid))?;
    line.split(':').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n# none\n:x:7:7::/:\nada:x:1000:1000:Ada,,,:/home/ada:/bin/bash\n";
        assert_eq!(find(passwd, 1000), Some("ada"));
        assert_eq!(find(passwd, 0), Some("root"));
        assert_eq!((find(passwd, 1001), find(passwd, 7)), (None, None));
    }
}
