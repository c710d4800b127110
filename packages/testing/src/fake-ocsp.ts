/** OCSP responses (RFC 6960) about fake certificates, sound or with any one defect. */

import { utf8 } from '@assay/encoding/bytes';
import { DER_TAG, readDer } from '@assay/encoding/der';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { ALGORITHM_IDENTIFIERS, encodeSigned } from '@assay/encoding/x509-writer';
import { FAKE_NOW, type FakeCertificate } from '@assay/simulator';

export interface FakeOcspOptions {
  /** Serial of the certificate asked about, big-endian. */
  readonly serial: Uint8Array;
  readonly issuer: FakeCertificate;
  /** Revoked with a CRLReason or none; 6 is certificateHold. */
  readonly status: 'good' | 'unknown' | { readonly reason: number | null };
  readonly thisUpdate?: number;
  /** `null` leaves it out. */
  readonly nextUpdate?: number | null;
  /** A delegated responder, whose certificate is sent along; default: the issuer itself. */
  readonly responder?: FakeCertificate;
  /** Sent along behind the responder. */
  readonly others?: readonly FakeCertificate[];
  /** responseStatus other than successful (0). */
  readonly refusal?: number;
}

const DAY = 86_400_000;
const SHA1 = encodeDer(DER_TAG.sequence, encodeDerOid('1.3.14.3.2.26'), encodeDer(DER_TAG.null));

/** One answer about one certificate; by default in force from a day before {@link FAKE_NOW} to a day after. */
export async function fakeOcsp(options: FakeOcspOptions): Promise<Uint8Array> {
  const { serial, issuer, thisUpdate = FAKE_NOW - DAY, nextUpdate = FAKE_NOW + DAY, refusal = 0 } = options;
  const status = encodeDer(DER_TAG.enumerated, Uint8Array.of(refusal));
  if (refusal !== 0) return encodeDer(DER_TAG.sequence, status);
  const keyBits = readDer(issuer.key.spki).children()[1]?.content.subarray(1) ?? new Uint8Array(0);
  const [nameHash, keyHash] = await Promise.all(
    [issuer.subject, keyBits].map(async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-1', new Uint8Array(bytes)))),
  );
  const id = encodeDer(
    DER_TAG.sequence,
    SHA1,
    encodeDer(DER_TAG.octetString, nameHash as Uint8Array),
    encodeDer(DER_TAG.octetString, keyHash as Uint8Array),
    encodeDerUnsigned(serial),
  );
  const next = nextUpdate === null ? new Uint8Array(0) : encodeDer(0xa0, generalizedTime(nextUpdate));
  const single = encodeDer(DER_TAG.sequence, id, statusOf(options.status, thisUpdate), generalizedTime(thisUpdate), next);
  const tbs = encodeDer(
    DER_TAG.sequence,
    encodeDer(0xa1, (options.responder ?? issuer).subject),
    generalizedTime(thisUpdate),
    encodeDer(DER_TAG.sequence, single),
  );
  const { key } = options.responder ?? issuer;
  const sent = [...(options.responder === undefined ? [] : [options.responder]), ...(options.others ?? [])];
  const certificates = sent.length === 0 ? [] : [encodeDer(0xa0, encodeDer(DER_TAG.sequence, ...sent.map(({ der }) => der)))];
  const basic = readDer(encodeSigned(tbs, ALGORITHM_IDENTIFIERS[key.algorithm], await key.sign(tbs)));
  const whole = encodeDer(DER_TAG.sequence, basic.content, ...certificates);
  const bytes = encodeDer(DER_TAG.sequence, encodeDerOid('1.3.6.1.5.5.7.48.1.1'), encodeDer(DER_TAG.octetString, whole));
  return encodeDer(DER_TAG.sequence, status, encodeDer(0xa0, bytes));
}

function statusOf(status: FakeOcspOptions['status'], at: number): Uint8Array {
  if (status === 'good') return encodeDer(0x80);
  if (status === 'unknown') return encodeDer(0x82);
  const { reason } = status;
  const why = reason === null ? new Uint8Array(0) : encodeDer(0xa0, encodeDer(DER_TAG.enumerated, Uint8Array.of(reason)));
  return encodeDer(0xa1, generalizedTime(at), why);
}

function generalizedTime(milliseconds: number): Uint8Array {
  return encodeDer(DER_TAG.generalizedTime, utf8(new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, '')));
}
