//! The `.proto` files, read: what they say, and the Rust types that prost makes of them.

use std::collections::BTreeMap;
use std::path::Path;

use prost_build::{Config, Module};
use prost_reflect::{DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::debug;
use super::packets::Packets;
use crate::Outcome;

/// The texts of the `.proto` files, by the names under which they import each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(pub(super) BTreeMap<String, String>);

impl Sources {
    /// Those in `folder`'s one folder `wharf`.
    pub(super) fn below(folder: &Path) -> Outcome<Self> {
        let folder = folder.join("wharf");
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        let mut sources = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".proto") {
                let text = std::fs::read_to_string(&path).map_err(failed)?;
                sources.insert(format!("wharf/{name}"), text);
            }
        }
        Ok(Self(sources))
    }
}

impl FileResolver for Sources {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        let name = path.to_str()?;
        self.0.contains_key(name).then(|| name.to_owned())
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// What the `.proto` files say.
pub(super) struct Schema {
    pub(super) pool: DescriptorPool,
    pub(super) packets: Packets,
}

impl Schema {
    /// # Errors
    ///
    /// What is wrong in them, by name.
    pub(super) fn of(sources: &Sources) -> Outcome<Self> {
        let mut resolver = ChainFileResolver::new();
        resolver.add(sources.clone());
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_source_info(true).include_imports(true);
        for name in sources.0.keys() {
            compiler
                .open_file(name)
                .map_err(|error| format!("{name}: {error:?}"))?;
        }
        let pool = compiler.descriptor_pool();
        let schema = Self {
            packets: Packets::of(&pool)?,
            pool,
        };
        schema.check_shape()?;
        Ok(schema)
    }

    /// The files that describe packets; what the options are made of is not among them.
    pub(super) fn files(&self) -> impl Iterator<Item = FileDescriptor> {
        self.pool
            .files()
            .filter(|file| file.package_name().starts_with("wharf."))
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = MessageDescriptor> {
        let messages = |file: FileDescriptor| file.messages().collect::<Vec<_>>();
        self.files().flat_map(messages)
    }

    pub(super) fn enums(&self) -> impl Iterator<Item = EnumDescriptor> {
        let enums = |file: FileDescriptor| file.enums().collect::<Vec<_>>();
        self.files().flat_map(enums)
    }

    /// What is made of the files knows just what they use: no maps, nothing inside messages, and a
    /// comment for each thing, since the comments are the documentation.
    fn check_shape(&self) -> Outcome {
        let missing = |file: &FileDescriptor, path: &[i32], name: &str| match comment(file, path) {
            text if text.is_empty() => Err(format!("{name} has no comment")),
            _ => Ok(()),
        };
        for message in self.messages() {
            let (file, name) = (message.parent_file(), message.full_name());
            if message.child_messages().len() + message.child_enums().len() > 0 {
                return Err(format!("{name}: put what is inside it beside it"));
            }
            missing(&file, message.path(), name)?;
            for field in message.fields() {
                missing(&file, field.path(), field.full_name())?;
            }
            for oneof in message.oneofs().filter(|it| !it.is_synthetic()) {
                missing(&file, oneof.path(), oneof.full_name())?;
            }
        }
        for values in self.enums() {
            let file = values.parent_file();
            missing(&file, values.path(), values.full_name())?;
            for value in values.values() {
                missing(&file, value.path(), value.full_name())?;
            }
        }
        Ok(())
    }

    /// prost's Rust types, by the last part of their package's name.
    ///
    /// # Errors
    ///
    /// What prost does not understand.
    pub(super) fn rust_types(&self) -> Outcome<BTreeMap<String, String>> {
        let request = |file: FileDescriptor| {
            let module = Module::from_protobuf_package_name(file.package_name());
            (module, file.file_descriptor_proto().clone())
        };
        let requests = self.files().map(request).collect();
        let secret = debug::secret_messages(self);
        let types = Config::new()
            .skip_debug(secret.iter().map(|it| format!(".{}", it.full_name())))
            .generate(requests)
            .map_err(|error| format!("prost: {error}"))?;
        let last = |module: &Module| module.parts().last().unwrap_or_default().to_owned();
        Ok(types
            .iter()
            .map(|(module, text)| (last(module), text.clone()))
            .collect())
    }
}

/// The comment before the thing at `path` in `file`, in one line.
pub(super) fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|it| it.path == path));
    let comment = location.and_then(|it| it.leading_comments.as_deref());
    let words: Vec<&str> = comment.unwrap_or_default().split_whitespace().collect();
    words.join(" ")
}

/// `wharf.session.Hello` as `session.Hello`.
pub(super) fn short_name(name: &str) -> &str {
    name.strip_prefix("wharf.").unwrap_or(name)
}

/// `wharf.session.Hello` as `session::Hello`.
pub(super) fn rust_path(name: &str) -> String {
    short_name(name).replace('.', "::")
}

/// `LogInAsGuest` as `log_in_as_guest`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// `device_secret` as `DeviceSecret`.
pub(super) fn camel(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + &rest.to_lowercase()
    });
    words.collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::Workspace;

    /// The schema with `new` in the place of `old`, which must be there.
    pub(in super::super) fn planted(old: &str, new: &str) -> Outcome<Schema> {
        let mut sources =
            Sources::below(&Workspace::here().root.join(super::super::SOURCES)).unwrap();
        let text = sources.0.values_mut().find(|text| text.contains(old));
        let text = text.unwrap_or_else(|| panic!("no .proto file has {old:?}"));
        *text = text.replacen(old, new, 1);
        Schema::of(&sources)
    }

    /// The schema as it is.
    pub(in super::super) fn as_it_is() -> Schema {
        planted("syntax", "syntax").unwrap()
    }

    /// Why the changed schema is refused.
    fn refusal(old: &str, new: &str) -> String {
        planted(old, new).err().expect("it is refused")
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name() {
        for (old, new, expected) in [
            (
                "(wharf.id) = 1105",
                "(wharf.id) = 1104",
                "is that of wharf.account.LogInByToken",
            ),
            (
                "(wharf.id) = 1105",
                "(wharf.id) = 999",
                "id 999 is not from 1024 to 9999",
            ),
            (
                "wharf.account.LoggedIn\"",
                "wharf.account.LogIn\"",
                "no packet with ROLE_REPLY",
            ),
            (
                "  option (wharf.reply) = \"wharf.session.Pong\";\n",
                "",
                "a request names its reply",
            ),
            (
                "{bytes_max: 64, text: TEXT_LINE}",
                "{text: TEXT_LINE}",
                "has no upper limit",
            ),
            (
                "(wharf.bytes_max) = 9000",
                "(wharf.bytes_max) = 8000",
                "more than the 8000",
            ),
            (
                "// Plain text.\n",
                "",
                "wharf.chat.Content.text has no comment",
            ),
            (
                "// Which way.\n  IdentityKind kind = 1 [(wharf.rules) = {required: true}]",
                "// Which way.\n  IdentityKind kind = 1 [(wharf.rules) = {chars_max: 3}]",
                "wharf.account.Unlink.kind: a rule for text",
            ),
        ] {
            let error = refusal(old, new);
            assert!(error.contains(expected), "{old}: {error}");
        }
    }

    #[test]
    fn names_become_rust() {
        assert_eq!(snake("LogInAsGuest"), "log_in_as_guest");
        assert_eq!(camel("device_secret"), "DeviceSecret");
        assert_eq!(rust_path("wharf.session.Hello"), "session::Hello");
    }
}
