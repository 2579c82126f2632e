//! Reads kubeconfigs, and merges them.

use std::{
    borrow::Cow,
    env, fs, io,
    path::{MAIN_SEPARATOR, Path, PathBuf},
};

use serde::de::Error as _;

use super::{Kubeconfig, KubeconfigError};

const VARIABLE: &str = "KUBECONFIG";

impl Kubeconfig {
    /// Reads what `kubectl` would: the files that `KUBECONFIG` names, or else `~/.kube/config`.
    ///
    /// ```no_run
    /// use kubist_client::config::Kubeconfig;
    ///
    /// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
    /// let kubeconfig = Kubeconfig::read()?;
    /// println!("{:?}", kubeconfig.current_context);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where there is no such file, or it is no kubeconfig.
    pub fn read() -> Result<Kubeconfig, KubeconfigError> {
        match Self::from_env()? {
            Some(kubeconfig) => Ok(kubeconfig),
            None => Self::read_from(default_path().ok_or(KubeconfigError::FindPath)?),
        }
    }

    /// Reads a file. Relative paths in it are relative to it.
    ///
    /// Takes UTF-8 and UTF-16, with or without a byte order mark, and several documents in one
    /// file, which are merged.
    ///
    /// ```no_run
    /// use kubist_client::config::Kubeconfig;
    ///
    /// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
    /// let kubeconfig = Kubeconfig::read_from("clusters/staging.yaml")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where there is no such file, or it is no kubeconfig.
    pub fn read_from<P: AsRef<Path>>(path: P) -> Result<Kubeconfig, KubeconfigError> {
        let path = path.as_ref();
        let read_error = |error| KubeconfigError::ReadConfig(error, path.to_owned());
        let bytes = fs::read(path).map_err(read_error)?;
        let text = decode(&bytes).map_err(read_error)?;
        let mut kubeconfig = parse(&text).map_err(|error| {
            // The message, with its position, goes behind the name of the file.
            let message = format!("{}: {error}", path.display());
            KubeconfigError::Parse(Box::new(serde_saphyr::Error::custom(message)))
        })?;
        if let Some(directory) = path.parent() {
            let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
            kubeconfig.resolve_paths(&directory);
        }
        Ok(kubeconfig)
    }

    /// Reads a text. Relative paths in it stay as they are.
    ///
    /// ```
    /// use kubist_client::config::Kubeconfig;
    ///
    /// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
    /// let kubeconfig = Kubeconfig::from_yaml("current-context: staging")?;
    /// assert_eq!(kubeconfig.current_context.as_deref(), Some("staging"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where it is no kubeconfig.
    pub fn from_yaml(text: &str) -> Result<Kubeconfig, KubeconfigError> {
        parse(text).map_err(|error| KubeconfigError::Parse(Box::new(error)))
    }

    /// Reads and merges the files that `KUBECONFIG` names; `None` where it names none.
    ///
    /// Files that are not there are left out, if another is.
    ///
    /// ```no_run
    /// use kubist_client::config::Kubeconfig;
    ///
    /// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
    /// match Kubeconfig::from_env()? {
    ///     Some(kubeconfig) => println!("{} contexts", kubeconfig.contexts.len()),
    ///     None => println!("KUBECONFIG is not set"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where none is there, or one is no kubeconfig.
    pub fn from_env() -> Result<Option<Self>, KubeconfigError> {
        match env::var_os(VARIABLE) {
            Some(paths) => Self::read_all(env::split_paths(&paths)),
            None => Ok(None),
        }
    }

    fn read_all(paths: impl Iterator<Item = PathBuf>) -> Result<Option<Self>, KubeconfigError> {
        let mut merged: Option<Kubeconfig> = None;
        let mut missing = None;
        for path in paths.filter(|path| !path.as_os_str().is_empty()) {
            let next = match Self::read_from(path) {
                Ok(next) => next,
                Err(KubeconfigError::ReadConfig(error, path)) if error.kind() == io::ErrorKind::NotFound => {
                    missing.get_or_insert(KubeconfigError::ReadConfig(error, path));
                    continue;
                }
                Err(error) => return Err(error),
            };
            merged = Some(match merged {
                Some(merged) => merged.merge(next)?,
                None => next,
            });
        }
        match (merged, missing) {
            (Some(merged), _) => Ok(Some(merged)),
            (None, Some(missing)) => Err(missing),
            (None, None) => Ok(None),
        }
    }

