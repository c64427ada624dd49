CREATE TABLE account (
    id {number} NOT NULL PRIMARY KEY,
    banned {number} NOT NULL,
    banned_until {number},
    created_at {number} NOT NULL,
    erased {number} NOT NULL
){table};

CREATE TABLE person (
    account {number} NOT NULL PRIMARY KEY,
    display_name {text} NOT NULL,
    avatar {number} NOT NULL,
    language {text} NOT NULL,
    document {blob} NOT NULL,
    version {number} NOT NULL
){table};

CREATE TABLE name (
    name_key {text} NOT NULL PRIMARY KEY,
    account {number} NOT NULL,
    until {number}
){table};
CREATE INDEX name_account ON name (account);
CREATE INDEX name_until ON name (until);

CREATE TABLE identity (
    kind {number} NOT NULL,
    subject {text} NOT NULL,
    account {number} NOT NULL,
    PRIMARY KEY (kind, subject)
){table};
CREATE INDEX identity_account ON identity (account);

CREATE TABLE credential (
    account {number} NOT NULL PRIMARY KEY,
    password {long} NOT NULL
){table};

CREATE TABLE recovery_code (
    account {number} NOT NULL,
    code_hash {hash} NOT NULL,
    PRIMARY KEY (account, code_hash)
){table};

CREATE TABLE login (
    id {number} NOT NULL PRIMARY KEY,
    account {number} NOT NULL,
    device {text} NOT NULL,
    since {number} NOT NULL,
    used {number} NOT NULL,
    expires {number} NOT NULL
){table};
CREATE INDEX login_account ON login (account);
CREATE INDEX login_expires ON login (expires);

CREATE TABLE token (
    token_hash {hash} NOT NULL PRIMARY KEY,
    login {number} NOT NULL,
    expires {number} NOT NULL,
    exchanged {number} NOT NULL
){table};
CREATE INDEX token_login ON token (login);
CREATE INDEX token_expires ON token (expires);
