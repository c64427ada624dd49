CREATE TABLE conversation (
    id {number} NOT NULL PRIMARY KEY,
    last_seq {number} NOT NULL,
    last_at {number} NOT NULL
){table};

CREATE TABLE direct (
    low {number} NOT NULL,
    high {number} NOT NULL,
    conversation {number} NOT NULL,
    PRIMARY KEY (low, high)
){table};
CREATE UNIQUE INDEX direct_conversation ON direct (conversation);
CREATE INDEX direct_high ON direct (high);

CREATE TABLE message (
    conversation {number} NOT NULL,
    seq {number} NOT NULL,
    author {number} NOT NULL,
    client_id {number},
    kind {number} NOT NULL,
    body {blob} NOT NULL,
    said_at {number} NOT NULL,
    removed_by {number},
    PRIMARY KEY (conversation, seq)
){table};
CREATE UNIQUE INDEX message_client_id ON message (author, client_id);
CREATE INDEX message_author ON message (author, conversation, seq);
CREATE INDEX message_said_at ON message (said_at);

CREATE TABLE waiting (
    account {number} NOT NULL,
    said_at {number} NOT NULL,
    conversation {number} NOT NULL,
    seq {number} NOT NULL,
    delivery {number},
    PRIMARY KEY (account, said_at, conversation, seq)
){table};

CREATE TABLE read_mark (
    account {number} NOT NULL,
    conversation {number} NOT NULL,
    seq {number} NOT NULL,
    PRIMARY KEY (account, conversation)
){table};

CREATE TABLE block (
    account {number} NOT NULL,
    other {number} NOT NULL,
    since {number} NOT NULL,
    PRIMARY KEY (account, other)
){table};
