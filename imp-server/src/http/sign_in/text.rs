//! Every sentence of the pages, in one place: another language is another [`Text`].
mod english;
mod greek;
mod italian;

pub(crate) use english::ENGLISH;
pub(crate) use greek::GREEK;
pub(crate) use italian::ITALIAN;

/// Every language; the first is spoken to whoever wants none of them.
pub(crate) static LANGUAGES: [&Text; 3] = [&ENGLISH, &ITALIAN, &GREEK];

/// Declares what the pages say, so that a test can look at every sentence.
macro_rules! sentences {
    ($($name:ident),+ $(,)?) => {
        /// What the pages say.
        #[derive(Debug)]
        pub(crate) struct Text {
            /// The language (BCP 47).
            pub(crate) language: &'static str,
            /// What its speakers call it.
            pub(crate) own_name: &'static str,
            $(pub(crate) $name: &'static str,)+
        }

        #[cfg(test)]
        impl Text {
            /// Every sentence, by its name.
            fn sentences(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}

sentences! {
    sign_in,
    sign_in_to,
    hinted,
    confirm,
    confirm_why,
    more_needed,
    looking,
    no_script,
    choose,
    passkey,
    passkey_hint,
    security_key,
    security_key_hint,
    phone,
    phone_hint,
    phone_scan,
    phone_number,
    phone_by_hand,
    desktop,
    desktop_hint,
    desktop_step_up,
    desktop_again,
    desktop_none,
    desktop_failed,
    code_title,
    code_label,
    code_hint,
    code_button,
    code_wrong,
    cancel,
    waiting,
    gave_up,
    failed,
    unsupported,
    refused_not_verified,
    refused_expired,
    refused_no_session,
    refused_other_browser,
    refused_delayed,
    refused_other,
    consent,
    consent_asks,
    consent_goes_to,
    consent_until,
    consent_withdraw,
    scope_openid,
    scope_profile,
    scope_email,
    scope_groups,
    scope_offline,
    scope_imp,
    scope_other,
    device_before,
    device_after,
    signed_in_as,
    allow,
    deny,
    over,
    over_why,
    go_on,
    going_on,
    sign_out,
    sign_out_why,
    signed_out,
    signed_out_why,
    account,
    credentials,
    no_credentials,
    column_name,
    column_kind,
    column_added,
    column_used,
    column_action,
    kind_passkey,
    kind_security_key,
    attested,
    never_used,
    rename,
    new_name_of,
    remove,
    last_way,
    add_first,
    add,
    add_name,
    add_name_hint,
    add_passkey,
    add_security_key,
    only_register,
    registered,
    sign_ons,
    sign_ons_why,
    column_since,
    column_by,
    this_browser,
    by_desktop,
    by_own,
    end,
    applications,
    applications_why,
    no_applications,
    column_may,
    column_until,
    holds_nothing,
    withdraw,
    name_invalid,
}

/// The languages that BCP 47 tags ask for, the dearest first (RFC 4647 §3.4): the first that is spoken here.
pub(crate) fn spoken_of<'a>(tags: impl IntoIterator<Item = &'a str>) -> Option<&'static Text> {
    tags.into_iter().find_map(|tag| {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        LANGUAGES.into_iter().find(|text| text.language.eq_ignore_ascii_case(primary))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_is_there_in_every_language() {
        // Words that are the same in Italian.
        let same = ["passkey"];
        for text in LANGUAGES {
            for ((name, sentence), (_, english)) in
                text.sentences().into_iter().zip(ENGLISH.sentences())
            {
                assert!(!sentence.trim().is_empty(), "{}: {name} is not said", text.language);
                let translated =
                    sentence != english || text.language == "en" || same.contains(&name);
                assert!(translated, "{}: {name} is still English", text.language);
                let end = |text: &str| text.chars().last().filter(|last| ".:…".contains(*last));
                assert_eq!(end(sentence), end(english), "{}: {name}", text.language);
            }
            // The name of the account is a label of an application.
            assert!(text.account.parse::<imp_identity::name::Label>().is_ok());
        }
    }

    #[test]
    fn greek_is_written_in_greek() {
        for (name, sentence) in GREEK.sentences() {
            let greek = sentence.chars().any(|letter| ('\u{370}'..'\u{400}').contains(&letter));
            assert!(greek, "{name}");
        }
    }

    #[test]
    fn the_first_language_that_is_spoken_here_is_spoken() {
        let spoken = |tags: &[&str]| spoken_of(tags.iter().copied()).map(|text| text.language);
        assert_eq!(spoken(&["de-CH", "it-CH", "en"]), Some("it"));
        assert_eq!(spoken(&["EL"]), Some("el"));
        assert_eq!(spoken(&["de", "fr"]), None);
        assert_eq!(spoken(&["", "-", "italiano"]), None);
    }
}
