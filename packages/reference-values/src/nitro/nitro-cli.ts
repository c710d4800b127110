/**
 * What `nitro-cli build-enclave`, `describe-eif` and `describe-enclaves` print: JSON with `Measurements` {HashAlgorithm, PCR0 …}
 * (https://github.com/aws/aws-nitro-enclaves-cli, src/common/json_output.rs). The output is a claim of the one who ran the command.
 */

import { isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { ReferenceValuesError, reading } from '../errors.ts';

/** Longest output, bytes. */
const MAX_OUTPUT = 1024 * 1024;
const MAX_ENCLAVES = 64;

export interface NitroCliMeasurements {
  /** Name of the enclave or image where the output has one. */
  readonly name: string | null;
  /** `pcr0`, `pcr1`, `pcr2`, `pcr8` where signed → lower-case hex, 48 bytes. */
  readonly values: Readonly<Record<string, string>>;
  /** The hypervisor reports debug mode: the evidence of that enclave shows zeros. */
  readonly debug: boolean;
}

/**
 * @param output JSON as printed; `build-enclave` prints a line of text before it.
 * @throws {ReferenceValuesError} `nitro-cli/malformed`.
 * @example const [{ values }] = parseNitroCli(await readFile('build.json', 'utf8'));
 */
export function parseNitroCli(output: string): readonly [NitroCliMeasurements, ...NitroCliMeasurements[]] {
  const start = output.search(/[[{]/);
  if (start < 0) throw malformed('a JSON object or list');
  const json = reading('nitro-cli/malformed', 'output of nitro-cli', () =>
    parseJson(output.slice(start), { maxBytes: MAX_OUTPUT }),
  );
  const entries: readonly Json[] = Array.isArray(json) ? json : [json];
  if (entries.length > MAX_ENCLAVES) throw malformed(`at most ${MAX_ENCLAVES} enclaves`);
  const [first, ...others] = entries.map(entryOf);
  if (first === undefined) throw malformed('at least one running enclave');
  return [first, ...others];
}

function entryOf(entry: Json): NitroCliMeasurements {
  const measurements = isJsonObject(entry) ? entry.Measurements : undefined;
  if (!isJsonObject(entry) || !isJsonObject(measurements)) throw malformed('an object with "Measurements"');
  const algorithm = measurements.HashAlgorithm;
  // Newer builds name the type behind SHA-384, which is SHA-512 cut to 48 bytes.
  if (typeof algorithm !== 'string' || !/^(?:sha384|sha512_48)\b/i.test(algorithm)) throw malformed('"HashAlgorithm" Sha384');
  const name = typeof entry.EnclaveName === 'string' ? entry.EnclaveName : entry.ImageName;
  return {
    name: typeof name === 'string' ? name.slice(0, 100) : null,
    values: valuesOf(measurements),
    debug: typeof entry.Flags === 'string' && entry.Flags.includes('DEBUG_MODE'),
  };
}

function valuesOf(measurements: JsonObject): Readonly<Record<string, string>> {
  const values = Object.entries(measurements)
    .filter(([name]) => name !== 'HashAlgorithm')
    .map(([name, value]): [string, string] => {
      if (!/^PCR(?:[0-9]|[12][0-9]|3[01])$/.test(name)) throw malformed(`registers PCR0 to PCR31, not ${name.slice(0, 40)}`);
      if (typeof value !== 'string' || !/^[0-9a-f]{96}$/i.test(value)) throw malformed(`48 bytes of hex in ${name}`);
      return [name.toLowerCase(), value.toLowerCase()];
    });
  if (!['pcr0', 'pcr1', 'pcr2'].every((name) => values.some(([each]) => each === name))) throw malformed('PCR0, PCR1 and PCR2');
  return Object.fromEntries(values);
}

function malformed(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'nitro-cli/malformed',
    `expected ${expected} in the output of nitro-cli, got something else; give what build-enclave, describe-eif or describe-enclaves printed`,
  );
}
