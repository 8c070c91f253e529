//! `/api/v1/blockchain/valid`: whether values and peppers are still what the chain has.
//!
//! Documented for later versions of the connector only, so a scenario has to say that there is one.

use serde::{Deserialize, Serialize};

use super::{Refusal, World};
use crate::ican;

/// What `valid` is asked.
#[derive(Debug, Deserialize)]
pub struct ValidQuestion {
    user: String,
    infos: Vec<ValidInfo>,
}

#[derive(Debug, Deserialize)]
struct ValidInfo {
    field: String,
    data: String,
    pepper: String,
}

/// What `valid` answers. A list without members is left out.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    valids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    un_valids: Vec<String>,
}

impl ValidQuestion {
    /// Whom it is about.
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl World {
    /// Whether the connector has the endpoint, for a user.
    pub fn has_valid(&self, who: &str) -> bool {
        let core_id = ican::canonical(who).unwrap_or_default();
        self.scenario_of(&core_id).has_valid
    }

    /// `POST /api/v1/blockchain/valid`. A field is valid if value and pepper are the user's own and
    /// it is not revoked.
    pub fn valid(&self, question: ValidQuestion) -> Result<ValidAnswer, Refusal> {
        let core_id = ican::canonical(&question.user).ok_or(Refusal::NO_CORE_ID)?;
        let user = self.roster.find(&core_id);
        let revoked = &self.scenario_of(&core_id).revoked;
        let (valids, un_valids): (Vec<_>, Vec<_>) = question.infos.into_iter().partition(|info| {
            !revoked.contains(&info.field)
                && user.is_some_and(|user| {
                    user.value(&info.field).as_ref() == Some(&info.data)
                        && user
                            .pepper(&info.field)
                            .is_some_and(|own| own.eq_ignore_ascii_case(&info.pepper))
                })
        });
        let names = |infos: Vec<ValidInfo>| infos.into_iter().map(|info| info.field).collect();
        Ok(ValidAnswer {
            valids: names(valids),
            un_valids: names(un_valids),
        })
    }
}
