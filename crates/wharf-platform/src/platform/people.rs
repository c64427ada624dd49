//! Who is here, as others see it, and what people whisper to each other.

use super::{Platform, SessionTag, StoreTag, Ticket, error_of};
use crate::platform::Effect;
use crate::presence::Online;
use crate::rooms::id_of_lobby;
use crate::whispers::Step;
use wharf_data::access::Error;
use wharf_data::people::{self, Addressee};
use wharf_data::service::Given;
use wharf_data::{
    AccountId, Answer, Ask, NameKey, Notice, PageToken, Part, Refusal, UnixMs, Whispered, message,
};

/// The list that page tokens of those who are here belong to.
const ONLINE: &str = "online";
/// People that a page has at the most.
const PAGE_MAX: u32 = 100;

/// A page of those who are here, before it is known who is left out.
pub(super) struct Listing {
    by: AccountId,
    /// Nobody hides from them.
    sees_all: bool,
    people: Vec<people::Person>,
    next: Option<PageToken>,
}

impl Listing {
    fn without(mut self, blocked: &[AccountId]) -> people::Outcome {
        self.people.retain(|it| !blocked.contains(&it.account));
        people::Outcome::People {
            people: self.people,
            next: self.next,
        }
    }
}

impl Platform {
    pub(super) fn people(
        &mut self,
        at: UnixMs,
        session: SessionTag,
        ticket: Ticket,
        by: AccountId,
        request: people::Request,
    ) {
        // Who has been taken over meanwhile speaks for nobody.
        if self.presence.account(session) != Some(by) {
            return self.reply(ticket, Err(Error::WrongState));
        }
        match request {
            people::Request::List {
                search,
                page,
                limit,
            } => match self.list(by, &search, page.as_ref(), limit) {
                Ok(listing) => self.leave_out_blocked(ticket, listing),
                Err(error) => self.reply(ticket, Err(error)),
            },
            people::Request::SetVisible(is_visible) => {
                self.presence.set_visible(session, is_visible);
                self.reply(ticket, Ok(Given::People(people::Outcome::Done)));
            }
            people::Request::Whisper(whisper) => {
                if let Some(error) = self.is_muted(at, by) {
                    return self.reply(ticket, Err(error));
                }
                let to = match &whisper.to {
                    Addressee::Account(account) => Ok(*account),
                    Addressee::Name(name) => {
                        let key = NameKey::of(name);
                        let found = self.presence.find_name(&key);
                        // Whoever hides is found as if they were not here, by the store.
                        let found = found.filter(|(_, online)| online.is_visible);
                        found.map(|(account, _)| account).ok_or(key)
                    }
                };
                self.whispers.whisper(at, ticket, by, whisper, to);
            }
        }
    }

    /// A page of those who are here. Moderators of the server see those too who do not show it.
    fn list(
        &self,
        by: AccountId,
        search: &str,
        page: Option<&PageToken>,
        limit: u32,
    ) -> Result<Listing, Error> {
        let search = NameKey::of(search);
        let after = match page.map(|page| page.position(ONLINE, search.as_str())) {
            None => None,
            Some(position) => match position.as_deref() {
                Some([Part::Text(key), Part::Number(account)]) => {
                    Some((NameKey::of(key), AccountId::new(*account)))
                }
                _ => {
                    return Err(Error::Invalid {
                        field: "page",
                        text: "it is none that was given out".into(),
                    });
                }
            },
        };
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let sees_all = self.operators.bulletin().is_moderator(by);
        let found = self.presence.list(&search, after.as_ref(), limit, sees_all);
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|(account, online)| {
            // The name, not its key: that is longer than a page may be.
            let position = [
                Part::Text(online.display_name.clone()),
                Part::Number(account.get()),
            ];
            PageToken::new(ONLINE, search.as_str(), &position)
        });
        let rooms = self.rooms.as_ref();
        let person = |(account, online): (AccountId, &Online)| people::Person {
            account,
            display_name: online.display_name.clone(),
            room: rooms
                .and_then(|rooms| rooms.place(online.session))
                .or(online.lobby.map(id_of_lobby)),
        };
        let people = found.into_iter().map(person).collect();
        Ok(Listing {
            by,
            sees_all,
            people,
            next,
        })
    }

    /// Answers with a list, without those who have blocked whoever asks, and those whom they have.
    /// Only the store knows: a list that it cannot be asked about is not shown.
    fn leave_out_blocked(&mut self, ticket: Ticket, listing: Listing) {
        let all = listing.people.iter().map(|person| person.account);
        let others: Vec<AccountId> = all.filter(|account| *account != listing.by).collect();
        if listing.sees_all || others.is_empty() {
            return self.reply(ticket, Ok(Given::People(listing.without(&[]))));
        }
        self.last_tag += 1;
        let tag = StoreTag(self.last_tag);
        let account = listing.by;
        self.listings.insert(tag, (ticket, listing));
        let ask = Ask::Message(message::Ask::BlocksAmong { account, others });
        self.effects.push_back(Effect::Ask { tag, ask });
    }

    /// The store has said who is left out.
    pub(super) fn listed(&mut self, ticket: Ticket, listing: Listing, reply: wharf_data::Reply) {
        let reply = match reply {
            Ok(Answer::Message(message::Answer::Blocks(blocked))) => {
                Ok(Given::People(listing.without(&blocked)))
            }
            Ok(_) => Err(Error::Unavailable),
            Err(refusal) => Err(error_of(refusal)),
        };
        self.reply(ticket, reply);
    }

    pub(super) fn run_whispers(&mut self) {
        while let Some(step) = self.whispers.poll() {
            match step {
                Step::Ask(pending, ask) => {
                    self.last_tag += 1;
                    let tag = StoreTag(self.last_tag);
                    self.pending.insert(tag, pending);
                    self.effects.push_back(Effect::Ask { tag, ask: *ask });
                }
                Step::Reply(ticket, kept) => {
                    let kept = kept.map(|(to, kept)| {
                        let online = self.presence.find(to);
                        let waits = !online.is_some_and(|online| online.is_visible);
                        Given::People(people::Outcome::Kept { kept, waits })
                    });
                    let error = |refusal| match refusal {
                        Refusal::Invalid => Error::Invalid {
                            field: "to",
                            text: "nobody whispers to themselves".into(),
                        },
                        other => error_of(other),
                    };
                    self.reply(ticket, kept.map_err(error));
                }
                Step::Tell(account, message) => {
                    if let Some(online) = self.presence.find(account) {
                        let was_kept = message.at < online.since;
                        let message = *message;
                        let told = Box::new(Whispered { message, was_kept });
                        self.notice(online.session, Notice::Whispered(told));
                    }
                }
            }
        }
    }
}
