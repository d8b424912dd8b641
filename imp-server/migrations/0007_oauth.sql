-- Applications that people are signed on to, and services that act in their own name: OAuth clients, and SAML service
-- providers, which are found by `external_id`, their entity ID. `metadata` is JSON. A secret has 256 random bits and is kept
-- by digest.
CREATE TABLE clients (
    client_id           UUID   PRIMARY KEY NOT NULL,
    client_name         TEXT   NOT NULL,
    client_kind         TEXT   NOT NULL,
    external_id         TEXT   UNIQUE,
    metadata            TEXT   NOT NULL,
    client_secret       BYTEA,
    registration_token  BYTEA,
    client_revision     BIGINT NOT NULL,
    registered_at       BIGINT NOT NULL
);
CREATE INDEX clients_by_kind ON clients (client_kind, client_id);

-- Keys that sign tokens. `sealed` is the private key under a key of the folder of keys, which every replica has. A key signs
-- from `signs_from` until the next generation of its algorithm does.
CREATE TABLE signing_keys (
    key_id      TEXT   PRIMARY KEY NOT NULL,
    algorithm   TEXT   NOT NULL,
    generation  BIGINT NOT NULL,
    sealed      BYTEA  NOT NULL,
    made_at     BIGINT NOT NULL,
    signs_from  BIGINT NOT NULL,
    UNIQUE (algorithm, generation)
);

-- Requests for authorization that were pushed (RFC 9126). `request` is JSON.
CREATE TABLE pushed_requests (
    request_uri        BYTEA  PRIMARY KEY NOT NULL,
    client_id          UUID   NOT NULL REFERENCES clients (client_id),
    request            TEXT   NOT NULL,
    pushed_expires_at  BIGINT NOT NULL
);
CREATE INDEX pushed_requests_by_client ON pushed_requests (client_id);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (pushed_expires_at);

-- What an application was granted in a user's name. `scopes` has blanks between them, `authentication` and `wishes` are JSON.
-- What was granted at a desktop counts only while its session is active.
CREATE TABLE grants (
    grant_id          UUID    PRIMARY KEY NOT NULL,
    client_id         UUID    NOT NULL REFERENCES clients (client_id),
    user_id           UUID    NOT NULL REFERENCES users (user_id),
    sign_on_id        UUID,
    session_id        UUID,
    scopes            TEXT    NOT NULL,
    authentication    TEXT    NOT NULL,
    wishes            TEXT    NOT NULL,
    offline           BOOLEAN NOT NULL,
    granted_at        BIGINT  NOT NULL,
    grant_expires_at  BIGINT  NOT NULL,
    grant_ended_at    BIGINT,
    grant_end         TEXT
);
CREATE INDEX grants_by_client ON grants (client_id) WHERE grant_ended_at IS NULL;
CREATE INDEX grants_by_user ON grants (user_id) WHERE grant_ended_at IS NULL;
CREATE INDEX grants_by_sign_on ON grants (sign_on_id) WHERE grant_ended_at IS NULL;
CREATE INDEX grants_by_session ON grants (session_id) WHERE grant_ended_at IS NULL;
CREATE INDEX grants_by_expiry ON grants (grant_expires_at);

-- Authorization codes, by digest. `binding` is JSON. A used one stays until it would have expired, so that its second use is noticed.
CREATE TABLE authorization_codes (
    code          BYTEA  PRIMARY KEY NOT NULL,
    grant_id      UUID   NOT NULL REFERENCES grants (grant_id),
    binding       TEXT   NOT NULL,
    code_used_at  BIGINT
);
CREATE INDEX authorization_codes_by_grant ON authorization_codes (grant_id);

-- Refresh tokens, by digest. Each is used once; a used one stays with its grant, so that its second use is noticed.
CREATE TABLE refresh_tokens (
    refresh_token       BYTEA  PRIMARY KEY NOT NULL,
    grant_id            UUID   NOT NULL REFERENCES grants (grant_id),
    confirmation        TEXT,
    refresh_issued_at   BIGINT NOT NULL,
    refresh_expires_at  BIGINT NOT NULL,
    refresh_used_at     BIGINT
);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id);

-- Access tokens that were given back before they expired (RFC 7009).
CREATE TABLE revoked_access_tokens (
    token_digest        BYTEA  PRIMARY KEY NOT NULL,
    revoked_expires_at  BIGINT NOT NULL
);

-- Devices that wait for somebody to enter a code (RFC 8628). `resources` is a list in JSON.
CREATE TABLE device_codes (
    device_code        BYTEA  PRIMARY KEY NOT NULL,
    user_code          TEXT   NOT NULL UNIQUE,
    client_id          UUID   NOT NULL REFERENCES clients (client_id),
    scopes             TEXT   NOT NULL,
    resources          TEXT   NOT NULL,
    device_expires_at  BIGINT NOT NULL,
    polled_at          BIGINT,
    poll_seconds       BIGINT NOT NULL,
    device_state       TEXT   NOT NULL,
    grant_id           UUID   REFERENCES grants (grant_id)
);
CREATE INDEX device_codes_by_client ON device_codes (client_id);
CREATE INDEX device_codes_by_grant ON device_codes (grant_id);
CREATE INDEX device_codes_by_expiry ON device_codes (device_expires_at);

-- What may be shown once: `jti` of assertions and proofs, by digest with whose it is.
CREATE TABLE shown_tokens (
    token_digest      BYTEA  PRIMARY KEY NOT NULL,
    shown_expires_at  BIGINT NOT NULL
);
CREATE INDEX shown_tokens_by_expiry ON shown_tokens (shown_expires_at);

-- What users consented to. `scopes` has blanks between them.
CREATE TABLE consents (
    user_id       UUID   NOT NULL REFERENCES users (user_id),
    client_id     UUID   NOT NULL REFERENCES clients (client_id),
    scopes        TEXT   NOT NULL,
    consented_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

-- Whom to tell that a user is signed out (OpenID Connect Back-Channel Logout 1.0).
CREATE TABLE logouts (
    logout_id     UUID   PRIMARY KEY NOT NULL,
    sign_on_id    UUID   NOT NULL,
    client_id     UUID   NOT NULL,
    user_id       UUID   NOT NULL,
    tries         BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    give_up_at    BIGINT NOT NULL
);
CREATE INDEX logouts_by_due ON logouts (due_at);
