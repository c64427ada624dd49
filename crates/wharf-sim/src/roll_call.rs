//! When all is quiet: what everybody believes must be one story.

use crate::books::Rules;
use crate::people::{CLASSIC_NAME, cut};
use std::collections::{BTreeMap, BTreeSet};
use wharf_proto::room::Rank;

/// Who and where a client is, and whom it sees there, by all that the server has told it.
#[derive(Debug)]
pub(crate) struct Belief {
    pub(crate) label: String,
    pub(crate) user: Option<String>,
    /// The account, and the login.
    pub(crate) login: Option<(i64, i64)>,
    pub(crate) room: Option<i32>,
    /// Or the room with a name that it is in.
    pub(crate) hall: Option<HallBelief>,
    /// The others in the room, by unique id.
    pub(crate) others: BTreeMap<i64, String>,
    /// Whether it speaks the classic packets.
    pub(crate) is_classic: bool,
}

/// In which room with a name a client is, as whom, and what it may do there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HallBelief {
    pub(crate) room: i64,
    pub(crate) account: i64,
    pub(crate) rank: Rank,
}

impl Belief {
    /// Whether it sits anywhere.
    pub(crate) fn is_seated(&self) -> bool {
        self.room.is_some() || self.hall.is_some()
    }
}

/// Asserts that no name is in twice, no room has more members than it may have, and that all who
/// are in a room see one another and nobody else, each under one id.
pub(crate) fn assert_agree(beliefs: &[Belief], rules: Rules) {
    let mut names = BTreeSet::new();
    for user in beliefs.iter().filter_map(|belief| belief.user.as_ref()) {
        assert!(names.insert(user), "{user} is logged in twice");
    }
    let mut rooms: BTreeMap<i32, Vec<&Belief>> = BTreeMap::new();
    let mut halls: BTreeMap<i64, Vec<&Belief>> = BTreeMap::new();
    for belief in beliefs {
        if let Some(room) = belief.room {
            rooms.entry(room).or_default().push(belief);
        }
        if let Some(hall) = belief.hall {
            halls.entry(hall.room).or_default().push(belief);
        }
    }
    for (room, members) in rooms {
        let count = members.len();
        assert!(
            count <= rules.members_max as usize,
            "room {room}: {count} members of {}",
            rules.members_max
        );
        assert_see_each_other(room.into(), &members);
    }
    // How many may be in one of these is seen by all who are.
    for (room, members) in halls {
        assert_see_each_other(room, &members);
    }
}

fn assert_see_each_other(room: i64, members: &[&Belief]) {
    let present: BTreeSet<&str> = members.iter().filter_map(|it| it.user.as_deref()).collect();
    let mut ids: BTreeMap<&str, i64> = BTreeMap::new();
    for member in members {
        let me = &member.label;
        let mut expected = present.clone();
        expected.remove(member.user.as_deref().unwrap_or_default());
        if member.is_classic {
            expected = expected
                .into_iter()
                .map(|name| cut(name, CLASSIC_NAME))
                .collect();
        }
        let seen: Vec<&str> = member.others.values().map(String::as_str).collect();
        assert_eq!(seen.len(), expected.len(), "{me} in room {room}: {seen:?}");
        for (&id, name) in &member.others {
            assert!(
                expected.contains(name.as_str()),
                "{me} in room {room}: sees {name}"
            );
            let first = *ids.entry(cut(name, CLASSIC_NAME)).or_insert(id);
            assert_eq!(first, id, "{me} in room {room}: another id of {name}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    const RULES: Rules = Rules {
        rooms: 1,
        names: 9,
        people: 0,
        halls: 0,
        members_max: 3,
        sessions_max: 9,
    };

    /// Each as `name: id=name id=name`, all in room 0.
    fn check(beliefs: &[&str]) -> bool {
        let belief = |text: &&str| {
            let (user, others) = text.split_once(':').unwrap();
            let other = |word: &str| {
                let (id, name) = word.split_once('=').unwrap();
                (id.parse().unwrap(), name.to_owned())
            };
            Belief {
                label: user.to_owned(),
                user: Some(user.to_owned()),
                login: None,
                room: Some(0),
                hall: None,
                others: others.split_whitespace().map(other).collect(),
                is_classic: true,
            }
        };
        let beliefs: Vec<Belief> = beliefs.iter().map(belief).collect();
        catch_unwind(|| assert_agree(&beliefs, RULES)).is_ok()
    }

    #[test]
    fn whatever_is_not_one_story_is_found() {
        assert!(check(&["a: 2=b 3=c", "b: 1=a 3=c", "c: 1=a 2=b"]));
        assert!(!check(&["a: 2=b 9=z", "b: 1=a"]), "one who left is seen");
        assert!(!check(&["a: 2=b", "b:"]), "one is not seen");
        assert!(!check(&["a: 1=a", "b: 1=a"]), "one sees itself");
        assert!(!check(&["a: 2=b 3=b", "b: 1=a", "c: 1=a 2=b"]), "one twice");
        assert!(
            !check(&["a: 2=b 3=c", "b: 1=a 4=c", "c: 1=a 2=b"]),
            "two ids"
        );
        assert!(!check(&["a:", "a:"]), "one name twice");
        let four = [
            "a: 2=b 3=c 4=d",
            "b: 1=a 3=c 4=d",
            "c: 1=a 2=b 4=d",
            "d: 1=a 2=b 3=c",
        ];
        assert!(!check(&four), "one too many");
    }
}
