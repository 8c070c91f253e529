//! Verifications that go on when a test says so: the sandbox's users wait to be told to accept.

use futures_util::StreamExt as _;
use futures_util::stream;
use verilane_api::v1::{CancelVerificationRequest, Event, Verification};
use verilane_sandbox::{SandboxConfig, Scenario};

use super::{Server, Stage};

/// What is asked for.
const FIELD: &str = "SH_Passport_DOB";
/// Users with a role of their own, who come before the many.
const ROLES: usize = 4;
/// Verifications that are created at the same time.
const AT_ONCE: usize = 16;

/// How many events a verification has from its creation to the provider's last word.
pub const RUN: usize = 13;

/// So many users, who accept when they are told to and not before.
pub fn waiting(users: usize) -> impl Fn(&mut SandboxConfig) {
    move |config| {
        config.load_users = u32::try_from(users).unwrap();
        config.scenario = Scenario::named("ignore").unwrap();
    }
}

/// Whether nothing more comes from the provider.
pub fn is_finished(event: &Event) -> bool {
    event.provider_status == "FINISH_SUCCESS"
}

impl Server {
    /// Creates a verification of each of these users, by number, in any order.
    pub async fn create_for(
        &self,
        stage: &Stage,
        users: std::ops::Range<usize>,
    ) -> Vec<Verification> {
        let all = stage.sandbox.users();
        let users = all[ROLES..][users].to_vec();
        stream::iter(users)
            .map(|user| async move { self.create(&user, &[FIELD]).await })
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    /// Calls a verification off.
    pub async fn cancel(&self, id: &str) {
        let request = CancelVerificationRequest {
            verification_id: id.to_owned(),
            ..CancelVerificationRequest::default()
        };
        let answer = self.verifications().cancel_verification(request).await;
        answer.unwrap();
    }
}

impl Stage {
    /// The user of this number accepts; everything that follows comes by itself.
    pub fn accept(&self, user: usize) {
        let core_id = &self.sandbox.users()[ROLES + user].core_id;
        let mut requests = self.sandbox.requests(Some(core_id)).unwrap();
        let request = requests.pop().expect("the user has been asked");
        self.sandbox.accept(&request.id).unwrap();
    }
}
