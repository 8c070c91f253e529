//! The people on the sandbox's chain: who they are, what they have verified, what they do.
//!
//! Four have a role of their own; any number of accepting ones follow for load. All are given by
//! the seed and their number.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::fields;
use crate::ican;
use crate::person::Person;
use crate::scenario::UserBehaviour;
use crate::seed::Seed;

/// The most people one sandbox can have.
pub const MOST_USERS: u32 = 100_000;

/// Name, what they do, and whether they verify each of the fields.
type Role = (&'static str, UserBehaviour, fn(&str) -> bool);

const ROLES: [Role; 4] = [
    ("accepts", UserBehaviour::Accept, |_| true),
    ("ignores", UserBehaviour::Ignore, |_| true),
    ("partial", UserBehaviour::Accept, |field| {
        field.starts_with("SH_IDCard_") || field == fields::EMAIL
    }),
    ("unverified", UserBehaviour::Accept, |_| false),
];

/// An invented CorePass user.
#[derive(Clone, Debug, Serialize)]
pub struct SandboxUser {
    /// Which one: 0, 1, …
    pub number: u32,
    /// `accepts`, `ignores`, `partial`, `unverified`, then `load-4`, `load-5`, …
    pub name: String,
    /// Their Core ID, lower case.
    pub core_id: String,
    /// What they do unless a scenario says otherwise.
    pub behaviour: UserBehaviour,
    /// The fields that they have verified, in the documented order.
    pub verified: Vec<String>,
    #[serde(skip)]
    person: Person,
}

impl SandboxUser {
    /// The `number`th user of a seed.
    #[must_use]
    pub fn derive(seed: u64, number: u32) -> Self {
        let seed = Seed(seed);
        let role = usize::try_from(number).ok().and_then(|n| ROLES.get(n));
        let (name, behaviour, verifies) = match role {
            Some((name, behaviour, verifies)) => ((*name).to_owned(), *behaviour, *verifies),
            None => {
                let everything: fn(&str) -> bool = |_| true;
                (format!("load-{number}"), UserBehaviour::Accept, everything)
            }
        };
        let mut address = [0; 20];
        let drawn = seed.bytes(&format!("user/{number}/address"));
        for (to, from) in address.iter_mut().zip(drawn) {
            *to = from;
        }
        Self {
            number,
            name,
            core_id: ican::core_id(&address),
            behaviour,
            verified: fields::all().into_iter().filter(|f| verifies(f)).collect(),
            person: Person::new(seed, number),
        }
    }

    /// What a field says about them, if they have it verified.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<String> {
        self.has_verified(field)
            .then(|| self.person.value(field))
            .flatten()
    }

    /// The pepper of a field, in hex, if they have it verified.
    #[must_use]
    pub fn pepper(&self, field: &str) -> Option<String> {
        self.has_verified(field)
            .then(|| self.person.pepper(&self.core_id, field))
    }

    /// Whether the field is among those that they have verified.
    #[must_use]
    pub fn has_verified(&self, field: &str) -> bool {
        self.verified.iter().any(|verified| verified == field)
    }
}

/// Everybody, findable by Core ID and by name.
#[derive(Debug)]
pub struct Roster {
    seed: u64,
    users: Vec<Arc<SandboxUser>>,
    places: HashMap<String, usize>,
}

impl Roster {
    /// Those with roles, and `load` more.
    pub fn new(seed: u64, load: u32) -> Self {
        let mut roster = Self {
            seed,
            users: Vec::new(),
            places: HashMap::new(),
        };
        let roles = u32::try_from(ROLES.len()).unwrap_or(u32::MAX);
        roster.grow_to(roles.saturating_add(load));
        roster
    }

    /// Adds accepting users until there are `count` in all, or [`MOST_USERS`].
    pub fn grow_to(&mut self, count: u32) {
        let present = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        for number in present..count.min(MOST_USERS) {
            let user = Arc::new(SandboxUser::derive(self.seed, number));
            self.places.insert(user.core_id.clone(), self.users.len());
            self.places.insert(user.name.clone(), self.users.len());
            self.users.push(user);
        }
    }

    /// Everybody, by number.
    pub fn all(&self) -> &[Arc<SandboxUser>] {
        &self.users
    }

    /// The user of that Core ID (in its canonical spelling) or name.
    pub fn find(&self, core_id_or_name: &str) -> Option<&Arc<SandboxUser>> {
        self.users.get(*self.places.get(core_id_or_name)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn users_have_valid_core_ids_of_their_own_and_are_the_same_for_the_same_seed() {
        let roster = Roster::new(5, 200);
        let again = Roster::new(5, 200);
        let ids: HashSet<_> = roster.all().iter().map(|user| &user.core_id).collect();
        assert_eq!(ids.len(), 204);
        for (user, same) in roster.all().iter().zip(again.all()) {
            assert_eq!(ican::canonical(&user.core_id).as_ref(), Some(&user.core_id));
            assert_eq!(user.core_id, same.core_id);
            let field = "SH_Passport_DocumentNumber";
            assert_eq!(user.value(field), same.value(field));
            assert_eq!(user.pepper(field), same.pepper(field));
        }
        assert_ne!(roster.all()[0].core_id, SandboxUser::derive(6, 0).core_id);
    }

    #[test]
    fn roles_differ_in_what_is_verified() {
        let roster = Roster::new(5, 1);
        let verified = |name: &str| roster.find(name).unwrap().verified.len();
        assert_eq!(verified("accepts"), 46);
        assert_eq!(verified("ignores"), 46);
        assert_eq!(verified("load-4"), 46);
        assert_eq!(verified("partial"), 12);
        assert_eq!(verified("unverified"), 0);
        let partial = roster.find("partial").unwrap();
        assert!(partial.value("SH_IDCard_DOB").is_some());
        assert_eq!(partial.value("SH_Passport_DOB"), None);
        assert_eq!(partial.pepper("SH_Passport_DOB"), None);
    }

    #[test]
    fn a_roster_grows_once_and_never_beyond_its_bound() {
        let mut roster = Roster::new(5, 0);
        roster.grow_to(6);
        roster.grow_to(5);
        assert_eq!(roster.all().len(), 6);
        assert_eq!(roster.find("load-5").unwrap().number, 5);
    }
}
