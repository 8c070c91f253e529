//! Calls that most tests make, and the requests they are made of.

use tokio_stream::StreamExt as _;
use tonic::Status;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::watch_verification_response::Item;
use verilane_api::v1::{
    ClaimKey, ClaimRequest, CreateVerificationRequest, DocumentType, DownloadEvidenceRequest,
    Event, Evidence, GetVerificationRequest, Necessity, ReadClaimsRequest, ReadClaimsResponse,
    RetryVerificationRequest, StartPoint, Subject, Verification, WatchEnd,
    WatchVerificationRequest, claim_request, download_evidence_response, subject,
};
use verilane_core::VerificationId;
use verilane_sandbox::SandboxUser;

use super::{CONNECTION, LIMIT, Server, purpose};

/// A required claim by the provider's name.
pub fn field(name: &str) -> ClaimRequest {
    ClaimRequest {
        selector: Some(claim_request::Selector::ProviderField(name.to_owned())),
        necessity: Necessity::Required.into(),
    }
}

/// A required claim of the vocabulary.
pub fn claim(name: &str, document: DocumentType) -> ClaimRequest {
    ClaimRequest {
        selector: Some(claim_request::Selector::Claim(ClaimKey {
            name: name.to_owned(),
            document_type: document.into(),
        })),
        necessity: Necessity::Required.into(),
    }
}

/// A request for fields of a user, under a request id of its own.
pub fn create_request(user: &SandboxUser, fields: &[&str]) -> CreateVerificationRequest {
    CreateVerificationRequest {
        // Any unique text will do.
        request_id: VerificationId::generate().to_string(),
        connection: CONNECTION.to_owned(),
        subject: Some(Subject {
            identifier: Some(subject::Identifier::CoreId(user.core_id.clone())),
        }),
        claims: fields.iter().map(|name| field(name)).collect(),
        access_context: purpose(),
        ..CreateVerificationRequest::default()
    }
}

/// A request for a new attempt, under a request id of its own.
pub fn retry_request(id: &str) -> RetryVerificationRequest {
    RetryVerificationRequest {
        verification_id: id.to_owned(),
        request_id: VerificationId::generate().to_string(),
        access_context: purpose(),
        ..RetryVerificationRequest::default()
    }
}

impl Server {
    /// Asks for fields of a user.
    pub async fn create(&self, user: &SandboxUser, fields: &[&str]) -> Verification {
        let request = create_request(user, fields);
        let answer = self.verifications().create_verification(request).await;
        answer.unwrap().into_inner().verification.unwrap()
    }

    /// The verification as it stands.
    pub async fn get(&self, id: &str) -> Verification {
        let request = GetVerificationRequest {
            verification_id: id.to_owned(),
            ..Default::default()
        };
        let answer = self.verifications().get_verification(request).await;
        answer.unwrap().into_inner().verification.unwrap()
    }

    /// All claims, without peppers.
    pub async fn read_claims(&self, id: &str) -> Result<ReadClaimsResponse, Status> {
        let request = ReadClaimsRequest {
            verification_id: id.to_owned(),
            access_context: purpose(),
            ..ReadClaimsRequest::default()
        };
        let answer = self.claims().read_claims(request).await?;
        Ok(answer.into_inner())
    }

    /// A download of evidence from an offset, to its end or to its failure: what is said of it, and its
    /// bytes.
    pub async fn download(
        &self,
        id: &str,
        evidence: &str,
        offset: u64,
    ) -> Result<(Evidence, Vec<u8>), Status> {
        let request = DownloadEvidenceRequest {
            verification_id: id.to_owned(),
            evidence_id: evidence.to_owned(),
            access_context: purpose(),
            offset,
        };
        let stream = self.claims().download_evidence(request).await?;
        let mut stream = stream.into_inner();
        let first = stream.next().await.unwrap()?.item;
        let Some(download_evidence_response::Item::Evidence(description)) = first else {
            panic!("the first message is no description");
        };
        let mut bytes = Vec::new();
        while let Some(message) = stream.next().await {
            let Some(download_evidence_response::Item::Data(data)) = message?.item else {
                panic!("a further message brings no bytes");
            };
            assert!(!data.is_empty() && data.len() <= 64 * 1024);
            bytes.extend_from_slice(&data);
        }
        Ok((description, bytes))
    }

    /// Every event of a verification, from its first to the one that ends it.
    pub async fn events_until_final(&self, id: &str) -> Vec<Event> {
        let start = Start::StartPoint(StartPoint::Beginning.into());
        let last = |_: &Event| false;
        self.follow(id, start, WatchEnd::Final, last).await.0
    }

    /// Events of a verification from a place on, until the stream ends or one is the `last` that is
    /// wanted; with the token of the last message.
    pub async fn follow(
        &self,
        id: &str,
        start: Start,
        end: WatchEnd,
        last: impl Fn(&Event) -> bool,
    ) -> (Vec<Event>, String) {
        let request = WatchVerificationRequest {
            verification_id: id.to_owned(),
            start: Some(start),
            end: end.into(),
            heartbeat_interval: None,
        };
        let stream = self.verifications().watch_verification(request).await;
        let mut stream = stream.unwrap().into_inner();
        let (mut events, mut token) = (Vec::new(), String::new());
        let all = async {
            while let Some(message) = stream.next().await {
                let message = message.unwrap();
                if !message.resume_token.is_empty() {
                    token = message.resume_token;
                }
                if let Some(Item::Event(event)) = message.item {
                    let is_last = last(&event);
                    events.push(event);
                    if is_last {
                        break;
                    }
                }
            }
        };
        tokio::time::timeout(LIMIT, all).await.unwrap();
        (events, token)
    }
}
