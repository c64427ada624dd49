//! A look at what lives for a short time, from outside of the servers that write it.

use super::Trouble;
use crate::database::SqlError;
use crate::place::Place;
use crate::redis::{Glance, RedisPlace};
use crate::sql;
use crate::store::Access;
use wharf_data::short::{Answer, Ask, Found, Space};
use wharf_data::{self as data, Reply, UnixMs};

/// How many are read at once, and at the most.
const PART: u32 = 1_000;
const PARTS_MAX: u32 = 1_000;

/// All of a space that has not ended, the highest score first: from `redis`, or, where there is
/// none, from `place`. A list that changes while it is read may lack something, or have it twice.
///
/// # Errors
/// Why it cannot be read.
pub fn glance(
    place: &Place,
    redis: Option<&RedisPlace>,
    space: Space,
    at: UnixMs,
) -> Result<Vec<Found>, Trouble> {
    match redis {
        Some(redis) => {
            let shown = Place::at(redis.url.clone());
            let told = |error: SqlError| {
                let remedy = "see whether it runs there, and whether the password is right";
                Trouble::new(&shown, error, remedy)
            };
            let mut glance = Glance::connect(redis).map_err(told)?;
            all(|skip| glance.ask(&top(space, skip, at))).map_err(told)
        }
        None => {
            let told = |error: SqlError| Trouble::of(place, &error);
            let mut database = (place.connector())(Access::Read).map_err(told)?;
            let ask = |skip| data::Ask::Short(top(space, skip, at));
            all(|skip| sql::run(&mut *database, &ask(skip))).map_err(told)
        }
    }
}

fn top(space: Space, skip: u32, at: UnixMs) -> Ask {
    Ask::Top {
        space,
        skip,
        limit: PART,
        at,
    }
}

fn all(mut ask: impl FnMut(u32) -> Result<Reply, SqlError>) -> Result<Vec<Found>, SqlError> {
    let mut all = Vec::new();
    for part in 0..PARTS_MAX {
        match ask(part * PART)? {
            Ok(data::Answer::Short(Answer::Top(found))) => {
                let is_last = found.len() < PART as usize;
                all.extend(found);
                if is_last {
                    break;
                }
            }
            Ok(_) => return Err(SqlError::Wrong("that is no list".into())),
            Err(refusal) => return Err(SqlError::Broken(refusal.to_string())),
        }
    }
    Ok(all)
}
