//! The options of `wharf/options.proto`, which prost leaves aside.

use prost_reflect::{DescriptorPool, DynamicMessage, Value};

use super::schema::camel;
use crate::Outcome;

/// The options of one message, field or oneof.
pub(super) struct Options<'a> {
    pub(super) pool: &'a DescriptorPool,
    pub(super) given: DynamicMessage,
}

impl Options<'_> {
    /// The value of `wharf.<name>`, or its default.
    fn get(&self, name: &str) -> Outcome<Value> {
        let extension = self
            .pool
            .get_extension_by_name(&format!("wharf.{name}"))
            .ok_or_else(|| format!("options.proto has no option {name}"))?;
        Ok(self.given.get_extension(&extension).into_owned())
    }

    pub(super) fn number(&self, name: &str) -> Outcome<u32> {
        let value = self.get(name)?.as_u32();
        value.ok_or_else(|| format!("option {name} is no number"))
    }

    pub(super) fn flag(&self, name: &str) -> Outcome<bool> {
        let value = self.get(name)?.as_bool();
        value.ok_or_else(|| format!("option {name} is no bool"))
    }

    pub(super) fn text(&self, name: &str) -> Outcome<String> {
        let value = self.get(name)?;
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| format!("option {name} is no text"))
    }

    pub(super) fn message(&self, name: &str) -> Outcome<DynamicMessage> {
        let value = self.get(name)?;
        let message = value.as_message().cloned();
        message.ok_or_else(|| format!("option {name} is no message"))
    }

    /// The value of an option that is an enum, without the enum's name before it.
    pub(super) fn word(&self, name: &str) -> Outcome<String> {
        word(self.pool, &self.get(name)?, &camel(name))
    }
}

/// The name of a value of `wharf.<name>`, without the enum's name before it.
pub(super) fn word(pool: &DescriptorPool, value: &Value, name: &str) -> Outcome<String> {
    let number = value
        .as_enum_number()
        .ok_or_else(|| format!("{name} is no enum"))?;
    let known = pool.get_enum_by_name(&format!("wharf.{name}"));
    let value = known.and_then(|it| it.get_value(number));
    let value = value.ok_or_else(|| format!("wharf.{name} has no value {number}"))?;
    let (_, word) = value.name().split_once('_').unwrap_or_default();
    Ok(word.to_owned())
}
