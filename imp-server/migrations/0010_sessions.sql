-- How whoever is in a session was authenticated last, in JSON, and when she gave a sign of life. Without it, the session
-- is older than this and was opened by a tap.
ALTER TABLE sessions ADD COLUMN session_authentication TEXT;
ALTER TABLE sessions ADD COLUMN session_active_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET session_active_at = session_opened_at;

-- How many sessions a person may have is the policy's word.
DROP INDEX sessions_open_by_user;
CREATE INDEX sessions_open_by_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_open_by_activity ON sessions (session_active_at) WHERE ended_at IS NULL AND suspended_at IS NULL;

-- One-time codes, by digest, with which a browser takes over the session of the desktop that it stands on. Each is for
-- one interaction.
CREATE TABLE handovers (
    handover_code        BYTEA  PRIMARY KEY NOT NULL,
    interaction_id       UUID   NOT NULL,
    session_id           UUID   NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    handover_expires_at  BIGINT NOT NULL
);
CREATE INDEX handovers_by_session ON handovers (session_id);
CREATE INDEX handovers_by_expiry ON handovers (handover_expires_at);

-- Who asked at a workstation to be let in in an emergency, for the next few minutes: somebody else is to vouch for her.
CREATE TABLE emergency_requests (
    workstation_id      UUID   PRIMARY KEY NOT NULL REFERENCES workstations (workstation_id) ON DELETE CASCADE,
    emergency_username  TEXT   NOT NULL,
    emergency_asked_at  BIGINT NOT NULL
);

-- Entries in emergencies, and what was said of them afterwards.
CREATE TABLE emergencies (
    session_id             UUID   PRIMARY KEY NOT NULL,
    user_id                UUID   NOT NULL REFERENCES users (user_id),
    workstation_id         UUID   NOT NULL REFERENCES workstations (workstation_id),
    emergency_reason       TEXT   NOT NULL,
    emergency_second       UUID,
    emergency_at           BIGINT NOT NULL,
    emergency_review_by    BIGINT NOT NULL,
    emergency_reviewed_at  BIGINT,
    emergency_reviewer     UUID,
    emergency_justified    BOOLEAN,
    emergency_remark       TEXT
);
CREATE INDEX emergencies_by_review ON emergencies (emergency_review_by) WHERE emergency_reviewed_at IS NULL;
