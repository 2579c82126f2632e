//! The auth provider `gcp`: a token from the kubeconfig, from a program, or from Google.

use std::{process::Stdio, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use tokio::process::Command;

use super::{
    AuthError, AuthLayer, Credentials, Refreshable, Renewed, bearer_header, program, renewed::Source,
};
use crate::config::AuthProviderConfig;

/// The layer for what a kubeconfig has of the provider.
pub(super) fn layer(provider: &AuthProviderConfig) -> Result<AuthLayer, AuthError> {
    if let Some(token) = provider.config.get("id-token") {
        return bearer_header(token).map(AuthLayer::fixed);
    }
    let renewed = match provider.config.get("cmd-path") {
        Some(path) => of_program(path, provider)?,
        None => of_google(provider)?,
    };
    Ok(AuthLayer::refreshable(Refreshable::Renewed(renewed)))
}

/// What the kubeconfig has of an earlier run.
fn kept(provider: &AuthProviderConfig) -> Option<Credentials> {
    let header = bearer_header(provider.config.get("access-token")?).ok()?;
    let expires = provider.config.get("expiry")?.parse().ok()?;
    Some(Credentials::new(Some(header), None, Some(expires)))
}

fn key(provider: &AuthProviderConfig) -> Result<String, AuthError> {
    let config = serde_json::to_value(&provider.config).map_err(AuthError::AuthExecSerialize)?;
    Ok(format!("gcp {config}"))
}

fn of_program(path: &str, provider: &AuthProviderConfig) -> Result<Arc<Renewed>, AuthError> {
    let words = |key: &str, separator: fn(char) -> bool| -> Vec<String> {
        let text = provider.config.get(key).map_or("", String::as_str);
        let words = text.split(separator).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    Renewed::shared(key(provider)?, || {
        let program = Program {
            path: path.to_owned(),
            args: words("cmd-args", char::is_whitespace),
            drop_env: words("cmd-drop-env", |c| c == ','),
            token_key: provider.config.get("token-key").cloned(),
            expiry_key: provider.config.get("expiry-key").cloned(),
        };
        Ok((Source::Gcp(program), kept(provider)))
    })
}

#[cfg(feature = "oauth")]
fn of_google(provider: &AuthProviderConfig) -> Result<Arc<Renewed>, AuthError> {
    let scopes = provider.config.get("scopes").map(String::as_str);
    Renewed::shared(key(provider)?, || {
        let google = super::oauth::Google::new(scopes).map_err(AuthError::OAuth)?;
        Ok((Source::Google(google), kept(provider)))
    })
}

#[cfg(not(feature = "oauth"))]
fn of_google(_: &AuthProviderConfig) -> Result<Arc<Renewed>, AuthError> {
    Err(AuthError::AuthExec(
        "the auth provider 'gcp' without cmd-path needs the feature `oauth`, or the exec plugin \
         gke-gcloud-auth-plugin"
            .to_owned(),
    ))
}

/// A program that prints a token, or JSON with one.
pub(super) struct Program {
    path: String,
    args: Vec<String>,
    drop_env: Vec<String>,
    token_key: Option<String>,
    expiry_key: Option<String>,
}

impl Program {
    pub(super) async fn run(&self) -> Result<Credentials, AuthError> {
        let mut command = Command::new(&self.path);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        for dropped in &self.drop_env {
            command.env_remove(dropped);
        }
        let out = program::output(&self.path, command, None).await?;
        let Some(token_key) = &self.token_key else {
            let token = std::str::from_utf8(&out.stdout);
            let token = token.map_err(|error| AuthError::AuthExec(error.to_string()))?;
            let header = bearer_header(token.trim())?;
            return Ok(Credentials::new(Some(header), None, None));
        };
        // As a value first: what fails then says where, not what is there.
        let answer: Value = serde_json::from_slice(&out.stdout).map_err(AuthError::ParseTokenKey)?;
        let header = bearer_header(text_at(&answer, "token-key", token_key)?)?;
        let expires = self.expiry_key.as_deref();
        let expires = expires.map(|path| text_at(&answer, "expiry-key", path));
        let expires: Option<Timestamp> = expires
            .transpose()?
            .map(str::parse)
            .transpose()
            .map_err(AuthError::MalformedTokenExpirationDate)?;
        Ok(Credentials::new(Some(header), None, expires))
    }
}

/// The text at a path like `{.credential.access_token}`.
fn text_at<'a>(answer: &'a Value, key: &str, path: &str) -> Result<&'a str, AuthError> {
    let fields = path.trim_matches(['{', '}']).trim_start_matches('$');
    let mut fields = fields.split('.').filter(|field| !field.is_empty());
    let found = fields.try_fold(answer, |value, field| value.get(field));
    found
        .and_then(Value::as_str)
        .ok_or_else(|| AuthError::AuthExec(format!("the program's answer has no text at {key} {path}")))
}
