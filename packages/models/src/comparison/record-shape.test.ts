/**
 * The whole shape of a comparison file (spec/model-comparison.md §6, §7): every member left out, and with a value of every other JSON type in its
 * place, is refused as malformed before anything else is looked at.
 */

import type { Json, JsonObject } from '@assay/encoding/json';
import { planOf, sha256, ZOO_KEY } from '@assay/testing/model-zoo';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../errors.ts';
import { verifyComparison } from './record.ts';

const query = (reference: Json): JsonObject => ({
  ...{ index: 0, variant: 0, request: '{}', response: '{}', failure: null, reference },
});
/** Whole in its shape, with each kind of view; nothing of it was logged. */
const FILE: JsonObject = JSON.parse(
  JSON.stringify({
    format: 'assay-comparison/1',
    plan: { ...planOf({ alternatives: [{ name: 'F16', variation: 0.5 }] }), max_tokens: 9000 },
    key: Buffer.from(ZOO_KEY).toString('hex'),
    queries: [
      query(null),
      query({ kind: 'known', logprobs: [[-0.5, null]] }),
      query({ kind: 'greedy', tokens: [{ token: 'a', gap: 0.5 }] }),
      query({ kind: 'logits', positions: [{ token: 'a', logits: sha256('a') }] }),
      query({ kind: 'answer', body: '{}' }),
    ],
    ...{ outcome: { verdict: 'SAME' }, log: {}, candidate_log: [{}], reference_log: null },
  }),
) as JsonObject;

/** Places that also take values of these types, and `*` for those that take any. */
const ALSO: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(log|candidate_log\.0)$/, ['*']],
  [/^(candidate|reference)_log$/, ['null', 'array']],
  [/^queries\.\d\.(response|failure)$/, ['null', 'string']],
  [/^queries\.\d\.reference$/, ['null']],
  [/^queries\.\d\.reference\.logprobs\.0\.\d$/, ['null', 'number']],
  [/^plan\.(reference|candidate)\.(model|profile|keyset)_hash$/, ['null']],
  [/^plan\.(max_tokens|alternatives\.0\.variation)$/, ['null']],
];
const VALUES: Readonly<Record<string, Json>> = { null: null, boolean: true, number: 1, string: 'text', array: [], object: {} };
const typeOf = (value: Json): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

function codeOf(file: JsonObject): string {
  try {
    verifyComparison(file, { log: [], candidate: null, reference: null });
    return 'accepted';
  } catch (error) {
    return ModelError.is(error) ? error.code : String(error);
  }
}

/** Every place below a value, but for those in an outcome, which is held as a whole against the one that is computed. */
function placesIn(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null || path[0] === 'outcome') return [];
  return Object.entries(value).flatMap(([name, each]) => [[...path, name], ...placesIn(each as Json, [...path, name])]);
}

/** A copy with the change made to whatever holds the place. */
function changed(path: readonly string[], change: (holder: Record<string, Json>, name: string) => void): JsonObject {
  const copy = structuredClone(FILE) as Record<string, Json>;
  const holder = path.slice(0, -1).reduce((each, name) => each[name] as Record<string, Json>, copy);
  change(holder, path.at(-1) ?? '');
  return copy;
}

const PLACES = placesIn(FILE).map((path) => [path.join('.'), path] as const);

describe('a comparison file', () => {
  it('that is whole is refused for what was logged, not for its shape', () => {
    expect(codeOf(FILE)).toBe('comparison/not-committed');
    expect(PLACES.length).toBeGreaterThan(90);
  });

  it.each(PLACES.filter(([, path]) => !/^\d+$/.test(path.at(-1) ?? '')))('without %s is malformed', (_, path) => {
    expect(codeOf(changed(path, (holder, name) => Reflect.deleteProperty(holder, name)))).toBe('comparison/malformed');
  });

  it.each(PLACES)('with another type in the place of %s is malformed', (place, path) => {
    const [, also = []] = ALSO.find(([pattern]) => pattern.test(place)) ?? [];
    const own = typeOf(path.reduce<Json>((each, name) => (each as JsonObject)[name] as Json, FILE));
    for (const [type, value] of Object.entries(VALUES)) {
      const isTaken = type === own || also.includes(type) || also.includes('*');
      const code = codeOf(
        changed(path, (holder, name) => {
          holder[name] = value;
        }),
      );
      if (!isTaken) expect([place, type, code]).toEqual([place, type, 'comparison/malformed']);
      else expect(code, `${place} as ${type}`).toMatch(/^comparison\//);
    }
  });
});
