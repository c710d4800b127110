/**
 * What holds for every attester: the request has the lengths that fit every carrier, and what comes back is whole evidence that carries the
 * statement. A short read, another program's report or a broken guest agent ends in an error here, not at a client that trusts nothing of it.
 */

import { recogniseEvidence } from '@assay/attestation';
import { decodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { ServerError } from '../../errors.ts';
import type { AttestationRequest, Attester, AttesterEvidence } from '../../ports/attester.ts';

const DIGEST_LENGTH = 32; // bytes
/** What the Nitro Secure Module takes as `public_key`, bytes. */
const MAX_PUBLIC_KEY = 1024;

/**
 * The attester, with these rules.
 * @throws from `attest`: {ServerError} `attester/bad-request` for lengths that do not fit, `attester/unavailable` for evidence that is cut off
 * or does not carry the statement.
 */
export function guarded(attester: Attester): Attester {
  return {
    ...attester,
    attest: async (request) => {
      checkLengths(request);
      const made = await attester.attest(request);
      checkWhole(attester.name, made, request.statementDigest);
      return made;
    },
  };
}

function checkLengths({ statementDigest, nonce, channelPublicKey }: AttestationRequest): void {
  const { length } = statementDigest;
  if (length !== DIGEST_LENGTH)
    throw badRequest(`a statement digest of ${DIGEST_LENGTH} bytes, got ${length}; hash the statement`);
  if (nonce !== null && nonce.length !== DIGEST_LENGTH)
    throw badRequest(`a nonce of ${DIGEST_LENGTH} bytes, got ${nonce.length}; hash a longer one first`);
  if (channelPublicKey !== null && channelPublicKey.length > MAX_PUBLIC_KEY)
    throw badRequest(
      `a channel key of at most ${MAX_PUBLIC_KEY} bytes, got ${channelPublicKey.length}; take another kind of key`,
    );
}

function checkWhole(name: string, { evidence }: AttesterEvidence, statementDigest: Uint8Array): void {
  try {
    recogniseEvidence(utf8(JSON.stringify({ ...evidence, nvidia: undefined })));
  } catch (cause) {
    if (!isCoded(cause)) throw cause;
    throw new ServerError(
      'attester/unavailable',
      `expected whole evidence from ${name}, got something cut off or unknown: ${cause.message}; look into the log of its driver or guest agent`,
      { cause },
    );
  }
  if (carries(evidence, statementDigest)) return;
  throw new ServerError(
    'attester/unavailable',
    `expected evidence for the statement that ${name} was given, got some for another; let no other program take reports at the same time`,
  );
}

function carries({ document, quote, report, report_data: stated }: AttesterEvidence['evidence'], digest: Uint8Array): boolean {
  const wanted = encodeHex(digest);
  if (typeof stated === 'string') return stated.startsWith(wanted);
  const text = document ?? quote ?? report;
  if (typeof text !== 'string') return false;
  return encodeHex(/^(?:[0-9a-f]{2})+$/.test(text) ? decodeHex(text) : decodeBase64(text)).includes(wanted);
}

function badRequest(expected: string): ServerError {
  return new ServerError('attester/bad-request', `expected ${expected}`);
}
