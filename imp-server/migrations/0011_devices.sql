-- The inventory of devices, and what certificates say. One text for SQLite and PostgreSQL.

-- Devices. `device_names` are DNS names and addresses, with a blank between; `device_hosts` has them again, each for one
-- device. The one-time code stays after its use, with the digest of the key that was shown with it, so that an enrolment whose
-- answer was lost, or which waits for a second person, can be repeated with that key.
CREATE TABLE devices (
    device_id               UUID   PRIMARY KEY NOT NULL,
    device_name             TEXT   NOT NULL UNIQUE,
    device_class            TEXT   NOT NULL,
    device_manufacturer     TEXT,
    device_model            TEXT,
    device_serial_number    TEXT,
    device_udi              TEXT,
    device_unit             TEXT,
    device_location         TEXT,
    device_zone             TEXT,
    device_mds2             TEXT,
    device_names            TEXT   NOT NULL,
    device_state            TEXT   NOT NULL,
    device_since            BIGINT NOT NULL,
    device_activated_at     BIGINT,
    device_registered_by    TEXT   NOT NULL,
    device_code             BYTEA  UNIQUE,
    device_code_expires_at  BIGINT,
    device_code_key         BYTEA,
    device_invited_by       TEXT
);
CREATE UNIQUE INDEX devices_by_serial_number ON devices (device_manufacturer, device_serial_number);
CREATE INDEX devices_by_class ON devices (device_class, device_id);
CREATE INDEX devices_by_state ON devices (device_state, device_id);

CREATE TABLE device_hosts (
    device_host  TEXT PRIMARY KEY NOT NULL,
    device_id    UUID NOT NULL REFERENCES devices (device_id) ON DELETE CASCADE
);
CREATE INDEX device_hosts_by_device ON device_hosts (device_id);

-- Enrolments of devices of critical classes, which a second person approves.
CREATE TABLE device_approvals (
    approval_id           UUID   PRIMARY KEY NOT NULL,
    device_id             UUID   NOT NULL REFERENCES devices (device_id),
    approval_means        TEXT   NOT NULL,
    approval_key          BYTEA  NOT NULL,
    approval_asked_at     BIGINT NOT NULL,
    approved              BOOLEAN,
    approval_decided_by   TEXT,
    approval_decided_at   BIGINT,
    approval_until        BIGINT
);
CREATE INDEX device_approvals_by_device ON device_approvals (device_id, approval_asked_at);
CREATE INDEX device_approvals_open ON device_approvals (approval_asked_at) WHERE approved IS NULL;

-- Certificates that are older than this have none of it.
ALTER TABLE certificates ADD COLUMN device_id UUID;
ALTER TABLE certificates ADD COLUMN certificate_der BYTEA;
ALTER TABLE certificates ADD COLUMN certificate_issuer BYTEA;
ALTER TABLE certificates ADD COLUMN certificate_key BYTEA;
ALTER TABLE certificates ADD COLUMN certificate_not_before BIGINT;
ALTER TABLE certificates ADD COLUMN certificate_profile TEXT;
ALTER TABLE certificates ADD COLUMN certificate_partition BIGINT;
ALTER TABLE certificates ADD COLUMN certificate_revoked_at BIGINT;
ALTER TABLE certificates ADD COLUMN certificate_revocation TEXT;
ALTER TABLE certificates ADD COLUMN certificate_alarmed_at BIGINT;
CREATE INDEX certificates_by_key ON certificates (certificate_key);
CREATE INDEX certificates_by_device ON certificates (device_id, certificate_expires_at) WHERE device_id IS NOT NULL;
CREATE INDEX certificates_revoked ON certificates (certificate_issuer, certificate_partition) WHERE certificate_revoked_at IS NOT NULL;

-- A key is one machine's.
CREATE INDEX workstations_by_key ON workstations (workstation_key);
CREATE INDEX phones_by_key ON phones (phone_key);
