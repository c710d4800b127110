/**
 * Recognises evidence in a file, once: its parsed form, the verifier it is for, and what came around it in the same file. Evidence lies
 * there bare, as text, in a certificate, or in JSON of other APIs.
 *
 * Not decided here: whether any of it is authentic.
 */

import { EncodingError } from '@assay/encoding/errors';
import { loadedPart } from '@assay/encoding/loaded-part';
import { AttestationError } from './errors.ts';
import { textLayers } from './evidence/armour.ts';
import { certificateEvidence } from './evidence/carriers/certificate-evidence.ts';
import { quotesInJson } from './evidence/dcap/quote-json.ts';
import { describeFile } from './evidence/kinds/file-kind.ts';
import { parsedOnce } from './evidence/reading.ts';
import { wrappedEndorsements, wrappedEvidence } from './evidence/wrapped.ts';
import { type Check, notChecked } from './model/check.ts';
import type { Claims, EvidenceType } from './model/claims.ts';
import type { Endorsements } from './model/endorsements.ts';
import type { ParsedEvidence, TeeVerifier } from './model/verification.ts';

/** Evidence that was recognised and parsed; a verifier takes it instead of bytes, so that it is parsed once. */
export interface RecognisedEvidence<Of extends Claims = Claims> extends ParsedEvidence {
  readonly verifier: TeeVerifier<unknown, Of>;
  /** Endorsements that came around the evidence in the same file. */
  readonly companions: Endorsements;
  /**
   * What the carrier says next to the evidence, compared with what is authentic.
   * @throws {AttestationError} `part/unavailable`.
   */
  readonly carrierChecks: (claims: Claims) => Promise<readonly Check[]>;
}

/** A file that holds no evidence, or broken evidence; `type` is that of the reader that took the bytes for its own. */
export interface Unrecognised {
  readonly type: EvidenceType | null;
  readonly fault: unknown;
}

/** The largest evidence known, of eight GPUs and their switches, is a tenth of this. Readers take some ten times their input. */
const MAX_EVIDENCE_BYTES = 8 * 1024 * 1024;

/** Said of every file in which the evidence had to be looked for. */
const WRAPPED: Check = notChecked(
  'evidence.wrapper',
  'Assay',
  'only the evidence inside the file was verified; nothing vouches for what stands around it',
);

/**
 * The evidence in `file`: bare, under layers of text, wrapped, or anywhere in JSON, in this order.
 * @throws nothing for broken files: the fault is in the result.
 */
export function recogniseIn<Of extends Claims>(
  file: Uint8Array,
  verifiers: readonly TeeVerifier<unknown, Of>[],
): RecognisedEvidence<Of> | Unrecognised {
  if (file.length > MAX_EVIDENCE_BYTES) {
    const message = `expected evidence of at most ${MAX_EVIDENCE_BYTES} bytes, got ${file.length}; check the file`;
    return { type: null, fault: new AttestationError('evidence/unrecognised', message) };
  }
  try {
    return parsedOnce(file, () => search(file, verifiers));
  } catch (fault) {
    return broken(null, fault);
  }
}

function search<Of extends Claims>(
  file: Uint8Array,
  verifiers: readonly TeeVerifier<unknown, Of>[],
): RecognisedEvidence<Of> | Unrecognised {
  const readers = verifiers.filter(({ searches }) => searches !== true);
  const layers = textLayers(file);
  for (const layer of layers) {
    const whole = read(layer, readers);
    if (whole !== null) return 'fault' in whole ? whole : { ...whole, ...BARE };
  }
  let first: Unrecognised | null = null;
  for (const { inner, ...around } of layers.flatMap(carriedIn)) {
    const found = read(inner, readers);
    if (found === null) continue;
    if (!('fault' in found)) return { ...found, ...around };
    first ??= found;
  }
  const text = layers.at(-1) ?? file;
  const searched = read(
    text,
    verifiers.filter(({ searches }) => searches === true),
  );
  if (searched !== null)
    return 'fault' in searched ? searched : { ...searched, ...BARE, companions: wrappedEndorsements(text) };
  return first ?? { type: null, fault: unrecognised(file, verifiers) };
}

const BARE = { companions: [], carrierChecks: async () => [] } as const satisfies Partial<RecognisedEvidence>;

interface Carried extends Pick<RecognisedEvidence, 'companions' | 'carrierChecks'> {
  readonly inner: Uint8Array;
}

/** Evidence that lies in a certificate or in JSON of other APIs, with what stands around it. */
function carriedIn(file: Uint8Array): readonly Carried[] {
  const certificate = certificateEvidence(file);
  if (certificate === null) {
    const inside = wrappedEvidence(file);
    const companions = inside.length === 0 ? [] : wrappedEndorsements(file);
    return inside.map((inner) => ({ inner, companions, carrierChecks: async () => [WRAPPED] }));
  }
  const log = certificate.eventLog;
  const companions: Endorsements = log === null ? [] : [{ kind: 'event-log', json: log }];
  const carrierChecks = async ({ bindings }: Claims): Promise<readonly Check[]> => {
    // Pages load it with evidence in certificates only.
    const { certificateKeyCheck } = await loadedPart(
      'keys of certificates',
      () => import('./evidence/carriers/certificate-key-check.ts'),
    );
    return [WRAPPED, await certificateKeyCheck(certificate, bindings.reportData)];
  };
  return certificate.inner.flatMap((part) =>
    [...textLayers(part), ...wrappedEvidence(part), ...(quotesInJson(part) ?? []).map(({ quote }) => quote)].map((inner) => ({
      inner,
      companions,
      carrierChecks,
    })),
  );
}

/** The first reader that takes the bytes for its own settles what they are. */
function read<Of extends Claims>(
  bytes: Uint8Array,
  verifiers: readonly TeeVerifier<unknown, Of>[],
): (ParsedEvidence & Pick<RecognisedEvidence<Of>, 'verifier'>) | Unrecognised | null {
  for (const verifier of verifiers) {
    try {
      const evidence = verifier.recognise(bytes);
      if (evidence !== null) return { ...evidence, verifier };
    } catch (fault) {
      return broken(verifier.type, fault);
    }
  }
  return null;
}

/** @throws what is no fault of the file. */
function broken(type: EvidenceType | null, fault: unknown): Unrecognised {
  if (!AttestationError.is(fault) && !EncodingError.is(fault)) throw fault;
  return { type, fault };
}

function unrecognised(file: Uint8Array, verifiers: readonly Pick<TeeVerifier, 'type'>[]): AttestationError {
  const types = [...new Set(verifiers.map(({ type }) => type))];
  const { what, advice } = describeFile(file);
  return new AttestationError('evidence/unrecognised', `expected evidence of ${types.join(', ')}, got ${what}; ${advice}`, {
    details: { got: what, types, advice },
  });
}
