-- Which applications a browser was signed on to, and what each calls the user and the sign-on: `visit_subject` is `sub` or the
-- value of a NameID, `visit_session` is `sid` or a SessionIndex, `name_format` is of applications that speak SAML. An
-- application that was told of the end of the sign-on has no row any longer.
CREATE TABLE visits (
    sign_on_id     UUID   NOT NULL REFERENCES sign_ons (sign_on_id) ON DELETE CASCADE,
    client_id      UUID   NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    visit_subject  TEXT   NOT NULL,
    visit_session  TEXT   NOT NULL,
    name_format    TEXT,
    PRIMARY KEY (sign_on_id, client_id)
);
CREATE INDEX visits_by_client ON visits (client_id);

-- What is still to be told says the same, so that it can be said when the sign-on is gone.
DROP TABLE logouts;
CREATE TABLE logouts (
    logout_id      UUID   PRIMARY KEY NOT NULL,
    sign_on_id     UUID   NOT NULL,
    client_id      UUID   NOT NULL,
    user_id        UUID   NOT NULL,
    visit_subject  TEXT   NOT NULL,
    visit_session  TEXT   NOT NULL,
    name_format    TEXT,
    tries          BIGINT NOT NULL,
    due_at         BIGINT NOT NULL,
    give_up_at     BIGINT NOT NULL
);
CREATE INDEX logouts_by_due ON logouts (due_at);
