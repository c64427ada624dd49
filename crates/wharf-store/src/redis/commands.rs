//! What is said to Redis, and what its answers mean.

use ::redis::{Cmd, RedisError, Value, cmd, from_redis_value_ref};
use wharf_data::short::{Answer, Ask, Found, Space};
use wharf_data::{self as data, Refusal, Reply, UnixMs};

/// Values of one answer at the most.
const TOP_MAX: u32 = 1_000;

/// How long after its end Redis keeps a value: clocks differ.
const FORGET_AFTER_MS: i64 = 60_000;

/// The longest that Redis is told to keep something: ten years.
const KEEP_MAX_MS: i64 = 315_360_000_000;

/// Which keys are ours.
pub(super) struct Keys {
    /// What all of them begin with.
    pub(super) prefix: String,
}

impl Keys {
    /// A request, as Redis understands it.
    pub(super) fn command(&self, ask: &Ask) -> Cmd {
        match ask {
            Ask::Put {
                space,
                key,
                value,
                score,
                expires,
                only_new,
                at,
            } => {
                let mut put = self.script(PUT, *space, key);
                put.arg(value.as_slice()).arg(*score).arg(*expires);
                put.arg(*at).arg(forgotten_before(*at));
                put.arg(u8::from(*only_new))
                    .arg(keep(*expires, *at))
                    .arg(key);
                put
            }
            Ask::Get { space, key, .. } => {
                let mut get = cmd("HMGET");
                get.arg(self.value(*space, key)).arg(&["v", "s", "e"]);
                get
            }
            Ask::Take { space, key, .. } => {
                let mut take = self.script(TAKE, *space, key);
                take.arg(key);
                take
            }
            Ask::Delete { space, key } => {
                let mut delete = self.script(TAKE, *space, key);
                delete.arg(key);
                delete
            }
            Ask::Count {
                key,
                window_ms,
                since_last,
                at,
            } => {
                let ends = at.saturating_add((*window_ms).into());
                let mut count = self.script(COUNT, Space::Rate, key);
                count.arg(*at).arg(ends).arg(forgotten_before(*at));
                count.arg(keep(ends, *at)).arg(key);
                count.arg(u8::from(*since_last));
                count.arg(ends.saturating_add(FORGET_AFTER_MS));
                count
            }
            Ask::Top {
                space,
                skip,
                limit,
                at,
            } => {
                let mut top = cmd("EVAL");
                top.arg(TOP).arg(2);
                top.arg(self.scores(*space)).arg(self.ends(*space));
                top.arg((*limit).min(TOP_MAX)).arg(*at);
                top.arg(self.value(*space, "")).arg(*skip);
                top
            }
        }
    }

    /// A script over a value and its space. With its text: Redis knows it by heart after the first
    /// time, and a Redis that was restarted is told anew.
    fn script(&self, text: &str, space: Space, key: &str) -> Cmd {
        let mut script = cmd("EVAL");
        script.arg(text).arg(3);
        script.arg(self.value(space, key));
        script.arg(self.scores(space)).arg(self.ends(space));
        script
    }

    fn value(&self, space: Space, key: &str) -> String {
        format!("{}:{}:{key}", self.prefix, name(space))
    }

    fn scores(&self, space: Space) -> String {
        format!("{}:{}", self.prefix, name(space))
    }

    fn ends(&self, space: Space) -> String {
        format!("{}:ends:{}", self.prefix, name(space))
    }
}

fn name(space: Space) -> &'static str {
    match space {
        Space::Ticket => "ticket",
        Space::Presence => "presence",
        Space::Rate => "rate",
        Space::BusyRooms => "rooms",
    }
}

/// How long Redis keeps what ends at `expires`.
fn keep(expires: UnixMs, at: UnixMs) -> i64 {
    expires.saturating_sub(at).clamp(0, KEEP_MAX_MS) + FORGET_AFTER_MS
}

/// What ended before then is forgotten by now.
fn forgotten_before(at: UnixMs) -> UnixMs {
    at.saturating_sub(FORGET_AFTER_MS)
}

