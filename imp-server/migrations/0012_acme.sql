-- ACME (RFC 8555). One text for SQLite and PostgreSQL.

-- Keys that bind accounts to devices of the inventory (§7.3.4). `acme_sealed` is the key under a key of the folder of keys,
-- which every replica has.
CREATE TABLE acme_keys (
    acme_key_id          TEXT    PRIMARY KEY NOT NULL,
    acme_sealed          BYTEA   NOT NULL,
    acme_reusable        BOOLEAN NOT NULL,
    acme_key_made_at     BIGINT  NOT NULL,
    acme_key_made_by     TEXT    NOT NULL,
    acme_key_expires_at  BIGINT  NOT NULL,
    acme_key_removed_at  BIGINT
);

-- For which devices the accounts of a key may order.
CREATE TABLE acme_key_devices (
    acme_key_id  TEXT NOT NULL REFERENCES acme_keys (acme_key_id) ON DELETE CASCADE,
    device_id    UUID NOT NULL REFERENCES devices (device_id) ON DELETE CASCADE,
    PRIMARY KEY (acme_key_id, device_id)
);
CREATE INDEX acme_key_devices_by_device ON acme_key_devices (device_id);

-- Accounts. `acme_account_key` is a JWK, `acme_contacts` a list in JSON.
CREATE TABLE acme_accounts (
    acme_account_id    UUID   PRIMARY KEY NOT NULL,
    acme_account_key   TEXT   NOT NULL,
    acme_thumbprint    BYTEA  NOT NULL UNIQUE,
    acme_contacts      TEXT   NOT NULL,
    acme_status        TEXT   NOT NULL,
    acme_key_id        TEXT   REFERENCES acme_keys (acme_key_id),
    acme_account_made  BIGINT NOT NULL
);
CREATE INDEX acme_accounts_by_key ON acme_accounts (acme_key_id);

-- Orders. `acme_identifiers` and `acme_order_problem` are JSON. Whoever issues claims the order for some seconds, so that two
-- do not. `acme_chain` is the certificate with those above it, in PEM.
CREATE TABLE acme_orders (
    acme_order_id          UUID   PRIMARY KEY NOT NULL,
    acme_account_id        UUID   NOT NULL REFERENCES acme_accounts (acme_account_id),
    device_id              UUID   NOT NULL,
    acme_identifiers       TEXT   NOT NULL,
    acme_replaces          TEXT,
    acme_order_state       TEXT   NOT NULL,
    acme_order_made_at     BIGINT NOT NULL,
    acme_order_expires_at  BIGINT NOT NULL,
    acme_claimed_until     BIGINT NOT NULL,
    acme_request           BYTEA,
    acme_serial            TEXT,
    acme_chain             TEXT,
    acme_order_problem     TEXT
);
CREATE INDEX acme_orders_by_account ON acme_orders (acme_account_id, acme_order_id);
CREATE INDEX acme_orders_by_serial ON acme_orders (acme_serial) WHERE acme_serial IS NOT NULL;
CREATE INDEX acme_orders_by_replaced ON acme_orders (acme_replaces) WHERE acme_replaces IS NOT NULL;
CREATE INDEX acme_orders_by_expiry ON acme_orders (acme_order_expires_at);

-- Authorizations, each of one order, with the challenge that was chosen. `acme_due_at` is when it is looked (again) whether it
-- is met. `acme_attested` is the key that the hardware attested.
CREATE TABLE acme_authorizations (
    acme_authorization_id          UUID   PRIMARY KEY NOT NULL,
    acme_order_id                  UUID   NOT NULL REFERENCES acme_orders (acme_order_id) ON DELETE CASCADE,
    acme_identifier                TEXT   NOT NULL,
    acme_token                     TEXT   NOT NULL,
    acme_authorization_state       TEXT   NOT NULL,
    acme_authorization_expires_at  BIGINT NOT NULL,
    acme_challenge                 TEXT,
    acme_tries                     BIGINT NOT NULL,
    acme_due_at                    BIGINT,
    acme_validated_at              BIGINT,
    acme_attested                  BYTEA,
    acme_authorization_problem     TEXT
);
CREATE INDEX acme_authorizations_by_order ON acme_authorizations (acme_order_id);
CREATE INDEX acme_authorizations_by_due ON acme_authorizations (acme_due_at) WHERE acme_due_at IS NOT NULL;
