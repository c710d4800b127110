/**
 * The registers that a Nitro enclave started from an EIF will show (AWS Nitro Enclaves user guide, "Where to get an enclave's
 * measurements"): PCR0 over kernel, command line and all ramdisks; PCR1 without the application; PCR2 the application; PCR8 the
 * signing certificate. PCR3 and PCR4 depend on where the enclave runs and are computed when that is named.
 */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { isJsonObject, type JsonObject, parseJson } from '@assay/encoding/json';
import { begun, extended, sha256Hex, sha384 } from '../digests.ts';
import { ReferenceValuesError, reading } from '../errors.ts';
import type { Measured } from '../measured.ts';
import { parseEif } from './eif.ts';
import { verifyEifSignature } from './eif-signature.ts';

export interface NitroPlacement {
  /** ARN of the IAM role of the parent instance: gives PCR3. */
  readonly roleArn?: string | undefined;
  /** Identifier of the parent instance, `i-` and hex: gives PCR4. */
  readonly instanceId?: string | undefined;
}

const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;
const INSTANCE_ID = /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;
/** Longest metadata section that is read, bytes. */
const MAX_METADATA = 1024 * 1024;

/**
 * @param file a whole EIF.
 * @throws {ReferenceValuesError} `eif/malformed`, `eif/unsupported`, `eif/checksum-mismatch`, `eif/signature-invalid`, `machine/bad-shape`.
 * @example const { values } = await measureEif(await readFile('app.eif')); // values.pcr0, values.pcr1, values.pcr2
 */
export async function measureEif(file: Uint8Array, { roleArn, instanceId }: NitroPlacement = {}): Promise<Measured> {
  const placed = await placement(roleArn, instanceId);
  const eif = parseEif(file);
  const [init, ...application] = eif.ramdisks;
  const boot = begun('sha384').update(eif.kernel).update(eif.cmdline).update(init);
  const pcr1 = extended(boot.copy().digest());
  const pcr0 = extended(application.reduce((whole, ramdisk) => whole.update(ramdisk), boot).digest());
  const pcr2 = extended(sha384(...application));
  const certificate = eif.signature === null ? null : await verifyEifSignature(eif.signature, pcr0);
  const pcr8 = certificate === null ? null : encodeHex(extended(sha384(certificate)));
  return {
    type: 'nitro',
    values: {
      pcr0: encodeHex(pcr0),
      pcr1: encodeHex(pcr1),
      pcr2: encodeHex(pcr2),
      ...placed.values,
      ...(pcr8 === null ? {} : { pcr8 }),
    },
    inputs: { image: sha256Hex(file) },
    facts: {
      'EIF version': String(eif.version),
      architecture: eif.architecture,
      'command line': decodeUtf8(eif.cmdline),
      ramdisks: String(eif.ramdisks.length),
      signed: pcr8 === null ? 'no' : 'yes',
      ...metadataFacts(eif.metadata),
    },
    notComputed: placed.notComputed,
  };
}

async function placement(
  roleArn: string | undefined,
  instanceId: string | undefined,
): Promise<Pick<Measured, 'values' | 'notComputed'>> {
  if (roleArn !== undefined && !ROLE_ARN.test(roleArn))
    throw badShape(`expected an ARN of a role such as arn:aws:iam::123456789012:role/name, got ${roleArn.slice(0, 80)}`);
  if (instanceId !== undefined && !INSTANCE_ID.test(instanceId))
    throw badShape(`expected an instance such as i-1234567890abcdef0, got ${instanceId.slice(0, 80)}`);
  const register = async (text: string): Promise<string> => encodeHex(extended(sha384(utf8(text))));
  return {
    values: {
      ...(roleArn === undefined ? {} : { pcr3: await register(roleArn) }),
      ...(instanceId === undefined ? {} : { pcr4: await register(instanceId) }),
    },
    notComputed: [
      ...(roleArn === undefined ? [{ name: 'pcr3', reason: 'the IAM role of the parent instance was not named' }] : []),
      ...(instanceId === undefined ? [{ name: 'pcr4', reason: 'the parent instance was not named' }] : []),
    ],
  };
}

/** What the builder wrote about itself: unmeasured and unsigned, so for people alone. */
function metadataFacts(metadata: Uint8Array | null): Readonly<Record<string, string>> {
  if (metadata === null) return {};
  const json = reading('eif/malformed', 'EIF metadata', () => parseJson(metadata, { maxBytes: MAX_METADATA }));
  if (!isJsonObject(json))
    throw new ReferenceValuesError(
      'eif/malformed',
      'expected a JSON object as EIF metadata, got another value; build the image again',
    );
  const build: JsonObject = isJsonObject(json.BuildMetadata) ? json.BuildMetadata : {};
  const named: readonly (readonly [string, unknown])[] = [
    ['image (unmeasured)', json.ImageName],
    ['image version (unmeasured)', json.ImageVersion],
    ['build tool (unmeasured)', build.BuildTool],
    ['kernel version (unmeasured)', build.KernelVersion],
  ];
  return Object.fromEntries(named.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value.slice(0, 200)]] : [])));
}

function badShape(message: string): ReferenceValuesError {
  return new ReferenceValuesError('machine/bad-shape', `${message}; see the EC2 console of the parent instance`);
}
