-- Keys that sign access tokens. A key is published (in the JWKS) before it signs, signs until a younger one does,
-- and stays published until the last token it signed has expired.
CREATE TABLE signing_keys (
    -- RFC 7638 thumbprint of the public key.
    kid                text        PRIMARY KEY,
    algorithm          text        NOT NULL CHECK (algorithm = 'EdDSA'),
    public_key         bytea       NOT NULL CHECK (octet_length(public_key) = 32),
    -- PKCS#8, sealed with AES-256-GCM under the key of the credential file: nonce, ciphertext, tag.
    sealed_private_key bytea       NOT NULL,
    created_at         timestamptz NOT NULL,
    published_at       timestamptz NOT NULL,
    signs_from         timestamptz NOT NULL,
    -- From here on neither signed with nor published; unknown while the key has no successor.
    retired_at         timestamptz,
    CHECK (published_at <= signs_from),
    CHECK (retired_at IS NULL OR retired_at > signs_from)
);

GRANT SELECT, INSERT, UPDATE ON signing_keys TO rollcall_user;
