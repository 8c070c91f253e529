//! Requests that others made: by a scenario, before the first request for a user and items, or by
//! hand at any time.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use verilane_core::Timestamp;

use super::connector::{checked, slot};
use super::opening::{NewRequest, callback_url};
use super::{ControlError, World};
use crate::request::{DataDelivery, RequestView};
use crate::scenario::Planted;
use crate::status::Status;
use crate::users::SandboxUser;

/// An order to plant a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlantOrder {
    /// Whom it asks: a Core ID or a name.
    pub user: String,
    /// What for.
    pub items: Vec<String>,
    /// When it was made, and how far it has come.
    #[serde(flatten)]
    pub planted: Planted,
}

impl World {
    /// Plants what the user's scenario says.
    pub(super) fn plant_by_scenario(
        &mut self,
        user: &Arc<SandboxUser>,
        items: &[String],
        now: Timestamp,
    ) {
        let mut planted = self.scenario_of(&user.core_id).planted.clone();
        planted.sort_by_key(|one| std::cmp::Reverse(one.seconds_ago));
        for one in planted {
            self.plant_one(user, items.to_vec(), one, now);
        }
    }

    /// Plants a request by hand. It becomes the newest of its slot, whatever its age.
    pub fn plant(
        &mut self,
        order: PlantOrder,
        now: Timestamp,
    ) -> Result<RequestView, ControlError> {
        let user = Arc::clone(self.user(&order.user)?);
        let (_, items) = checked(&user.core_id, order.items)
            .map_err(|refusal| ControlError::Malformed(refusal.0.to_owned()))?;
        self.make_room(now)
            .map_err(|refusal| ControlError::Malformed(refusal.0.to_owned()))?;
        let number = self.plant_one(&user, items, order.planted, now);
        let request = number.and_then(|number| self.requests.get(&number));
        request
            .map(|request| request.view())
            .ok_or(ControlError::UnknownRequest)
    }

    fn plant_one(
        &mut self,
        user: &Arc<SandboxUser>,
        items: Vec<String>,
        planted: Planted,
        now: Timestamp,
    ) -> Option<u64> {
        let begun = now - Duration::from_secs(planted.seconds_ago);
        let url = callback_url("http://other-system.invalid/callback")?;
        let expiration = (begun + Duration::from_secs(planted.lifetime)).as_secs();
        let new = NewRequest {
            user: Arc::clone(user),
            data_url: url.clone(),
            status_url: url,
            expiration,
            with_qr_code: true,
            planted: true,
            items,
        };
        let number = self.open(slot(&user.core_id, &new.items), new);
        for (status, second) in planted.statuses().into_iter().zip(0..) {
            // Nothing has come about in the future.
            let at = (begun + Duration::from_secs(second)).min(now);
            self.note(number, status, at);
        }
        if planted.status == Status::FinishSuccess
            && let Some(request) = self.requests.get_mut(&number)
        {
            request.data = DataDelivery::Delivered;
        }
        Some(number)
    }
}
