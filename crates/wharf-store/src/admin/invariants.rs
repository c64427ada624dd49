//! What is always true of our tables, whatever was asked of the store.

/// One thing that is always true.
pub(super) struct Invariant {
    /// What is said where it is not.
    pub(super) what: &'static str,
    /// Counts where it is not.
    pub(super) broken: &'static str,
}

const fn never(what: &'static str, broken: &'static str) -> Invariant {
    Invariant { what, broken }
}

pub(super) const INVARIANTS: &[Invariant] = &[
    never(
        "an account has no profile",
        "SELECT COUNT(*) FROM account a WHERE a.erased = 0 \
         AND NOT EXISTS (SELECT 1 FROM person p WHERE p.account = a.id)",
    ),
    never(
        "a profile is of an account that is erased or was never there",
        "SELECT COUNT(*) FROM person p \
         WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = p.account AND a.erased = 0)",
    ),
    never(
        "an account has no way to log in",
        "SELECT COUNT(*) FROM account a WHERE a.erased = 0 \
         AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.account = a.id)",
    ),
    never(
        "a way to log in leads to no account",
        "SELECT COUNT(*) FROM identity i \
         WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = i.account AND a.erased = 0)",
    ),
    never(
        "a name is of an account that is erased or was never there",
        "SELECT COUNT(*) FROM name n \
         WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = n.account AND a.erased = 0)",
    ),
    never(
        "a login is of an account that is erased or was never there",
        "SELECT COUNT(*) FROM login l \
         WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = l.account AND a.erased = 0)",
    ),
    never(
        "a token belongs to no login",
        "SELECT COUNT(*) FROM token t \
         WHERE NOT EXISTS (SELECT 1 FROM login l WHERE l.id = t.login)",
    ),
    never(
        "a room has no conversation",
        "SELECT COUNT(*) FROM room r \
         WHERE NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = r.id)",
    ),
    never(
        "a room has more than one owner",
        "SELECT COUNT(*) FROM (SELECT room FROM room_role WHERE role = 3 \
         GROUP BY room HAVING COUNT(*) > 1) more",
    ),
    never(
        "a rank is one in no room",
        "SELECT COUNT(*) FROM room_role o \
         WHERE NOT EXISTS (SELECT 1 FROM room r WHERE r.id = o.room AND r.deleted = 0)",
    ),
    never(
        "somebody who is banned from a room has a rank in it",
        "SELECT COUNT(*) FROM room_role o JOIN room_ban b \
         ON b.room = o.room AND b.account = o.account",
    ),
    never(
        "a room that is no more keeps a name from others",
        "SELECT COUNT(*) FROM room WHERE deleted = 1 AND name_key IS NOT NULL",
    ),
    never(
        "a message is in no conversation",
        "SELECT COUNT(*) FROM message m \
         WHERE NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = m.conversation)",
    ),
    never(
        "a message's number is below 1, or above its conversation's last",
        "SELECT COUNT(*) FROM message m JOIN conversation c ON c.id = m.conversation \
         WHERE m.seq < 1 OR m.seq > c.last_seq",
    ),
    never(
        "two people talk in a conversation that is not there",
        "SELECT COUNT(*) FROM direct d \
         WHERE NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = d.conversation)",
    ),
    never(
        "two people are named in the wrong order, or are one",
        "SELECT COUNT(*) FROM direct WHERE low >= high",
    ),
    never(
        "somebody has read further than was written",
        "SELECT COUNT(*) FROM read_mark r JOIN conversation c ON c.id = r.conversation \
         WHERE r.seq > c.last_seq",
    ),
    never(
        "what was said around a report belongs to none",
        "SELECT COUNT(*) FROM report_message m \
         WHERE NOT EXISTS (SELECT 1 FROM report r WHERE r.id = m.report)",
    ),
    never(
        "a report is looked at by nobody",
        "SELECT COUNT(*) FROM report WHERE stage <> 1 AND moderator IS NULL",
    ),
];
