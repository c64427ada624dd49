//! What a room says in the platform's packets.

use wharf_content::{Dialect, MemberId, RoomCx};
use wharf_data::{PageToken, Part};
use wharf_proto::chat::content::What;
use wharf_proto::room::{Entered, History, Info, ListMembers, Member, Members, Rank};
use wharf_proto::session::{Code, Error};

/// Members that an answer has at the most, as far as they fit.
const MEMBERS_MAX: usize = 100;
const MEMBERS_DEFAULT: usize = 50;
/// Bytes of members that fit an answer beside the rest.
const MEMBERS_BYTES: usize = 14_000;
/// Bytes of a member beside the name.
const MEMBER_BYTES: usize = 24;
/// The list that page tokens of members belong to.
const MEMBERS_LIST: &str = "members";

/// The platform's id of one of the numbered rooms.
pub(crate) fn id_of_number(number: u32) -> i64 {
    i64::from(number) + 1
}

/// The number of the room that is called so, if it is one of the numbered ones.
pub(crate) fn number_of_id(room: i64) -> Option<u32> {
    u32::try_from(room.checked_sub(1)?).ok()
}

/// Somebody in the room.
pub(crate) fn member_of(cx: &RoomCx<'_>, member: MemberId) -> Option<Member> {
    let user = cx.user(member)?;
    Some(Member {
        account: user.id.get(),
        display_name: user.name.to_string(),
        rank: Rank::Member.into(),
        is_muted: false,
        is_classic: cx.dialect(member) == Dialect::Classic,
    })
}

/// The answer to whoever has entered: the room, and those who are there, the newcomer first.
pub(crate) fn enter_reply(cx: &RoomCx<'_>, who: MemberId, members_max: u32) -> Entered {
    let number = cx.room().number();
    let info = Info {
        room: id_of_number(number),
        name: format!("Room {number}"),
        members: cx.count(),
        members_max,
        is_persistent: true,
        history: History::Off.into(),
        number: Some(number),
        ..Info::default()
    };
    let others = cx.members().filter(|&other| other != who);
    let all = core::iter::once(who).chain(others);
    let members = all.filter_map(|member| member_of(cx, member));
    Entered {
        info: Some(info),
        rank: Rank::Member.into(),
        members: as_many_as_fit(members, MEMBERS_MAX),
        last_seq: 0,
    }
}

/// A part of those who are there, by name.
///
/// # Errors
/// For a page that was not given out for this list.
pub(crate) fn members_page(
    cx: &RoomCx<'_>,
    request: &ListMembers,
    shown: impl Fn(&RoomCx<'_>, MemberId) -> Option<Member>,
) -> Result<Members, Error> {
    let after = match request.page.as_str() {
        "" => None,
        page => Some(position_of(page)?),
    };
    let mut all: Vec<Member> = cx
        .members()
        .filter_map(|member| shown(cx, member))
        .filter(|member| after.as_ref().is_none_or(|after| place_of(member) > *after))
        .collect();
    all.sort_by_cached_key(place_of);
    let limit = match request.limit as usize {
        0 => MEMBERS_DEFAULT,
        limit => limit.min(MEMBERS_MAX),
    };
    let count = all.len();
    let members = as_many_as_fit(all.into_iter(), limit);
    let last = members.last().filter(|_| members.len() < count);
    let next_page = last.map(|last| {
        let (name, account) = place_of(last);
        let position = [Part::Text(name), Part::Number(account)];
        PageToken::new(MEMBERS_LIST, "", &position)
            .as_str()
            .to_owned()
    });
    Ok(Members {
        members,
        next_page: next_page.unwrap_or_default(),
    })
}

/// Where a member stands in the list.
fn place_of(member: &Member) -> (String, i64) {
    (member.display_name.clone(), member.account)
}

fn position_of(page: &str) -> Result<(String, i64), Error> {
    let position = PageToken::received(page).position(MEMBERS_LIST, "");
    match position.as_deref() {
        Some([Part::Text(name), Part::Number(account)]) => Ok((name.clone(), *account)),
        _ => Err(Error::new(Code::Invalid, "page is none that was given out").in_field("page")),
    }
}

pub(crate) fn as_many_as_fit(members: impl Iterator<Item = Member>, limit: usize) -> Vec<Member> {
    let mut bytes = 0;
    members
        .take(limit)
        .take_while(|member| {
            bytes += MEMBER_BYTES + member.display_name.len();
            bytes <= MEMBERS_BYTES
        })
        .collect()
}

/// What a classic client shows of what was said.
pub(crate) fn shown(what: &What) -> String {
    match what {
        What::Text(text) => text.clone(),
        What::Item(item) => format!("[{}]", item.name),
        What::Emote(emote) => format!("* {emote}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_room_is_found_by_its_id() {
        for number in [0, 7, u32::MAX] {
            assert_eq!(number_of_id(id_of_number(number)), Some(number));
        }
        for id in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(number_of_id(id), None, "{id}");
        }
    }

    #[test]
    fn a_list_is_cut_where_it_would_not_fit_its_packet() {
        let long = Member {
            display_name: "가".repeat(32),
            ..Member::default()
        };
        let fits = as_many_as_fit(core::iter::repeat_n(long, 1_000), 1_000);
        assert_eq!(fits.len(), MEMBERS_BYTES / (MEMBER_BYTES + 96));
    }
}
