//! The auth provider `oidc`: ID tokens of an [OpenID Connect](https://openid.net/specs/openid-connect-core-1_0.html)
//! issuer, which are refreshed.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use form_urlencoded::{Serializer, byte_serialize};
use http::{Method, Request, Response, StatusCode, Uri, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    AuthError, AuthLayer, Credentials, Refreshable, Renewed, bearer_header,
    https::{self, Failure},
    oidc_errors::{Error, IdTokenError, RefreshError, RefreshInitError},
    renewed::Source,
    sensitive,
};
#[cfg(feature = "openssl-tls")]
use crate::client::OpensslTlsError;
#[cfg(feature = "rustls-tls")]
use crate::client::RustlsTlsError;
use crate::config::{AuthProviderConfig, certificates, load};

/// The layer for what a kubeconfig has of the provider.
pub(super) fn layer(provider: &AuthProviderConfig) -> Result<AuthLayer, AuthError> {
    let config = serde_json::to_value(&provider.config).map_err(AuthError::AuthExecSerialize)?;
    let renewed = Renewed::shared(format!("oidc {config}"), || {
        let (session, first) = Session::new(provider).map_err(AuthError::Oidc)?;
        Ok((Source::Oidc(session), first))
    })?;
    Ok(AuthLayer::refreshable(Refreshable::Renewed(renewed)))
}

/// What is needed for new tokens.
pub(super) struct Session {
    issuer: String,
    client_id: String,
    client_secret: Option<SecretString>,
    root_cert: Option<Vec<Vec<u8>>>,
    /// A part of the configuration that is missing for all that.
    missing: Option<&'static str>,
    /// An issuer may give a new refresh token with each ID token, and not take the old one again.
    refresh_token: Mutex<SecretString>,
}

impl Session {
    fn new(provider: &AuthProviderConfig) -> Result<(Self, Option<Credentials>), Error> {
        let field = |name: &str| {
            let value = provider.config.get(name);
            value.map(String::as_str).filter(|value| !value.is_empty())
        };
        let required = ["idp-issuer-url", "client-id", "refresh-token"];
        let missing = required.into_iter().find(|name| field(name).is_none());
        let id_token = field("id-token");
        if id_token.is_none() && field("refresh-token").is_none() {
            return Err(Error::IdTokenMissing);
        }
        let first = match id_token.map(of_id_token).transpose() {
            Ok(first) => first,
            Err(error) if missing.is_some() => return Err(error),
            // A new one will do.
            Err(_) => None,
        };
        let text = |name| field(name).unwrap_or_default().to_owned();
        let session = Self {
            issuer: text("idp-issuer-url"),
            client_id: text("client-id"),
            client_secret: field("client-secret").map(|secret| secret.to_owned().into()),
            root_cert: authorities(
                field("idp-certificate-authority-data"),
                field("idp-certificate-authority"),
            )
            .map_err(Error::RefreshInit)?,
            missing,
            refresh_token: Mutex::new(text("refresh-token").into()),
        };
        Ok((session, first))
    }

    /// Gets a new ID token, and keeps the new refresh token if there is one.
    pub(super) async fn refresh(&self) -> Result<Credentials, AuthError> {
        if let Some(missing) = self.missing {
            let error = RefreshInitError::MissingField(missing);
            return Err(AuthError::Oidc(Error::RefreshInit(error)));
        }
        let id_token = self.ask().await.map_err(AuthError::Oidc)?;
        of_id_token(id_token.expose_secret()).map_err(AuthError::Oidc)
    }

    async fn ask(&self) -> Result<SecretString, Error> {
        let endpoint = self.token_endpoint().await?;
        let mut refresh_token = self.refresh_token.lock().await;
        let answer = self.tokens(&endpoint, &refresh_token).await?;
        // As a value first: what fails then says where, not what is there.
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|error| Error::Refresh(RefreshError::InvalidTokenResponse(error)))?;
        let text = |name: &str| answer.get(name)?.as_str().map(str::to_owned);
        if let Some(rotated) = text("refresh_token").filter(|token| !token.is_empty()) {
            *refresh_token = rotated.into();
        }
        let id_token = text("id_token").ok_or(Error::Refresh(RefreshError::NoIdTokenReceived))?;
        Ok(id_token.into())
    }

    /// [Discovery](https://openid.net/specs/openid-connect-discovery-1_0.html).
    async fn token_endpoint(&self) -> Result<Uri, Error> {
        let issuer = self.issuer.trim_end_matches('/');
        let request = Request::get(format!("{issuer}/.well-known/openid-configuration"));
        let request = request.body(Bytes::new()).map_err(RefreshError::HttpError);
        let answer = self.send(request.map_err(Error::Refresh)?).await?;
        if !answer.status().is_success() {
            return Err(Error::Refresh(RefreshError::RequestFailed(answer.status())));
        }
        endpoint_of(answer.body()).map_err(Error::Refresh)
    }

    /// Asks for tokens. A client says who it is in the header, or where the issuer does not take
    /// that, [in the body](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1).
    async fn tokens(&self, endpoint: &Uri, refresh_token: &SecretString) -> Result<Bytes, Error> {
        let mut styles = vec![Style::Body];
        if self.client_secret.is_some() {
            styles.insert(0, Style::Header);
        }
        for style in styles {
            let request = self
                .token_request(endpoint, refresh_token, style)
                .map_err(Error::Refresh)?;
            let answer = self.send(request).await?;
            match answer.status() {
                status if status.is_success() => return Ok(answer.into_body()),
                StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {}
                status => return Err(Error::Refresh(RefreshError::RequestFailed(status))),
            }
        }
        Err(Error::Refresh(RefreshError::AuthorizationFailure))
    }

    fn token_request(
        &self,
        endpoint: &Uri,
        refresh_token: &SecretString,
        style: Style,
    ) -> Result<Request<Bytes>, RefreshError> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token");
        form.append_pair("refresh_token", refresh_token.expose_secret());
        let secret = self.client_secret.as_ref().map(ExposeSecret::expose_secret);
        match style {
            Style::Header => {
                let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!(
                    "{}:{}",
                    encode(&self.client_id),
                    encode(secret.unwrap_or_default())
                );
                let value = sensitive(&format!("Basic {}", STANDARD.encode(pair)));
                let value = value.map_err(|error| RefreshError::HttpError(error.into()))?;
                request = request.header(header::AUTHORIZATION, value);
            }
            Style::Body => {
                form.append_pair("client_id", &self.client_id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret);
                }
            }
        }
        let body = Bytes::from(form.finish());
        request.body(body).map_err(RefreshError::HttpError)
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let answer = https::send(request, self.root_cert.clone()).await;
        answer.map_err(of_transport)
    }
}

