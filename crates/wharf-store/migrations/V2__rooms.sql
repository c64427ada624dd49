CREATE TABLE room (
    id {number} NOT NULL PRIMARY KEY,
    kind {text} NOT NULL,
    name {text} NOT NULL,
    name_key {text},
    topic {long} NOT NULL,
    password {long},
    members_max {number} NOT NULL,
    hidden {number} NOT NULL,
    locked {number} NOT NULL,
    slow_ms {number} NOT NULL,
    history {number} NOT NULL,
    options {blob} NOT NULL,
    epoch {number} NOT NULL,
    created_at {number} NOT NULL,
    deleted {number} NOT NULL
){table};
CREATE UNIQUE INDEX room_name_key ON room (name_key);
CREATE INDEX room_deleted ON room (deleted);

CREATE TABLE room_role (
    room {number} NOT NULL,
    account {number} NOT NULL,
    role {number} NOT NULL,
    PRIMARY KEY (room, account)
){table};
CREATE INDEX room_role_account ON room_role (account);

CREATE TABLE room_ban (
    room {number} NOT NULL,
    account {number} NOT NULL,
    until {number},
    PRIMARY KEY (room, account)
){table};
CREATE INDEX room_ban_account ON room_ban (account);
CREATE INDEX room_ban_until ON room_ban (until);

CREATE TABLE room_mute (
    room {number} NOT NULL,
    account {number} NOT NULL,
    until {number},
    PRIMARY KEY (room, account)
){table};
CREATE INDEX room_mute_account ON room_mute (account);
CREATE INDEX room_mute_until ON room_mute (until);
