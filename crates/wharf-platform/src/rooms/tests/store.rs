//! What the store promises of rooms, in maps.

use std::collections::{BTreeMap, BTreeSet};
use wharf_data::room::{Answer, Ask, Ban, By, Measure, Role, Room, Standing, Until};
use wharf_data::{
    self as data, AccountId, Actor, NameKey, PageToken, Part, Refusal, Reply, RoomId, UnixMs,
};

#[derive(Default)]
pub(super) struct MapStore {
    pub(super) rooms: BTreeMap<RoomId, Room>,
    pub(super) standings: BTreeMap<(RoomId, AccountId), Standing>,
    pub(super) acts: BTreeSet<data::AuditId>,
    /// Who banned whom last, and why.
    verdicts: BTreeMap<(RoomId, AccountId), (Actor, String)>,
    pub(super) is_dead: bool,
    /// What is said of busy rooms: by key, how many are inside.
    pub(super) busy: BTreeMap<String, i64>,
    pub(super) is_short_dead: bool,
    /// Wrong passwords: how many, and until when.
    pub(super) guesses: BTreeMap<String, (i64, UnixMs)>,
}

const MEMBER: Standing = Standing {
    role: Role::Member,
    ban: None,
    mute: None,
};

impl MapStore {
    pub(super) fn ask(&mut self, ask: &data::Ask) -> Reply {
        if self.is_dead {
            return Err(Refusal::Unavailable);
        }
        match ask {
            data::Ask::Short(ask @ data::short::Ask::Top { .. }) => self.about_busy_rooms(ask),
            data::Ask::Short(ask) => self.about_guesses(ask),
            data::Ask::Room(ask) => self.about_rooms(ask).map(data::Answer::Room),
            data::Ask::Audit(data::audit::Ask::Write(entry)) => {
                assert!(
                    self.acts.insert(entry.act.id),
                    "an act has an id of its own"
                );
                Ok(data::Answer::Done)
            }
            other => panic!("nobody asks {other:?}"),
        }
        .map(|answer| match answer {
            // A room that is no more has no answer of its own.
            data::Answer::Room(Answer::Rooms { rooms, .. })
                if matches!(ask, data::Ask::Room(Ask::Delete { .. })) =>
            {
                assert!(rooms.is_empty());
                data::Answer::Done
            }
            answer => answer,
        })
    }

    pub(super) fn open(&mut self, room: RoomId) -> Option<&Room> {
        let room = self.rooms.get_mut(&room)?;
        room.epoch += 1;
        Some(room)
    }

    pub(super) fn standing(&self, room: RoomId, account: AccountId, at: UnixMs) -> Standing {
        let standing = self.standings.get(&(room, account)).copied();
        let standing = standing.unwrap_or(MEMBER);
        let lasting = |until: Option<Until>| until.filter(|until| until.lasts(at));
        Standing {
            ban: lasting(standing.ban),
            mute: lasting(standing.mute),
            ..standing
        }
    }

    fn named(&self, key: &NameKey) -> Option<&Room> {
        let mut rooms = self.rooms.values();
        rooms.find(|room| NameKey::of(&room.name) == *key)
    }

    fn held(&mut self, (room, epoch): (RoomId, i64)) -> Result<&mut Room, Refusal> {
        let room = self.rooms.get_mut(&room).ok_or(Refusal::NotFound)?;
        match room.epoch == epoch {
            true => Ok(room),
            false => Err(Refusal::Fenced),
        }
    }

    fn role(&self, room: RoomId, actor: Actor) -> Role {
        match actor {
            Actor::Account(account) => self.standing(room, account, 0).role,
            Actor::Operator | Actor::Server => Role::Owner,
        }
    }

    fn about_busy_rooms(&self, ask: &data::short::Ask) -> Reply {
        if self.is_short_dead {
            return Err(Refusal::Unavailable);
        }
        let data::short::Ask::Top { skip: 0, limit, .. } = ask else {
            panic!("nobody asks {ask:?}");
        };
        let mut found: Vec<_> = self.busy.iter().collect();
        found.sort_by_key(|(_, score)| core::cmp::Reverse(**score));
        let found = found.into_iter().take(*limit as usize);
        let found = found.map(|(key, score)| data::short::Found {
            key: key.clone(),
            value: Vec::new(),
            score: *score,
            expires: 1,
        });
        let top = data::short::Answer::Top(found.collect());
        Ok(data::Answer::Short(top))
    }

