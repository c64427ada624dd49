CREATE TABLE report (
    id {number} NOT NULL PRIMARY KEY,
    reporter {number} NOT NULL,
    about {number} NOT NULL,
    words {long} NOT NULL,
    filed_at {number} NOT NULL,
    stage {number} NOT NULL,
    moderator {number},
    decision {long}
){table};
CREATE INDEX report_stage ON report (stage, id);
CREATE INDEX report_reporter ON report (reporter, id);

CREATE TABLE report_message (
    report {number} NOT NULL,
    seq {number} NOT NULL,
    conversation {number} NOT NULL,
    author {number} NOT NULL,
    kind {number} NOT NULL,
    body {blob} NOT NULL,
    said_at {number} NOT NULL,
    removed_by {number},
    PRIMARY KEY (report, seq)
){table};

CREATE TABLE audit (
    id {number} NOT NULL PRIMARY KEY,
    actor_kind {number} NOT NULL,
    actor {number} NOT NULL,
    action {text} NOT NULL,
    target_kind {number} NOT NULL,
    target {number} NOT NULL,
    target_part {number} NOT NULL,
    subject {number} NOT NULL,
    old_value {long} NOT NULL,
    new_value {long} NOT NULL,
    reason {long} NOT NULL,
    done_at {number} NOT NULL
){table};
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_subject ON audit (subject, id);

CREATE TABLE short_lived (
    space {number} NOT NULL,
    name {text} NOT NULL,
    content {blob} NOT NULL,
    score {number} NOT NULL,
    expires {number} NOT NULL,
    PRIMARY KEY (space, name)
){table};
CREATE INDEX short_lived_score ON short_lived (space, score);
CREATE INDEX short_lived_expires ON short_lived (expires);

CREATE TABLE setting (
    name {text} NOT NULL PRIMARY KEY,
    content {long} NOT NULL
){table};
