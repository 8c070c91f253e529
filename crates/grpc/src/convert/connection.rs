//! Connections as callers see them.

use verilane_api::v1;
use verilane_engine::{Capability, CircuitState, ConnectionView, HealthState};

use super::words::{claim_key, derived_from, duration, timestamp};

/// A connection.
pub(crate) fn connection(view: &ConnectionView) -> v1::Connection {
    let profile = &view.profile;
    let capabilities = profile.capabilities.iter();
    let lifetime = &profile.action_lifetime;
    v1::Connection {
        name: view.name.to_string(),
        provider: profile.provider.to_string(),
        capabilities: capabilities.map(|c| capability(*c).into()).collect(),
        claims: profile
            .vocabulary()
            .map(|(name, offered)| v1::SupportedClaim {
                claim: Some(claim_key(name, offered.document)),
                provider_field: offered.field.to_owned(),
                image: name.is_image(),
                requestable: true,
                derived_from: derived_from(name, offered.document),
            })
            .collect(),
        action_lifetime: Some(v1::ActionLifetime {
            min: Some(duration(lifetime.min)),
            max: Some(duration(lifetime.max)),
            default: Some(duration(lifetime.default)),
        }),
        health: health(view.health.state).into(),
        health_time: view.health.since.map(timestamp),
        circuit: circuit(view.circuit.state).into(),
        circuit_time: view.circuit.since.map(timestamp),
        poll_interval: view.poll_interval.map(duration),
        poll_interval_max: view.poll_interval_max.map(duration),
        // Who gives everything at once leaves nothing to be missed.
        history_complete: profile.capabilities.contains(&Capability::History)
            || profile.exchanges_codes(),
        scopes: profile.scopes.iter().map(ToString::to_string).collect(),
    }
}

const fn capability(capability: Capability) -> v1::Capability {
    match capability {
        Capability::Callback => v1::Capability::Callback,
        Capability::History => v1::Capability::History,
        Capability::Availability => v1::Capability::Availability,
        Capability::Evidence => v1::Capability::Evidence,
        Capability::Revalidate => v1::Capability::Revalidate,
        Capability::Continue => v1::Capability::Continue,
        Capability::Review => v1::Capability::Review,
    }
}

const fn health(state: HealthState) -> v1::ConnectionHealth {
    match state {
        HealthState::Unknown => v1::ConnectionHealth::Unknown,
        HealthState::Healthy => v1::ConnectionHealth::Healthy,
        HealthState::Degraded => v1::ConnectionHealth::Degraded,
        HealthState::Unavailable => v1::ConnectionHealth::Unavailable,
    }
}

const fn circuit(state: CircuitState) -> v1::CircuitState {
    match state {
        CircuitState::Closed => v1::CircuitState::Closed,
        CircuitState::Open => v1::CircuitState::Open,
        CircuitState::HalfOpen => v1::CircuitState::HalfOpen,
    }
}
