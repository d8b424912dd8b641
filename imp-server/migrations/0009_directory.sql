-- What directories keep here. One text for SQLite and PostgreSQL.

-- Who is removed keeps her row, which the log speaks of. Her name is free: it moves to `former_username`, and `username` is
-- `removed-` with her identifier.
ALTER TABLE users ADD COLUMN user_version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN user_changed_at BIGINT;
ALTER TABLE users ADD COLUMN removed_at BIGINT;
ALTER TABLE users ADD COLUMN former_username TEXT;

-- `has_left`: a directory, not somebody here, disabled her; so it may let her in again.
-- What a directory says of a user. `other_attributes` is JSON that nobody here interprets. Apart from `users`, so that a tap does not read it.
CREATE TABLE profiles (
    user_id           UUID PRIMARY KEY NOT NULL REFERENCES users (user_id),
    profile_source    TEXT,
    user_external_id  TEXT,
    given_name        TEXT,
    family_name       TEXT,
    other_attributes  TEXT NOT NULL,
    has_left          BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX profiles_by_source ON profiles (profile_source, user_external_id);
CREATE INDEX profiles_by_external_id ON profiles (user_external_id);

-- `group_key` is the name in lower case: no two groups differ in case alone.
CREATE TABLE user_groups (
    group_id           UUID   PRIMARY KEY NOT NULL,
    group_name         TEXT   NOT NULL,
    group_key          TEXT   NOT NULL UNIQUE,
    group_external_id  TEXT,
    group_version      BIGINT NOT NULL,
    group_changed_at   BIGINT NOT NULL
);
CREATE INDEX user_groups_by_external_id ON user_groups (group_external_id);

CREATE TABLE group_members (
    group_id  UUID NOT NULL REFERENCES user_groups (group_id),
    user_id   UUID NOT NULL REFERENCES users (user_id),
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_by_user ON group_members (user_id);
