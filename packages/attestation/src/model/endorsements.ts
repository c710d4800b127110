/**
 * Endorsements (RATS): what vendors and operators say beside the evidence. They arrive as a bag, in any order, from files or
 * from `endorsements/`; each verifier takes out what it needs and authenticates it itself. Nothing here is trusted.
 */

/** One piece, tagged by what it is. Bytes stay exactly as received, because signatures cover them. */
export type Endorsement =
  /** One X.509 certificate, DER. */
  | { readonly kind: 'certificate'; readonly der: Uint8Array }
  /** One X.509 CRL, DER. */
  | { readonly kind: 'crl'; readonly der: Uint8Array }
  /** Intel PCS `tcbInfo` with its signature: `body` are the exact signed bytes of the JSON object. */
  | {
      readonly kind: 'tcb-info';
      readonly body: Uint8Array;
      readonly signature: Uint8Array;
      readonly issuerChain: readonly Uint8Array[];
    }
  /** Intel PCS `enclaveIdentity` (QE, TD_QE, QVE) with its signature. */
  | {
      readonly kind: 'enclave-identity';
      readonly body: Uint8Array;
      readonly signature: Uint8Array;
      readonly issuerChain: readonly Uint8Array[];
    }
  /** NVIDIA reference integrity manifest: SWID tag XML. */
  | { readonly kind: 'rim'; readonly xml: Uint8Array }
  /** OCSP response, DER. */
  | { readonly kind: 'ocsp'; readonly der: Uint8Array }
  /** JSON Web Key Set, with the issuer it was fetched for when known. */
  | { readonly kind: 'jwks'; readonly json: string; readonly issuer: string | null }
  /** dstack event log (JSON array). */
  | { readonly kind: 'event-log'; readonly json: string }
  /** dstack app-compose.json, exact bytes. */
  | { readonly kind: 'app-compose'; readonly bytes: Uint8Array }
  /** Any other JSON companion, kept for the verifier that knows it (capture manifests, NRAS responses, proofs of cloud). */
  | { readonly kind: 'json'; readonly name: string | null; readonly json: string }
  /** Any other bytes. */
  | { readonly kind: 'bytes'; readonly name: string | null; readonly bytes: Uint8Array };

export type Endorsements = readonly Endorsement[];
