-- One text for SQLite and PostgreSQL. Instants are microseconds since 1970; digests are SHA-256. Columns of tables
-- that are read together have names of their own, so that joins need no aliases.

-- People.
CREATE TABLE users (
    user_id       UUID   PRIMARY KEY NOT NULL,
    username      TEXT   NOT NULL UNIQUE,
    display_name  TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    unit          TEXT,
    disabled_at   BIGINT
);
CREATE INDEX users_by_role ON users (role);

-- One-time codes for people, by digest. Without a user: the administrator token of the first start.
CREATE TABLE sign_in_codes (
    code             BYTEA  PRIMARY KEY NOT NULL,
    user_id          UUID   REFERENCES users (user_id),
    code_expires_at  BIGINT NOT NULL
);
CREATE INDEX sign_in_codes_by_user ON sign_in_codes (user_id);
CREATE INDEX sign_in_codes_by_expiry ON sign_in_codes (code_expires_at);

-- Bearer tokens, by digest.
CREATE TABLE access_tokens (
    token             BYTEA  PRIMARY KEY NOT NULL,
    user_id           UUID   NOT NULL REFERENCES users (user_id),
    token_expires_at  BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_user ON access_tokens (user_id);
CREATE INDEX access_tokens_by_expiry ON access_tokens (token_expires_at);

-- Machines. The code's digest stays after its use, so that an enrolment whose answer was lost can be repeated.
CREATE TABLE workstations (
    workstation_id               UUID   PRIMARY KEY NOT NULL,
    workstation_name             TEXT   NOT NULL,
    workstation_unit             TEXT,
    workstation_code             BYTEA  NOT NULL UNIQUE,
    workstation_code_expires_at  BIGINT NOT NULL,
    workstation_key              BYTEA,
    workstation_enrolled_at      BIGINT,
    workstation_revoked_at       BIGINT,
    workstation_revocation       TEXT
);

CREATE TABLE phones (
    phone_id               UUID   PRIMARY KEY NOT NULL,
    user_id                UUID   NOT NULL REFERENCES users (user_id),
    phone_code             BYTEA  NOT NULL UNIQUE,
    phone_code_expires_at  BIGINT NOT NULL,
    phone_key              BYTEA,
    identifier_key         BYTEA,
    phone_bound_at         BIGINT,
    phone_revoked_at       BIGINT,
    phone_revocation       TEXT
);
CREATE INDEX phones_by_user ON phones (user_id);

CREATE TABLE certificates (
    serial                  TEXT   PRIMARY KEY NOT NULL,
    spiffe_id               TEXT   NOT NULL,
    certificate_expires_at  BIGINT NOT NULL
);
CREATE INDEX certificates_by_machine ON certificates (spiffe_id);
CREATE INDEX certificates_by_expiry ON certificates (certificate_expires_at);

-- Supervised enrolments and what they leave behind. `confirmation` is the digest of the phone's statement.
CREATE TABLE enrolments (
    enrolment_id          UUID   PRIMARY KEY NOT NULL,
    user_id               UUID   NOT NULL REFERENCES users (user_id),
    officer_id            UUID   NOT NULL REFERENCES users (user_id),
    workstation_id        UUID   NOT NULL REFERENCES workstations (workstation_id),
    phone_id              UUID   NOT NULL UNIQUE REFERENCES phones (phone_id),
    notice                TEXT   NOT NULL,
    enrolment_opened_at   BIGINT NOT NULL,
    enrolment_expires_at  BIGINT NOT NULL,
    completed_at          BIGINT,
    confirmation          BYTEA,
    enrolment_receipt     BYTEA
);

CREATE TABLE biometric_references (
    reference_id           UUID    PRIMARY KEY NOT NULL,
    user_id                UUID    NOT NULL REFERENCES users (user_id),
    phone_id               UUID    NOT NULL REFERENCES phones (phone_id),
    reference_digest       BYTEA   NOT NULL,
    reference_model_set    TEXT    NOT NULL,
    enrolment_id           UUID    NOT NULL REFERENCES enrolments (enrolment_id),
    officer_id             UUID    NOT NULL REFERENCES users (user_id),
    reference_enrolled_at  BIGINT  NOT NULL,
    reference_expires_at   BIGINT  NOT NULL,
    reference_active       BOOLEAN NOT NULL,
    reference_revoked_at   BIGINT,
    reference_revocation   TEXT,
    erasure_receipt        BYTEA
);
CREATE UNIQUE INDEX biometric_references_active ON biometric_references (phone_id) WHERE reference_active;
CREATE INDEX biometric_references_by_phone ON biometric_references (phone_id);
CREATE INDEX biometric_references_by_user ON biometric_references (user_id);

-- Taps. A challenge goes a day after it expired. `submission` is the digest of what answered it: who repeats exactly
-- that is answered again, with the outcome in `taps` and the receipt here.
CREATE TABLE challenges (
    challenge_id              UUID   PRIMARY KEY NOT NULL,
    tap_id                    UUID   NOT NULL UNIQUE,
    nonce                     BYTEA  NOT NULL UNIQUE,
    challenge_workstation_id  UUID   NOT NULL,
    challenge_phone_id        UUID   NOT NULL,
    purpose                   TEXT   NOT NULL,
    challenge_expires_at      BIGINT NOT NULL,
    challenge_used_at         BIGINT,
    submission                BYTEA,
    tap_receipt               BYTEA
);
CREATE INDEX challenges_by_expiry ON challenges (challenge_expires_at);

CREATE TABLE taps (
    tap_id          UUID   PRIMARY KEY NOT NULL,
    workstation_id  UUID   NOT NULL,
    phone_id        UUID,
    user_id         UUID,
    purpose         TEXT   NOT NULL,
    decided_at      BIGINT NOT NULL,
    outcome         TEXT   NOT NULL,
    session_id      UUID,
    reason          TEXT
);
CREATE INDEX taps_by_user ON taps (user_id, decided_at);

CREATE TABLE attempts (
    user_id     UUID   PRIMARY KEY NOT NULL REFERENCES users (user_id),
    failures    BIGINT NOT NULL,
    wait_until  BIGINT
);

-- One person has one session that has not ended.
CREATE TABLE sessions (
    session_id          UUID   PRIMARY KEY NOT NULL,
    user_id             UUID   NOT NULL REFERENCES users (user_id),
    workstation_id      UUID   NOT NULL REFERENCES workstations (workstation_id),
    session_opened_at   BIGINT NOT NULL,
    session_expires_at  BIGINT NOT NULL,
    suspended_at        BIGINT,
    suspended_until     BIGINT,
    ended_at            BIGINT,
    end_reason          TEXT
);
CREATE UNIQUE INDEX sessions_open_by_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_open_by_workstation ON sessions (workstation_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_open_by_expiry ON sessions (session_expires_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_open_by_suspension ON sessions (suspended_until) WHERE ended_at IS NULL;

-- The policy in force is the one with the highest version.
CREATE TABLE policies (
    version   BIGINT PRIMARY KEY NOT NULL,
    document  TEXT   NOT NULL
);

-- The event log: never changed, never shortened. `actor` and `body` are the exact JSON texts that were written.
CREATE TABLE events (
    sequence  BIGINT PRIMARY KEY NOT NULL,
    event_id  UUID   NOT NULL UNIQUE,
    at        BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    user_id   UUID,
    body      TEXT   NOT NULL
);
CREATE INDEX events_by_user ON events (user_id, sequence);
CREATE INDEX events_by_kind ON events (kind, sequence);

CREATE TABLE settings (
    name   TEXT PRIMARY KEY NOT NULL,
    value  TEXT NOT NULL
);
