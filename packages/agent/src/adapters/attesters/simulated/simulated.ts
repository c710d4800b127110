/**
 * The simulator: evidence with the exact structure of AWS Nitro documents, under a root made on this machine. It proves nothing,
 * and says so: its root is pinned nowhere, so a verifier that is not given `simulated-root.pem` refuses it, and one that is marks
 * every claim `simulated`. What it measures is honest: the hash of the code that runs (measurements.ts).
 */

import { randomBytes } from 'node:crypto';
import { encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { type Clock, systemClock } from '@assay/ledger';
import { ServerError } from '../../../errors.ts';
import type { Attester } from '../../../ports/attester.ts';
import { type Issued, issueCertificate, newSigningKey } from './certificate.ts';
import { writeNitroDocument } from './document.ts';
import { measureRunningCode } from './measurements.ts';
import { openSimulatedRoot } from './root.ts';
import { openSimulatedSecret } from './secret.ts';

const HOUR = 3_600_000;
const LEAF_LIFETIME = 3 * HOUR; // as on Nitro
const INTERMEDIATE_LIFETIME = 24 * HOUR;
const RENEW_BEFORE = HOUR / 2;
const BACKDATED = 60_000; // milliseconds of clock difference forgiven

export interface SimulatedAttesterOptions {
  /** The data directory; `simulated-root.pem` and `simulated-root-key.pem` live there. Made when missing. */
  readonly directory: string;
  readonly clock?: Clock;
}

export interface SimulatedAttester extends Attester {
  readonly simulated: true;
  /** PEM of the root, which a verifier must be given out of band to accept anything from here. */
  readonly rootCertificate: string;
  /** `simulated-<boot>-enc<boot>`: a new one every start. */
  readonly moduleId: string;
}

/**
 * Opens the simulator.
 * @throws {ServerError} `attester/simulated-root-broken` when the stored root cannot be used; from `attest`:
 * `attester/bad-request` for a digest or nonce that is not 32 bytes.
 * @example const attester = await createSimulatedAttester({ directory: './.assay' });
 */
export async function createSimulatedAttester(options: SimulatedAttesterOptions): Promise<SimulatedAttester> {
  const { directory, clock = systemClock } = options;
  const root = await openSimulatedRoot(directory, clock.now());
  const pcrs = await measureRunningCode();
  const boot = encodeHex(randomBytes(8));
  const moduleId = `simulated-${boot}-enc${encodeHex(randomBytes(8))}`;
  let session: Session | undefined;

  return {
    name: 'simulated',
    simulated: true,
    rootCertificate: encodePem('CERTIFICATE', root.certificate),
    moduleId,
    async attest({ statementDigest, nonce, nonceLength, channelPublicKey }) {
      checkLength('statement digest', statementDigest);
      if (nonce !== null) checkLength('nonce', nonce);
      const now = clock.now();
      if (session === undefined || now < session.from || now > session.until - RENEW_BEFORE) {
        session = await openSession(root, moduleId, now);
      }
      const document = await writeNitroDocument({
        moduleId,
        timestamp: now,
        pcrs,
        leaf: session.leaf,
        cabundle: [root.certificate, session.intermediate.certificate],
        publicKey: channelPublicKey,
        userData: statementDigest,
        nonce: nonce?.subarray(0, nonceLength) ?? null,
      });
      return { teeType: 'nitro', evidenceType: 'nitro', evidence: { document: encodeBase64(document), simulated: true } };
    },
    keptSecret: () => openSimulatedSecret(directory),
  };
}

interface Session {
  readonly intermediate: Issued;
  readonly leaf: Issued;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly until: number;
}

/** A fresh intermediate and a fresh leaf; their keys live in memory only. */
async function openSession(root: Issued, moduleId: string, now: number): Promise<Session> {
  const from = now - BACKDATED;
  const intermediate = await issueCertificate({
    subject: { CN: `${moduleId}.intermediate`, OU: 'SIMULATED', O: 'Assay simulator' },
    key: await newSigningKey(),
    issuer: root,
    notBefore: from,
    notAfter: now + INTERMEDIATE_LIFETIME,
    pathLength: 0,
  });
  const leaf = await issueCertificate({
    subject: { CN: moduleId, OU: 'SIMULATED', O: 'Assay simulator' },
    key: await newSigningKey(),
    issuer: intermediate,
    notBefore: from,
    notAfter: now + LEAF_LIFETIME,
    pathLength: null,
  });
  return { intermediate, leaf, from, until: now + LEAF_LIFETIME };
}

function checkLength(what: string, bytes: Uint8Array): void {
  if (bytes.length === 32) return;
  throw new ServerError(
    'attester/bad-request',
    `expected a ${what} of 32 bytes, got ${bytes.length}; hash the statement first`,
  );
}
