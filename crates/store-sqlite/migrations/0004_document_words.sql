-- The kind of a claim's document in the provider's own word, sealed.

ALTER TABLE claims ADD COLUMN provider_document BLOB;
