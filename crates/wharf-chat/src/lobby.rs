//! A room in which people talk.

use wharf_content::{Handled, LeaveReason, MemberId, Room, RoomCx, User};
use wharf_wire::classic::{
    ChatNotify, ChatRequest, LeaveUserNotify, NewUserNotify, ResultCode, UserEntry, UserListNotify,
    UserName, chat_response,
};

/// One of the numbered rooms. It remembers nothing.
#[derive(Default)]
pub(crate) struct Lobby;

impl Lobby {
    /// 221: the answer first, then the line to everybody, whoever said it included.
    pub(crate) fn say(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: ChatRequest,
    ) -> Handled {
        cx.reply(&chat_response(ResultCode::None));
        cx.broadcast(&ChatNotify {
            user: UserName::truncated(cx.name(from)),
            message: request.message,
        });
        Ok(())
    }
}

impl Room for Lobby {
    fn on_join(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        tell_arrival(cx, who);
    }

    fn on_leave(&mut self, cx: &mut RoomCx<'_>, who: MemberId, _: LeaveReason) {
        tell_departure(cx, who);
    }
}

/// What a classic client expects of every room that it enters; to be called in `on_join`. 209 to
/// the newcomer: everybody who is there already, one packet even if that is nobody. 208 to all
/// others.
pub fn tell_arrival(cx: &mut RoomCx<'_>, who: MemberId) {
    let others: Vec<MemberId> = cx.members().filter(|&other| other != who).collect();
    if others.is_empty() {
        cx.send(who, &UserListNotify::default());
    }
    for some in others.chunks(UserListNotify::ENTRIES_MAX) {
        let users = some
            .iter()
            .filter_map(|&other| entry_of(cx, other))
            .collect();
        cx.send(who, &UserListNotify { users });
    }
    if let Some(user) = entry_of(cx, who) {
        cx.send_except(who, &NewUserNotify { user });
    }
}

/// What classic clients expect when somebody leaves their room; to be called in `on_leave`. 217 to
/// the rest, whatever the reason.
pub fn tell_departure(cx: &mut RoomCx<'_>, who: MemberId) {
    if let Some(UserEntry { unique_id, .. }) = entry_of(cx, who) {
        cx.broadcast(&LeaveUserNotify { unique_id });
    }
}

fn entry_of(cx: &RoomCx<'_>, member: MemberId) -> Option<UserEntry> {
    let User { id, name } = cx.user(member)?;
    Some(UserEntry {
        unique_id: id.get(),
        name: UserName::truncated(name),
    })
}