/// What Redis has said, as an answer.
pub(super) fn reply(ask: &Ask, said: &Value) -> Result<Reply, RedisError> {
    if let Value::ServerError(error) = said {
        return Err(error.clone().into());
    }
    Ok(match ask {
        Ask::Put { .. } => match from_redis_value_ref::<Option<i64>>(said)? {
            Some(score) => Err(Refusal::Duplicate(score)),
            None => Ok(data::Answer::Done),
        },
        Ask::Delete { .. } => Ok(data::Answer::Done),
        Ask::Get { key, at, .. } | Ask::Take { key, at, .. } => {
            match from_redis_value_ref::<Fields>(said)? {
                (Some(value), Some(score), Some(expires)) if expires > *at => {
                    Ok(data::Answer::Short(Answer::Found(Found {
                        key: key.clone(),
                        value,
                        score,
                        expires,
                    })))
                }
                _ => Err(Refusal::NotFound),
            }
        }
        Ask::Count { .. } => {
            let (count, ends) = from_redis_value_ref(said)?;
            Ok(data::Answer::Short(Answer::Counted { count, ends }))
        }
        Ask::Top { .. } => {
            let found: Vec<(String, Vec<u8>, i64, i64)> = from_redis_value_ref(said)?;
            let found = found.into_iter().map(|(key, value, score, expires)| Found {
                key,
                value,
                score,
                expires,
            });
            Ok(data::Answer::Short(Answer::Top(found.collect())))
        }
    })
}

/// A value, its score and its end, as far as they are there.
type Fields = (Option<Vec<u8>>, Option<i64>, Option<i64>);

/// Keeps a value, unless it must be new and one is there; then its score is answered. Each forgets
/// a few of those that have ended.
const PUT: &str = "
    local old = redis.call('HMGET', KEYS[1], 's', 'e')
    if ARGV[6] == '1' and old[2] and tonumber(old[2]) > tonumber(ARGV[4]) then return old[1] end
    redis.call('HSET', KEYS[1], 'v', ARGV[1], 's', ARGV[2], 'e', ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[7])
    redis.call('ZADD', KEYS[2], -tonumber(ARGV[2]), ARGV[8])
    redis.call('ZADD', KEYS[3], ARGV[3], ARGV[8])
    local ended = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[5], 'LIMIT', 0, 4)
    for _, name in ipairs(ended) do
        redis.call('ZREM', KEYS[2], name)
        redis.call('ZREM', KEYS[3], name)
    end
    return false";

/// A value, which is gone then.
const TAKE: &str = "
    local found = redis.call('HMGET', KEYS[1], 'v', 's', 'e')
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    return found";

/// One more in a window, or the first of the next. One that begins anew never ends sooner for it,
/// nor much later for a clock that is wrong: clocks differ.
const COUNT: &str = "
    local old = redis.call('HMGET', KEYS[1], 's', 'e')
    local count, ends = '1', ARGV[2]
    if old[2] and tonumber(old[2]) > tonumber(ARGV[1]) then
        count = string.format('%.0f', tonumber(old[1]) + 1)
        if ARGV[6] == '0' or tonumber(old[2]) > tonumber(ends) then ends = old[2] end
        if tonumber(ends) > tonumber(ARGV[7]) then ends = ARGV[7] end
    end
    redis.call('HSET', KEYS[1], 'v', '', 's', count, 'e', ends)
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    redis.call('ZADD', KEYS[2], -tonumber(count), ARGV[5])
    redis.call('ZADD', KEYS[3], ends, ARGV[5])
    local ended = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[3], 'LIMIT', 0, 4)
    for _, name in ipairs(ended) do
        redis.call('ZREM', KEYS[2], name)
        redis.call('ZREM', KEYS[3], name)
    end
    return {count, ends}";

/// The highest of a space that have not ended.
const TOP: &str = "
    local limit, top, gone, from = tonumber(ARGV[1]), {}, {}, 0
    local skip = tonumber(ARGV[4])
    while #top < limit do
        local names = redis.call('ZRANGE', KEYS[1], from, from + 99)
        if #names == 0 then break end
        for _, name in ipairs(names) do
            local found = redis.call('HMGET', ARGV[3] .. name, 'v', 's', 'e')
            if not found[3] then
                gone[#gone + 1] = name
            elseif tonumber(found[3]) <= tonumber(ARGV[2]) then
            elseif skip > 0 then
                skip = skip - 1
            elseif #top < limit then
                top[#top + 1] = {name, found[1], found[2], found[3]}
            end
        end
        from = from + #names
    end
    for _, name in ipairs(gone) do
        redis.call('ZREM', KEYS[1], name)
        redis.call('ZREM', KEYS[2], name)
    end
    return top";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_keeps_what_has_ended_a_little_longer_and_nothing_for_ever() {
        for (expires, at, expected) in [
            (100, 40, 60 + FORGET_AFTER_MS),
            (40, 100, FORGET_AFTER_MS),
            (i64::MAX, i64::MIN, KEEP_MAX_MS + FORGET_AFTER_MS),
            (i64::MAX, 0, KEEP_MAX_MS + FORGET_AFTER_MS),
        ] {
            assert_eq!(keep(expires, at), expected);
        }
    }
}