    /// Adds what another file has and this one does not: what is said first stays.
    ///
    /// Clusters, users and contexts are taken whole, by their names.
    ///
    /// ```
    /// use kubist_client::config::Kubeconfig;
    ///
    /// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
    /// let mine = Kubeconfig::from_yaml("current-context: staging")?;
    /// let theirs = Kubeconfig::from_yaml("current-context: production")?;
    /// assert_eq!(mine.merge(theirs)?.current_context.as_deref(), Some("staging"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the files are not of one kind and version.
    pub fn merge(mut self, next: Kubeconfig) -> Result<Self, KubeconfigError> {
        if self.kind.is_some() && next.kind.is_some() && self.kind != next.kind {
            return Err(KubeconfigError::KindMismatch);
        }
        if self.api_version.is_some() && next.api_version.is_some() && self.api_version != next.api_version {
            return Err(KubeconfigError::ApiVersionMismatch);
        }
        self.kind = self.kind.or(next.kind);
        self.api_version = self.api_version.or(next.api_version);
        self.preferences = self.preferences.or(next.preferences);
        // Some tools write the empty name for none.
        self.current_context = self
            .current_context
            .filter(|name| !name.is_empty())
            .or(next.current_context);
        append_new(&mut self.clusters, next.clusters, |cluster| &cluster.name);
        append_new(&mut self.auth_infos, next.auth_infos, |user| &user.name);
        append_new(&mut self.contexts, next.contexts, |context| &context.name);
        if let Some(extensions) = next.extensions {
            append_new(self.extensions.get_or_insert_default(), extensions, |extension| {
                &extension.name
            });
        }
        for (key, value) in next.other {
            self.other.entry(key).or_insert(value);
        }
        Ok(self)
    }

    fn resolve_paths(&mut self, directory: &Path) {
        let resolve = |path: &mut Option<String>| {
            if let Some(path) = path.as_mut().filter(|path| !path.is_empty()) {
                *path = directory.join(&*path).to_string_lossy().into_owned();
            }
        };
        for cluster in self
            .clusters
            .iter_mut()
            .filter_map(|named| named.cluster.as_mut())
        {
            resolve(&mut cluster.certificate_authority);
        }
        for user in self
            .auth_infos
            .iter_mut()
            .filter_map(|named| named.auth_info.as_mut())
        {
            resolve(&mut user.client_certificate);
            resolve(&mut user.client_key);
            resolve(&mut user.token_file);
            // A name without a separator is looked for in PATH.
            if let Some(exec) = &mut user.exec
                && exec
                    .command
                    .as_ref()
                    .is_some_and(|command| command.contains(['/', MAIN_SEPARATOR]))
            {
                resolve(&mut exec.command);
            }
        }
    }
}

/// Adds those whose name is not there yet.
fn append_new<T>(items: &mut Vec<T>, next: Vec<T>, name: impl Fn(&T) -> &String) {
    for item in next {
        if !items.iter().any(|known| name(known) == name(&item)) {
            items.push(item);
        }
    }
}

fn default_path() -> Option<PathBuf> {
    Some(env::home_dir()?.join(".kube").join("config"))
}

/// Parses the documents of a text, and merges them.
fn parse(text: &str) -> Result<Kubeconfig, serde_saphyr::Error> {
    // A snippet of the file in a message could hold a secret.
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Kubeconfig> = serde_saphyr::from_multiple_with_options(text, options)?;
    let mut documents = documents.into_iter();
    let first = documents.next().unwrap_or_default();
    documents.try_fold(first, |merged, next| {
        merged.merge(next).map_err(serde_saphyr::Error::custom)
    })
}

/// Decodes UTF-8 or UTF-16 by the byte order mark; UTF-16 without one by the zero bytes of its
/// first character, which in YAML is an ASCII one.
fn decode(bytes: &[u8]) -> io::Result<Cow<'_, str>> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map(Cow::Owned)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => decode_utf8(rest),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [1..=0x7F, 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, 1..=0x7F, ..] => utf16(bytes, u16::from_be_bytes),
        _ => decode_utf8(bytes),
    }
}

fn decode_utf8(bytes: &[u8]) -> io::Result<Cow<'_, str>> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let text = "kind: Config # ä";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            ["\u{feff}".as_bytes(), text.as_bytes()].concat(),
            [&[0xFF, 0xFE], &*little].concat(),
            [&[0xFE, 0xFF], &*big].concat(),
            little,
            big,
        ] {
            assert_eq!(decode(&bytes).expect("decodes"), text, "{bytes:?}");
        }
        decode(&[0xC3]).expect_err("half a character");
        decode(&[0xFF, 0xFE, 0x00, 0xD8]).expect_err("half a character");
    }

    #[test]
    fn missing_files_matter_only_if_all_are() {
        let directory = tempfile::tempdir().expect("a directory");
        let there = directory.path().join("there");
        fs::write(&there, "current-context: a").expect("writes");
        let missing = directory.path().join("missing");
        let read = |paths: &[&PathBuf]| Kubeconfig::read_all(paths.iter().map(|path| (*path).clone()));
        let read_one = read(&[&missing, &there]).expect("one is there").expect("some");
        assert_eq!(read_one.current_context.as_deref(), Some("a"));
        let error = read(&[&missing]).expect_err("none is there");
        assert!(error.to_string().contains("missing"), "{error}");
        assert!(read(&[]).expect("names none").is_none());
    }
}