fn endpoint_of(metadata: &[u8]) -> Result<Uri, RefreshError> {
    let metadata: Value = serde_json::from_slice(metadata).map_err(RefreshError::InvalidMetadata)?;
    let endpoint = metadata.get("token_endpoint").and_then(Value::as_str);
    let missing = || RefreshError::InvalidMetadata(serde_json::Error::missing_field("token_endpoint"));
    endpoint
        .ok_or_else(missing)?
        .parse()
        .map_err(RefreshError::InvalidURI)
}

fn of_transport(failure: Failure) -> Error {
    Error::Refresh(match failure {
        #[cfg(feature = "rustls-tls")]
        Failure::Setup(crate::Error::RustlsTls(RustlsTlsError::NoValidNativeRootCA(_))) => {
            return Error::RefreshInit(RefreshInitError::NoValidNativeRootCA);
        }
        #[cfg(feature = "openssl-tls")]
        Failure::Setup(crate::Error::OpensslTls(OpensslTlsError::CreateHttpsConnector(error))) => {
            return Error::RefreshInit(RefreshInitError::CreateOpensslHttpsConnector(error));
        }
        Failure::Setup(error) => RefreshError::Transport(error.into()),
        Failure::Send(error) => RefreshError::HyperUtilError(error),
        Failure::Read(error) => match error.downcast::<hyper::Error>() {
            Ok(error) => RefreshError::HyperError(*error),
            Err(error) => RefreshError::Transport(error),
        },
        Failure::TimedOut => RefreshError::TimedOut,
    })
}

/// Where a client says who it is.
#[derive(Clone, Copy)]
enum Style {
    Header,
    Body,
}

fn authorities(data: Option<&str>, file: Option<&str>) -> Result<Option<Vec<Vec<u8>>>, RefreshInitError> {
    if data.is_none() && file.is_none() {
        return Ok(None);
    }
    let pem = load(data, file).map_err(RefreshInitError::LoadCertificateAuthority)?;
    let authorities = certificates(&pem).map_err(RefreshInitError::ParseCertificates)?;
    Ok(Some(authorities))
}

/// A token, with the [expiry](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4) that it says.
fn of_id_token(token: &str) -> Result<Credentials, Error> {
    let expires = expiry(token).map_err(Error::IdToken)?;
    let header = bearer_header(token).map_err(|_| Error::IdToken(IdTokenError::InvalidFormat))?;
    Ok(Credentials::new(Some(header), None, Some(expires)))
}

fn expiry(token: &str) -> Result<Timestamp, IdTokenError> {
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(IdTokenError::InvalidFormat);
    };
    let payload = URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(IdTokenError::InvalidBase64)?;
    let payload: Value = serde_json::from_slice(&payload).map_err(IdTokenError::InvalidJson)?;
    let seconds = payload.get("exp").and_then(Value::as_i64);
    let seconds =
        seconds.ok_or_else(|| IdTokenError::InvalidJson(serde_json::Error::missing_field("exp")))?;
    Timestamp::from_second(seconds).map_err(IdTokenError::InvalidExpirationTimestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries() {
        let token = |payload: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload));
        let expires = expiry(&token(r#"{"exp":1700000000}"#)).expect("has one");
        assert_eq!(expires.as_second(), 1_700_000_000);
        for (token, expected) in [
            ("hunter2".to_owned(), "not a JWT"),
            ("a.b.c.d".to_owned(), "not a JWT"),
            ("a.§.c".to_owned(), "base64"),
            (token("hunter2"), "JSON"),
            (token(r#"{"exp":"hunter2"}"#), "`exp`"),
            (token(r#"{"exp":9000000000000000}"#), "no time"),
        ] {
            let error = expiry(&token).expect_err("has none").to_string();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
    }
}
