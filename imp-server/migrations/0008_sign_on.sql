-- Browsers in which people are signed on to applications. The cookie is here by digest. `authentication` is JSON.
CREATE TABLE sign_ons (
    sign_on_id              UUID   PRIMARY KEY NOT NULL,
    user_id                 UUID   NOT NULL REFERENCES users (user_id),
    session_id              UUID   REFERENCES sessions (session_id) ON DELETE SET NULL,
    workstation_id          UUID   REFERENCES workstations (workstation_id),
    credential_id           UUID,
    cookie                  BYTEA  NOT NULL UNIQUE,
    authentication          TEXT   NOT NULL,
    sign_on_opened_at       BIGINT NOT NULL,
    sign_on_last_used_at    BIGINT NOT NULL,
    sign_on_expires_at      BIGINT NOT NULL,
    sign_on_ended_at        BIGINT,
    sign_on_end             TEXT
);
CREATE INDEX sign_ons_by_user ON sign_ons (user_id) WHERE sign_on_ended_at IS NULL;
CREATE INDEX sign_ons_by_session ON sign_ons (session_id) WHERE sign_on_ended_at IS NULL;
CREATE INDEX sign_ons_by_credential ON sign_ons (credential_id) WHERE sign_on_ended_at IS NULL;
CREATE INDEX sign_ons_by_expiry ON sign_ons (sign_on_expires_at) WHERE sign_on_ended_at IS NULL;
CREATE INDEX sign_ons_by_use ON sign_ons (sign_on_last_used_at) WHERE sign_on_ended_at IS NULL;
CREATE INDEX sign_ons_ended ON sign_ons (sign_on_ended_at) WHERE sign_on_ended_at IS NOT NULL;

-- What browsers were asked to do before they go on. `binding` is the digest of a cookie of the browser that was asked;
-- `interaction_request` is its maker's, `requirements` is JSON. It is taken once, by deletion.
CREATE TABLE interactions (
    interaction_id          UUID    PRIMARY KEY NOT NULL,
    binding                 BYTEA   NOT NULL,
    continue_at             TEXT    NOT NULL,
    interaction_request     TEXT    NOT NULL,
    requirements            TEXT    NOT NULL,
    asked_at                BIGINT  NOT NULL,
    interaction_expires_at  BIGINT  NOT NULL,
    sign_on_id              UUID,
    consented               BOOLEAN NOT NULL,
    failure                 TEXT
);
CREATE INDEX interactions_by_expiry ON interactions (interaction_expires_at);

-- Passkeys and security keys. `handle` is the authenticator's name of it, `public_part` what verifies it, in JSON.
CREATE TABLE credentials (
    credential_id             UUID    PRIMARY KEY NOT NULL,
    user_id                   UUID    NOT NULL REFERENCES users (user_id),
    handle                    BYTEA   NOT NULL UNIQUE,
    credential_name           TEXT    NOT NULL,
    credential_kind           TEXT    NOT NULL,
    aaguid                    UUID,
    attested                  BOOLEAN NOT NULL,
    public_part               TEXT    NOT NULL,
    credential_registered_at  BIGINT  NOT NULL,
    credential_used_at        BIGINT
);
CREATE INDEX credentials_by_user ON credentials (user_id);

-- Questions to authenticators that wait for their answers. `ceremony_state` is JSON. For a sign-in in a browser there is an
-- interaction, for a registration a user, at a workstation that workstation. Each is answered once, by deletion.
CREATE TABLE ceremonies (
    ceremony_id          UUID   PRIMARY KEY NOT NULL,
    ceremony_kind        TEXT   NOT NULL,
    interaction_id       UUID,
    user_id              UUID,
    workstation_id       UUID,
    ceremony_state       TEXT   NOT NULL,
    ceremony_expires_at  BIGINT NOT NULL
);
CREATE INDEX ceremonies_by_expiry ON ceremonies (ceremony_expires_at);

-- Browsers that wait for a phone. `number` is what the page shows and the phone asks for. `authentication` is JSON, and is there
-- once the phone has answered.
CREATE TABLE phone_sign_ins (
    phone_sign_in_id          UUID   PRIMARY KEY NOT NULL,
    interaction_id            UUID   NOT NULL,
    nonce                     BYTEA  NOT NULL,
    number                    BIGINT NOT NULL,
    phone_sign_in_expires_at  BIGINT NOT NULL,
    user_id                   UUID   REFERENCES users (user_id),
    authentication            TEXT,
    phone_refusal             TEXT
);
CREATE INDEX phone_sign_ins_by_expiry ON phone_sign_ins (phone_sign_in_expires_at);
CREATE INDEX phone_sign_ins_by_interaction ON phone_sign_ins (interaction_id);
