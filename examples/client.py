# Creates a verification of the user given, watches it to its end and reads a claim.
# pip install grpcio grpcio-tools; then, beside a running `verilane dev`: python examples/client.py CORE_ID
import sys, uuid, grpc

sys.path.insert(0, "proto")
v, vrpc = grpc.protos_and_services("verilane/verification/v1/verification_service.proto")
w = grpc.protos("verilane/verification/v1/watch.proto")
c, crpc = grpc.protos_and_services("verilane/verification/v1/claim_service.proto")
channel, why = grpc.insecure_channel("127.0.0.1:7400"), {"purpose": "account-opening"}
verifications, claims = vrpc.VerificationServiceStub(channel), crpc.ClaimServiceStub(channel)
made = verifications.CreateVerification(v.CreateVerificationRequest(
    request_id=str(uuid.uuid4()), connection="corepass-dev", subject={"core_id": sys.argv[1]},
    claims=[{"claim": {"name": "birthdate", "document_type": "DOCUMENT_TYPE_PASSPORT"}}], access_context=why)).verification
print("show the user", made.attempts[0].action.qr_or_link.link)
for message in verifications.WatchVerification(w.WatchVerificationRequest(verification_id=made.id, end="WATCH_END_FINAL")):
    print(message.event.sequence, message.event.provider_status, message.event.state_after, message.resume_token)
print(claims.ReadClaims(c.ReadClaimsRequest(verification_id=made.id, access_context=why)).claims[0].value)