    fn about_guesses(&mut self, ask: &data::short::Ask) -> Reply {
        use data::short::{Answer, Ask, Found, Space};
        if self.is_short_dead {
            return Err(Refusal::Unavailable);
        }
        match ask {
            Ask::Get { space, key, at } => {
                assert_eq!(*space, Space::Rate);
                let found = self.guesses.get(key).filter(|(_, ends)| ends > at);
                let (score, expires) = found.copied().ok_or(Refusal::NotFound)?;
                Ok(data::Answer::Short(Answer::Found(Found {
                    key: key.clone(),
                    value: Vec::new(),
                    score,
                    expires,
                })))
            }
            Ask::Count {
                key, window_ms, at, ..
            } => {
                let old = self.guesses.get(key).filter(|(_, ends)| ends > at);
                let count = old.map_or(0, |(count, _)| *count) + 1;
                let ends = at + i64::from(*window_ms);
                self.guesses.insert(key.clone(), (count, ends));
                Ok(data::Answer::Short(Answer::Counted { count, ends }))
            }
            Ask::Delete { key, .. } => {
                self.guesses.remove(key);
                Ok(data::Answer::Done)
            }
            other => panic!("nobody asks {other:?}"),
        }
    }

    fn about_rooms(&mut self, ask: &Ask) -> Result<Answer, Refusal> {
        match ask {
            Ask::Create {
                room,
                kind,
                name,
                owner,
                owned_max,
                settings,
                at,
            } => {
                if let Some(other) = self.named(name.key()) {
                    return Err(Refusal::Duplicate(other.id.get()));
                }
                let owned = self.standings.iter();
                let owned = owned.filter(|((_, it), is)| it == owner && is.role == Role::Owner);
                if owned.count() >= *owned_max as usize {
                    return Err(Refusal::Full);
                }
                let made = Room {
                    id: *room,
                    kind: kind.clone(),
                    name: name.as_str().into(),
                    settings: settings.clone(),
                    epoch: 1,
                    last_seq: 0,
                    created_at: *at,
                };
                let role = Role::Owner;
                let standing = Standing { role, ..MEMBER };
                self.standings.insert((*room, *owner), standing);
                self.rooms.insert(*room, made.clone());
                Ok(Answer::Room(made))
            }
            Ask::Find { by } => {
                let found = match by {
                    By::Id(room) => self.rooms.get(room),
                    By::Name(key) => self.named(key),
                };
                found.cloned().map(Answer::Room).ok_or(Refusal::NotFound)
            }
            Ask::These { rooms } => {
                let found = rooms.iter().filter_map(|room| self.rooms.get(room));
                let rooms = found.cloned().collect();
                Ok(Answer::Rooms { rooms, next: None })
            }
            Ask::Open { room } => {
                let room = self.open(*room).ok_or(Refusal::NotFound)?;
                Ok(Answer::Room(room.clone()))
            }
            Ask::Change { room, change, act } => {
                let role = self.role(room.0, act.actor);
                let wished = change.name.as_ref();
                let namesake = wished.and_then(|name| self.named(name.key()));
                let namesake = namesake.map(|it| it.id).filter(|it| *it != room.0);
                let held = self.held(*room)?;
                if role < Role::Owner {
                    return Err(Refusal::Forbidden);
                }
                if let Some(other) = namesake {
                    return Err(Refusal::Duplicate(other.get()));
                }
                if let Some(name) = wished {
                    name.as_str().clone_into(&mut held.name);
                }
                if let Some(topic) = &change.topic {
                    held.settings.topic.clone_from(topic);
                }
                if let Some(most) = change.members_max {
                    held.settings.members_max = most;
                }
                if let Some(is_locked) = change.is_locked {
                    held.settings.is_locked = is_locked;
                }
                let changed = held.clone();
                assert!(self.acts.insert(act.id), "an act has an id of its own");
                Ok(Answer::Room(changed))
            }
            Ask::Delete { room, act } => {
                let role = self.role(room.0, act.actor);
                self.held(*room)?;
                if role < Role::Owner {
                    return Err(Refusal::Forbidden);
                }
                self.rooms.remove(&room.0);
                self.standings.retain(|(it, _), _| *it != room.0);
                Ok(Answer::Rooms {
                    rooms: Vec::new(),
                    next: None,
                })
            }
            Ask::Moderate {
                room,
                account,
                measure,
                act,
            } => {
                self.held(*room)?;
                let standing = self.moderate(room.0, *account, *measure, act)?;
                assert!(self.acts.insert(act.id), "an act has an id of its own");
                Ok(Answer::Standing(standing))
            }
            Ask::Standing { room, account, at } => match self.rooms.contains_key(room) {
                true => Ok(Answer::Standing(self.standing(*room, *account, *at))),
                false => Err(Refusal::NotFound),
            },
            Ask::List { search, limit, .. } => {
                let key = NameKey::of(search);
                let is_it = |room: &&Room| {
                    let name = NameKey::of(&room.name);
                    name.as_str().starts_with(key.as_str()) && !room.settings.is_hidden
                };
                let rooms = self.rooms.values().filter(is_it);
                let rooms = rooms.take(*limit as usize).cloned().collect();
                Ok(Answer::Rooms { rooms, next: None })
            }
            Ask::Standings { room, at, .. } => {
                let all = self.standings.keys().filter(|(it, _)| it == room);
                let standing = |(_, who): &(RoomId, AccountId)| {
                    let standing = self.standing(*room, *who, *at);
                    (*who, standing)
                };
                let standings = all.map(standing).collect();
                let next = None;
                Ok(Answer::Standings { standings, next })
            }
            Ask::Bans {
                room,
                at,
                page,
                limit,
            } => self.bans(*room, *at, page.as_ref(), *limit),
            Ask::BanReason { room, account } => {
                // A ban may be in force before it is kept: nobody has said why yet.
                let verdict = self.verdicts.get(&(*room, *account));
                let reason = verdict.map_or_else(String::new, |(_, reason)| reason.clone());
                Ok(Answer::BanReason(reason))
            }
        }
    }

