//! The claims of Civic SIP: all but the user's own id are signed, and none of them is weakened by it.

use verilane_api::v1::State;

use crate::harness::sip::{approve, create, hand_over_code, stage, start, wish};
use crate::page::Page;
use crate::{at, connections, each_stands_in_its_place, elements, read};

#[tokio::test]
async fn every_claim_of_civic_sip_stands_in_openids_json_where_the_table_says() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let page = Page::read();
    let all = connections(&server).await;
    let offered = all.iter().find(|one| one.provider == "civic-sip").unwrap();
    let provided = offered
        .claims
        .iter()
        .filter(|one| one.derived_from.is_empty());
    let created = create(&server, wish("PROOF_OF_IDENTITY", Vec::new())).await;
    let (_, code) = approve(&stage, &created);
    let after = hand_over_code(&server, &created.id, &code).await.unwrap();
    assert_eq!(after.state(), State::Verified);
    let (answer, json) = read(&server, &created.id, &[]).await;
    assert_eq!(answer.claims.len(), provided.count());
    for claim in &answer.claims {
        let stands_on_one = claim.claim.as_ref().unwrap().document_type != 0;
        let word = &claim.provenance.as_ref().unwrap().provider_document_type;
        assert_eq!(word, if stands_on_one { "passport" } else { "" });
    }
    let elements = elements(&json);
    // What the passport says, and what stands on no document.
    assert_eq!(elements.len(), 2);
    each_stands_in_its_place(&page, &answer, &elements);
    for element in &elements {
        let verification = &element["verification"];
        assert_eq!(verification["trust_framework"], "verilane:civic-sip");
        assert_eq!(verification["assurance_process"]["procedure"], "signed");
        let check = at(element, "evidence.check_details");
        if let Some(check) = check.get(0) {
            assert_eq!(check["organization"], "civic-sip");
        }
    }
    stage.end().await;
}
