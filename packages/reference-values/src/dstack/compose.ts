/**
 * dstack's application file, `app-compose.json` (https://github.com/Dstack-TEE/dstack, docs/security): its SHA-256, taken over the very
 * bytes, is the compose hash that a guest measures. An image named without a digest can be another one tomorrow under the same hash,
 * so such a file is refused unless the caller accepts that by name.
 */

import { isJsonObject, parseJson } from '@assay/encoding/json';
import { parseDocument } from 'yaml';
import { sha256Hex } from '../digests.ts';
import { ReferenceValuesError, reading } from '../errors.ts';
import type { Measured } from '../measured.ts';

/** Longest file, bytes. */
const MAX_BYTES = 1024 * 1024;
const PINNED = /@sha256:[0-9a-f]{64}$/;

export interface ComposeOptions {
  /** Accept images that are named by tag alone: the hash then does not say what runs. */
  readonly allowFloatingImages?: boolean | undefined;
}

/**
 * @param file the bytes as dstack deploys them; another layout of the same JSON is another hash.
 * @throws {ReferenceValuesError} `compose/malformed`, `compose/floating-image`.
 * @example const { values } = await measureCompose(await readFile('app-compose.json')); // values['compose-hash']
 */
export async function measureCompose(
  file: Uint8Array,
  { allowFloatingImages = false }: ComposeOptions = {},
): Promise<Measured> {
  const json = reading('compose/malformed', 'app-compose.json', () => parseJson(file, { maxBytes: MAX_BYTES }));
  if (!isJsonObject(json) || typeof json.manifest_version !== 'number' || typeof json.runner !== 'string')
    throw malformed('"manifest_version" and "runner"');
  const images = json.runner === 'docker-compose' ? imagesOf(json.docker_compose_file) : [];
  const floating = images.filter((image) => !PINNED.test(image));
  if (floating.length > 0 && !allowFloatingImages)
    throw new ReferenceValuesError(
      'compose/floating-image',
      `expected images named by digest, got ${floating.map((image) => image.slice(0, 100)).join(', ')}; name each as image@sha256:…`,
      { details: { images: floating } },
    );
  const hash = sha256Hex(file);
  return {
    type: 'dstack',
    values: { 'compose-hash': hash },
    inputs: { compose: hash },
    facts: {
      ...(typeof json.name === 'string' ? { application: json.name.slice(0, 100) } : {}),
      images: images.length === 0 ? 'none named' : images.join(', '),
      ...(floating.length === 0 ? {} : { 'named by tag alone': floating.join(', ') }),
    },
    notComputed: [],
  };
}

function imagesOf(text: unknown): readonly string[] {
  if (typeof text !== 'string') throw malformed('"docker_compose_file" as text');
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) throw malformed('a docker compose file of valid YAML');
  const compose = asMapping(safely(() => document.toJS({ maxAliasCount: 100 })));
  const services = Object.entries(asMapping(compose?.services) ?? {});
  if (services.length === 0) throw malformed('a docker compose file with services');
  return services.map(([name, service]) => {
    const image = asMapping(service)?.image;
    if (typeof image !== 'string') throw malformed(`an image for the service ${name.slice(0, 60)}`);
    return image;
  });
}

function safely(read: () => unknown): unknown {
  try {
    return read();
  } catch (cause) {
    throw new ReferenceValuesError('compose/malformed', 'expected YAML with few aliases, got more; write them out', { cause });
  }
}

function asMapping(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

function malformed(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'compose/malformed',
    `expected ${expected} in app-compose.json, got something else; give the file as dstack deploys it`,
  );
}
