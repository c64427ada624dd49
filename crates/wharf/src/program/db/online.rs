//! `wharf db online`: who is online, as the servers show it to others.

use super::super::ConfigArgs;
use super::super::operate::{clean, time};
use super::super::say::say;
use super::super::services;
use super::Which;
use clap::Args;
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use wharf_data::short::{Found, Space};
use wharf_store::{Redis, RedisPlace, admin};

/// Where to look, and how to tell.
#[derive(Debug, Args)]
pub(super) struct OnlineArgs {
    #[command(flatten)]
    which: Which,
    /// The servers' Redis, redis://user:password@host:port/number [default: what store.redis names]
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// One JSON object a line, as docs/OPERATIONS.md describes it
    #[arg(long)]
    json: bool,
}

/// Tells who is online.
///
/// # Errors
/// Why that cannot be known.
pub(super) fn run(args: &OnlineArgs, before: &ConfigArgs) -> Result<(), String> {
    let redis = args.redis_place(before)?;
    let place = args.which.place(before)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let at = since.unwrap_or_default().as_millis() as i64;
    let found = admin::glance(&place, redis.as_ref(), Space::Presence, at);
    let people = people_of(&found.map_err(|trouble| trouble.to_string())?);
    say(match args.json {
        true => people.iter().map(|person| format!("{person}\n")).collect(),
        false => table(&people),
    });
    Ok(())
}

impl OnlineArgs {
    /// The Redis to look at, if it is one.
    fn redis_place(&self, before: &ConfigArgs) -> Result<Option<RedisPlace>, String> {
        if let Some(url) = &self.redis {
            Redis::check_url(url).map_err(|why| format!("--redis: {why}"))?;
            return Ok(Some(services::redis_at(url)));
        }
        // Whoever names a store means that one.
        if self.which.store.is_some() {
            return Ok(None);
        }
        let config = before.clone().then(self.which.config.clone()).resolve();
        let config = config.map_err(|error| error.to_string())?;
        Ok(services::store_places(&config).short)
    }
}

/// Those who can be read, by name. Somebody who was seen twice while it was read is there once.
fn people_of(found: &[Found]) -> Vec<Value> {
    let read = found.iter().filter_map(|found| {
        let value: Value = serde_json::from_slice(&found.value).ok()?;
        let name = value["name"].as_str()?.to_lowercase();
        value["account"].as_str()?;
        Some(((name, found.key.clone()), value))
    });
    let by_name: std::collections::BTreeMap<_, _> = read.collect();
    by_name.into_values().collect()
}

fn table(people: &[Value]) -> String {
    let line = |person: &Value| {
        let text = |name: &str| person[name].as_str().map(clean);
        let room = match (text("room_name"), text("room")) {
            (Some(name), Some(room)) => format!("in {name} (#{room})"),
            _ => "in no room that is shown".to_owned(),
        };
        format!(
            "{}  {}  since {}  {room}  node {}\n",
            text("account").unwrap_or_default(),
            text("name").unwrap_or_default(),
            person["since"].as_i64().map_or("-".to_owned(), time),
            person["node"],
        )
    };
    match people.len() {
        0 => "nobody is online\n".to_owned(),
        count => people.iter().map(line).collect::<String>() + &format!("{count} online\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, value: &str) -> Found {
        Found {
            key: key.into(),
            value: value.into(),
            score: 0,
            expires: 0,
        }
    }

    #[test]
    fn people_are_told_by_name_once_and_rubbish_is_passed_over() {
        let lee = r#"{"kind":"online","account":"7","name":"Lee","room":"9","room_name":"Tea\u001b[2J","since":0,"node":0}"#;
        let kim = r#"{"kind":"online","account":"8","name":"kim","room":null,"room_name":null,"since":1000,"node":3}"#;
        let people = people_of(&[
            found("0:7", lee),
            found("0:1", "{"),
            found("0:2", r#"{"name":7}"#),
            found("3:8", kim),
            found("0:7", lee),
        ]);
        assert_eq!(
            table(&people),
            "8  kim  since 1970-01-01 00:00:01 UTC  in no room that is shown  node 3\n\
             7  Lee  since 1970-01-01 00:00:00 UTC  in Tea [2J (#9)  node 0\n\
             2 online\n"
        );
        assert_eq!(table(&[]), "nobody is online\n");
    }
}
