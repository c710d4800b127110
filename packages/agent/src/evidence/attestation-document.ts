/** The attestation of a session, in the shape that clients of seed 003 know, around an `aci/1` report that anyone can verify. */

import { createHash, randomBytes } from 'node:crypto';
import { parseNitroDocument } from '@assay/attestation';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { pemTexts } from '@assay/encoding/pem';
import { providerOf as nameOfProvider } from '@assay/models';
import { factsOf } from '../identity/evidence-facts.ts';
import type { Identity, IssuedReport } from '../identity/identity.ts';
import type { AttesterEvidence } from '../ports/attester.ts';

/** Which provider attests here: `mock` for the plain simulator. */
export function providerOf({ attester }: Identity, evidence: AttesterEvidence): string {
  return attester.name === 'simulated' ? 'mock' : (nameOfProvider(evidence.evidenceType) ?? evidence.evidenceType);
}

/** `high` for hardware, `low` for promises and simulators. */
export function securityLevelOf({ attester }: Identity, { evidenceType }: AttesterEvidence): string {
  return attester.simulated || evidenceType === 'vendor-commitment' ? 'low' : 'high';
}

/** An attestation for the client's nonce; a random one without. */
export async function sessionAttestation(identity: Identity, given: string | null): Promise<JsonObject> {
  const nonce = given ?? randomBytes(32).toString('hex');
  const reportNonce = /^[0-9a-f]{64}$/.test(nonce) ? nonce : createHash('sha256').update(nonce).digest('hex');
  const issued = await identity.report(reportNonce);
  const { evidence } = issued;
  const { measurements } = factsOf(evidence, identity.attester.simulated);
  return {
    provider_type: providerOf(identity, evidence),
    quote: encodeBase64(quoteOf(evidence)),
    certificate_chain: certificatesOf(evidence),
    measurements,
    timestamp: new Date(issued.issuedAt).toISOString(),
    nonce,
    platform_info: { name: identity.attester.name, tee_type: evidence.teeType, simulated: identity.attester.simulated },
    security_level: securityLevelOf(identity, evidence),
    additional_claims: {
      simulated: identity.attester.simulated,
      keyset_digest: issued.keysetDigest,
      report_nonce: reportNonce,
    },
    report: issued.document,
  };
}

/** The bytes that the TEE signed; a commitment's are its JSON. */
function quoteOf({ evidence }: IssuedReport['evidence']): Uint8Array {
  const { document, quote, report } = evidence;
  if (typeof document === 'string') return decodeBase64(document);
  if (typeof quote === 'string') return /^(?:[0-9a-f]{2})+$/.test(quote) ? decodeHex(quote) : decodeBase64(quote);
  return typeof report === 'string' ? decodeBase64(report) : utf8(canonicalJson(evidence));
}

/** Certificates as base64 DER, leaf first, as far as they travel with the evidence. */
function certificatesOf(attested: AttesterEvidence): readonly string[] {
  const quote = quoteOf(attested);
  if (attested.evidenceType === 'nitro') {
    const { certificate, cabundle } = parseNitroDocument(quote);
    return [certificate, ...cabundle.toReversed()].map((der) => encodeBase64(der));
  }
  const text = `${new TextDecoder('latin1').decode(quote)}${Object.values(attested.evidence).join('\n')}`;
  const certificates = pemTexts(text).filter(({ label }) => label === 'CERTIFICATE');
  return certificates.map(({ body }) => body.replace(/\s/g, ''));
}
