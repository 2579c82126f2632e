//! Who asks.

use std::collections::BTreeMap;

use crate::http::status::Failure;

/// An identity that requests can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The uid, empty if it has none.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else is known, such as the pod that a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// Whether it belongs to a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == group)
    }

    fn anonymous() -> User {
        User {
            name: "system:anonymous".into(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".into()],
            extra: BTreeMap::new(),
        }
    }

    /// Who asks a server that has no users: it lets everybody do everything.
    fn everybody() -> User {
        User {
            name: "kubist:admin".into(),
            uid: String::new(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            extra: BTreeMap::new(),
        }
    }
}

/// The users that a server knows, by token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    by_token: Vec<(String, User)>,
    /// Whether RBAC decides even where nobody has a token.
    rbac: bool,
}

impl Users {
    pub(crate) fn add(&mut self, token: String, mut user: User) {
        if !user.is_in("system:authenticated") {
            user.groups.push("system:authenticated".into());
        }
        self.by_token.push((token, user));
    }

    pub(crate) fn set_rbac(&mut self, rbac: bool) {
        self.rbac = rbac;
    }

    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.by_token.is_empty() && !self.rbac
    }

    /// The token of the first user, for a kubeconfig.
    pub(crate) fn first_token(&self) -> Option<&str> {
        self.by_token.first().map(|(token, _)| token.as_str())
    }

    /// The users after the first one, with their tokens.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&str, &User)> {
        let others = self.by_token.iter().skip(1);
        others.map(|(token, user)| (token.as_str(), user))
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<&User> {
        self.by_token
            .iter()
            .find(|(known, _)| known == token)
            .map(|(_, user)| user)
    }

    /// Who sends this `Authorization` header.
    pub(crate) fn authenticate(&self, authorization: &str) -> Result<User, Failure> {
        if self.is_open() {
            return Ok(User::everybody());
        }
        let mut parts = authorization.splitn(2, ' ');
        let is_bearer = parts
            .next()
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
        let token = parts.next().unwrap_or("").trim();
        if !is_bearer || token.is_empty() {
            return Ok(User::anonymous());
        }
        self.by_token(token).cloned().ok_or_else(Failure::unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_token_is_refused_and_none_is_anonymous() {
        let mut users = Users::default();
        assert!(users.authenticate("Bearer x").is_ok());
        users.add(
            "t".into(),
            User {
                name: "u".into(),
                ..User::default()
            },
        );
        assert_eq!(users.authenticate("Bearer t").unwrap().name, "u");
        assert_eq!(users.authenticate("").unwrap().name, "system:anonymous");
        assert_eq!(users.authenticate("Bearer x").unwrap_err().code, 401);
    }
}
