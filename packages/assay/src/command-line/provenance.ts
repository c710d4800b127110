/**
 * Reference values with a known origin: an in-toto statement (DSSE) inside a Sigstore bundle, signed by a build workflow. Proves, offline
 * and under the pinned Sigstore trusted root: the identity asked for signed exactly these measurements, and the signature stands in
 * the transparency log. The cryptography is `@sigstore/verify`'s; what may count as an identity is decided here.
 *
 * Not proved: that the build is reproducible, or that the sources are good.
 */

import { readFileSync } from 'node:fs';
import { type MeasurementRule, parsePolicy } from '@assay/attestation';
import { parseJson } from '@assay/encoding/json';
import { bundleFromJSON, isBundleWithDsseEnvelope } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { CliError } from './errors.ts';

export interface ProvenanceOptions {
  /** The signer's subject alternative name, e.g. a workflow's URL; each `*` stands for any run of characters but line ends. */
  readonly identity: string;
  /** OIDC issuer that vouched for the identity. */
  readonly issuer: string;
  /** JSON of a Sigstore trusted root; default: the pinned public-good root. */
  readonly trustedRoot?: string;
}

export interface Provenance {
  readonly identity: string;
  readonly issuer: string;
  readonly predicateType: string;
  /** Names and digests of what was built. */
  readonly subjects: readonly string[];
  readonly measurements: readonly MeasurementRule[];
}

const STATEMENT_TYPES = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

/**
 * @param bundle JSON of a Sigstore bundle.
 * @throws {CliError} `provenance/malformed`, `provenance/untrusted`, `provenance/no-measurements`.
 * @example readProvenance(text, { identity: 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*', issuer: 'https://token.actions.githubusercontent.com' })
 */
export function readProvenance(bundle: string, options: ProvenanceOptions): Provenance {
  const { statement, identity } = verifiedStatement(bundle, options);
  const { predicateType, predicate, subject } = statement;
  const measurements = measurementsOf(predicate);
  if (measurements.length === 0) {
    throw new CliError(
      'provenance/no-measurements',
      `the statement is authentic, but predicate ${String(predicateType)} names no measurements this program knows; see spec/policy.md`,
    );
  }
  const subjects = Array.isArray(subject) ? subject.map((item) => `${String(item?.name)} ${JSON.stringify(item?.digest)}`) : [];
  return { identity, issuer: options.issuer, predicateType: String(predicateType), subjects, measurements };
}

/** Longest Sigstore bundle or trusted root, characters. */
const MAX_DOCUMENT = 8 * 1024 * 1024;

interface Statement {
  readonly _type?: unknown;
  readonly predicateType?: unknown;
  readonly predicate?: unknown;
  readonly subject?: readonly { readonly name?: unknown; readonly digest?: unknown }[];
}

function verifiedStatement(
  text: string,
  options: ProvenanceOptions,
): { readonly statement: Statement; readonly identity: string } {
  const bundle = attempt('provenance/malformed', 'expected a Sigstore bundle; give the .sigstore.json of the release', () =>
    bundleFromJSON(documentOf(text)),
  );
  if (!isBundleWithDsseEnvelope(bundle)) {
    throw new CliError(
      'provenance/malformed',
      'expected a signed in-toto statement, got a signature over a file; give the attestation bundle',
    );
  }
  const { identity } = attempt('provenance/untrusted', 'do not use its measurements', () => {
    const root = TrustedRoot.fromJSON(documentOf(options.trustedRoot ?? pinnedRoot()));
    const verifier = new Verifier(toTrustMaterial(root), { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 });
    const signer = verifier.verify(toSignedEntity(bundle), { extensions: { issuer: options.issuer } });
    const name = signer.identity?.subjectAlternativeName ?? '';
    if (!isIdentity(options.identity, name)) throw new Error(`expected the identity ${options.identity}, got ${name}`);
    return signer;
  });
  const { payload, payloadType } = bundle.content.dsseEnvelope;
  const statement = attempt(
    'provenance/malformed',
    'the payload is no in-toto statement',
    () => parseJson(new Uint8Array(payload)) as Statement,
  );
  if (payloadType !== 'application/vnd.in-toto+json' || !STATEMENT_TYPES.includes(String(statement._type))) {
    throw new CliError(
      'provenance/malformed',
      `expected an in-toto statement, got ${payloadType}; give the attestation bundle`,
    );
  }
  return { statement, identity: identity?.subjectAlternativeName ?? options.identity };
}

/** Read twice: strictly and within bounds, then as the library expects its objects. */
function documentOf(text: string): unknown {
  parseJson(text, { maxBytes: MAX_DOCUMENT });
  return JSON.parse(text);
}

function pinnedRoot(): string {
  return readFileSync(new URL('../../trust/sigstore-trusted-root.json', import.meta.url), 'utf8');
}

/** `*` stands for anything. Anchored at both ends: an identity that only begins like the one asked for is another one. */
function isIdentity(wanted: string, name: string): boolean {
  const [first = '', ...others] = wanted.split('*');
  const last = others.pop();
  if (last === undefined) return name === wanted;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    at = name.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/**
 * The measurements a predicate names: our own form (`measurements`: rules as in a policy), Nitro's build output (`PCR0` …), and the
 * `snp_measurement`/`tdx_measurement` form of multi-platform images.
 */
export function measurementsOf(predicate: unknown): readonly MeasurementRule[] {
  if (typeof predicate !== 'object' || predicate === null) return [];
  const fields = predicate as Readonly<Record<string, unknown>>;
  if (Array.isArray(fields.measurements))
    return parsePolicy({ version: 1, measurements: fields.measurements }).measurements ?? [];
  const rules: unknown[] = [];
  const pcrs = Object.entries(fields).filter(([name]) => /^PCR\d{1,2}$/i.test(name));
  if (pcrs.length > 0)
    rules.push({ type: 'nitro', values: Object.fromEntries(pcrs.map(([name, value]) => [name.toLowerCase(), value])) });
  if (fields.snp_measurement !== undefined) rules.push({ type: 'sev-snp', values: { measurement: fields.snp_measurement } });
  if (fields.tdx_measurement !== undefined) rules.push({ type: 'tdx', values: fields.tdx_measurement });
  return rules.length === 0 ? [] : (parsePolicy({ version: 1, measurements: rules as never }).measurements ?? []);
}

function attempt<Value>(code: 'provenance/malformed' | 'provenance/untrusted', advice: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new CliError(code, `provenance refused: ${reason}; ${advice}`, { cause });
  }
}