    fn bans(
        &self,
        room: RoomId,
        at: UnixMs,
        page: Option<&PageToken>,
        limit: u32,
    ) -> Result<Answer, Refusal> {
        let behind = match page.map(|page| page.position("bans", "")) {
            None => i64::MIN,
            Some(Some(parts)) => match parts[..] {
                [Part::Number(account)] => account,
                _ => return Err(Refusal::Invalid),
            },
            Some(None) => return Err(Refusal::Invalid),
        };
        let all = self.standings.keys();
        let all = all.filter(|(it, account)| *it == room && account.get() > behind);
        let banned = all.filter_map(|&(_, account)| {
            let until = self.standing(room, account, at).ban?;
            let (by, reason) = self.verdicts[&(room, account)].clone();
            let by = match by {
                Actor::Account(by) => by,
                Actor::Operator | Actor::Server => AccountId::new(0),
            };
            let name = String::new();
            Some(Ban {
                account,
                name,
                by,
                reason,
                until,
            })
        });
        let mut bans: Vec<Ban> = banned.take(limit as usize + 1).collect();
        let has_more = bans.len() > limit as usize;
        bans.truncate(limit as usize);
        let last = bans.last().filter(|_| has_more);
        let next = last.map(|ban| PageToken::new("bans", "", &[Part::Number(ban.account.get())]));
        Ok(Answer::Bans { bans, next })
    }

    fn moderate(
        &mut self,
        room: RoomId,
        account: AccountId,
        measure: Measure,
        act: &data::Act,
    ) -> Result<Standing, Refusal> {
        let (role, was) = (
            self.role(room, act.actor),
            self.standing(room, account, act.at),
        );
        let is_owners = matches!(measure, Measure::Rank(_) | Measure::HandOver);
        let least = match is_owners {
            true => Role::Owner,
            false => Role::Moderator,
        };
        if role < least || role <= was.role {
            return Err(Refusal::Forbidden);
        }
        if is_owners && was.ban.is_some() {
            return Err(Refusal::Conflict);
        }
        let mut is = was;
        match measure {
            Measure::Ban(until) => {
                (is.role, is.ban) = (Role::Member, Some(until));
                let verdict = (act.actor, act.reason.clone());
                self.verdicts.insert((room, account), verdict);
            }
            Measure::Unban => is.ban = None,
            Measure::Mute(until) => is.mute = Some(until),
            Measure::Unmute => is.mute = None,
            Measure::Rank(role) => is.role = role,
            Measure::HandOver => {
                is.role = Role::Owner;
                for ((of, _), standing) in &mut self.standings {
                    if *of == room && standing.role == Role::Owner {
                        standing.role = Role::Moderator;
                    }
                }
            }
        }
        self.standings.insert((room, account), is);
        Ok(is)
    }
}
