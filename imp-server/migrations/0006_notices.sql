-- What the rules remember of a person, a workstation or a device, in JSON: small, and forgotten with who it is about.
CREATE TABLE review_memories (
    subject_id  UUID   PRIMARY KEY NOT NULL,
    memory      TEXT   NOT NULL
);

-- Notices of the day. `notice_entries` are places in the log. The token of the link in a mail is here by digest; it is made
-- anew for each attempt to send.
CREATE TABLE notices (
    notice_id       UUID   PRIMARY KEY NOT NULL,
    user_id         UUID   NOT NULL REFERENCES users (user_id),
    notice_day      TEXT   NOT NULL,
    notice_entries  TEXT   NOT NULL,
    notice_made_at  BIGINT NOT NULL,
    channel         TEXT   NOT NULL,
    notice_sent_at  BIGINT,
    attempts        BIGINT NOT NULL,
    retry_at        BIGINT,
    token           BYTEA  UNIQUE
);
CREATE INDEX notices_by_user ON notices (user_id, notice_made_at);
CREATE INDEX notices_to_send ON notices (retry_at) WHERE notice_sent_at IS NULL;

-- What somebody says was not she: one case for each use.
CREATE TABLE disputes (
    user_id    UUID   NOT NULL REFERENCES users (user_id),
    log_index  BIGINT NOT NULL,
    case_id    UUID   NOT NULL,
    PRIMARY KEY (user_id, log_index)
);
