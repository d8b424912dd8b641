//! Who runs the command.
use imp_identity::Actor;

/// The Unix account, as the cause of events: its name in `/etc/passwd`, or its number.
pub(super) fn operator() -> Actor {
    let id = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    Actor::Operator(name(&passwd, id).map_or_else(|| format!("uid {id}"), str::to_owned))
}

/// passwd(5): name, password, uid, …
fn name(passwd: &str, id: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id.to_string()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_number() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\nbroken\nimp:x:990:990::/var/lib/imp:/bin/sh\n";
        assert_eq!(name(passwd, 990), Some("imp"));
        assert_eq!(name(passwd, 99), None);
    }
}
