/** Claims that every issuer shares. Source: RFC 9711 (EAT) §4.2 and its drafts, in their JSON forms. */

import type { Json } from '@assay/encoding/json';
import { CARRIED, named, oneOf, type Vocabulary } from './meaning.ts';

/** RFC 9711 §4.2.15 `success`; drafts wrote `comparison-successful` (NVIDIA's version 1), CBOR writes 1. */
const SUCCESS: readonly Json[] = ['success', 'comparison-successful', 'comparison-success', 'passed', 1];

export const EAT_CLAIMS: Vocabulary = {
  ...named(['dbgstat', 'debug-status', 'debug_status', 'dbg_stat'], { kind: 'debug-status' }),
  ...named(['secboot', 'secureboot', 'secure-boot', 'secure_boot'], oneOf([true, 'true', 'enabled', 'on', 1])),
  ...named(['oemboot', 'oem-boot'], oneOf([true, 'true', 1])),
  measres: { kind: 'finding', good: allSucceeded, expected: 'success', id: 'token.measurement-result' },
  ...named(['eat_nonce', 'nonce', 'measurements', 'manifests'], CARRIED),
};

/** One result, or RFC 9711's groups: `[["boot", [["loader", "success"], …]], …]`. Nothing compared is no success. */
function allSucceeded(value: Json): boolean {
  const results = resultsOf(value);
  return results.length > 0 && results.every((result) => SUCCESS.includes(result));
}

function resultsOf(value: Json): readonly Json[] {
  if (!Array.isArray(value)) return [typeof value === 'string' ? value.toLowerCase() : value];
  const [name, result] = value as readonly Json[];
  const isPair = value.length === 2 && typeof name === 'string' && !Array.isArray(result);
  if (isPair) return resultsOf(result ?? null);
  const inner = (value as readonly Json[]).filter(
    (each, index) => Array.isArray(each) || !(index === 0 && typeof each === 'string'),
  );
  return inner.flatMap(resultsOf);
}
