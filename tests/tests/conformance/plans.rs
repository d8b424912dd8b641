//! Which modules there are.

/// Modules of `oidcc-basic-certification-test-plan`, in its order.
const BASIC: [&str; 38] = [
    "oidcc-server",
    "oidcc-response-type-missing",
    "oidcc-idtoken-signature",
    "oidcc-idtoken-unsigned",
    "oidcc-userinfo-get",
    "oidcc-userinfo-post-header",
    "oidcc-userinfo-post-body",
    "oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
    "oidcc-scope-profile",
    "oidcc-scope-email",
    "oidcc-scope-address",
    "oidcc-scope-phone",
    "oidcc-scope-all",
    "oidcc-alternate-happy-flow",
    "oidcc-display-page",
    "oidcc-display-popup",
    "oidcc-prompt-login",
    "oidcc-prompt-none-not-logged-in",
    "oidcc-prompt-none-logged-in",
    "oidcc-max-age-1",
    "oidcc-max-age-10000",
    "oidcc-ensure-request-with-unknown-parameter-succeeds",
    "oidcc-id-token-hint",
    "oidcc-login-hint",
    "oidcc-ui-locales",
    "oidcc-claims-locales",
    "oidcc-ensure-request-with-acr-values-succeeds",
    "oidcc-codereuse",
    "oidcc-codereuse-30seconds",
    "oidcc-ensure-registered-redirect-uri",
    "oidcc-ensure-post-request-succeeds",
    "oidcc-server-client-secret-post",
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
    "oidcc-claims-essential",
    "oidcc-ensure-request-object-with-redirect-uri",
    "oidcc-refresh-token",
    "oidcc-ensure-request-with-valid-pkce-succeeds",
];

/// Modules of `oidcc-rp-initiated-logout-certification-test-plan`.
const RP_INITIATED_LOGOUT: [&str; 11] = [
    "oidcc-rp-initiated-logout-discovery-endpoint-verification",
    "oidcc-rp-initiated-logout",
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-modified-id-token-hint",
    "oidcc-rp-initiated-logout-no-id-token-hint",
    "oidcc-rp-initiated-logout-no-params",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-no-state",
    "oidcc-rp-initiated-logout-only-state",
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-bad-id-token-hint",
];

/// Modules of `oidcc-backchannel-rp-initiated-logout-certification-test-plan`.
const BACKCHANNEL_LOGOUT: [&str; 2] = [
    "oidcc-backchannel-logout-discovery-endpoint-verification",
    "oidcc-backchannel-rp-initiated-logout",
];

/// The sources of the tests.
const SOURCES: [&str; 7] = [
    include_str!("backchannel_logout.rs"),
    include_str!("requests.rs"),
    include_str!("rp_initiated_logout.rs"),
    include_str!("scopes.rs"),
    include_str!("sessions.rs"),
    include_str!("tokens.rs"),
    include_str!("userinfo.rs"),
];

#[test]
fn every_module_of_the_plans_is_one_test() {
    for module in BASIC.iter().chain(&RP_INITIATED_LOGOUT).chain(&BACKCHANNEL_LOGOUT) {
        let test = format!("#[tokio::test]\nasync fn {}() {{", module.replace('-', "_"));
        let found: usize = SOURCES.iter().map(|source| source.matches(&test).count()).sum();
        assert_eq!(found, 1, "{module}");
    }
}
