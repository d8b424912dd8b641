//! Versions of resources as weak entity tags (RFC 7644 §3.14, RFC 9110 §8.8.3).

/// The tag of a version.
pub fn tag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// Whether a list of tags, as in `If-Match` or `If-None-Match`, holds `version` or is `*`. Both kinds of tag count: ours are weak.
pub fn matches(list: &str, version: u64) -> bool {
    list.split(',').map(str::trim).any(|tag| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let opaque = opaque.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        tag == "*" || opaque == Some(version.to_string().as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_holds_a_version() {
        assert!(matches(&tag(7), 7));
        assert!(matches("\"3\", W/\"7\"", 7));
        assert!(matches("*", 7));
        for list in ["", "7", "W/\"77\"", "W/\"7", "\"07\""] {
            assert!(!matches(list, 7), "{list}");
        }
    }
}
