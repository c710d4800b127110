/** `assay model commit` and `assay model check-commitment`: a vendor's signed promise about a model (spec/vendor-commitment.md). */

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { isJsonObject, type JsonObject, parseJson } from '@assay/encoding/json';
import { type CommitmentKey, identifyModel, sealCommitment } from '@assay/models';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Command } from 'commander';
import type { Finish } from '../../command-line/command.ts';
import { writeFileOf } from '../../command-line/destination.ts';
import { CliError } from '../../command-line/errors.ts';
import { EXIT, type ExitCode } from '../../command-line/exit-codes.ts';
import type { Io } from '../../command-line/io.ts';
import { modelPaths, NATIVE_HASH, withModelFiles } from '../../command-line/model-files.ts';
import { jsonText, printable } from '../../command-line/output.ts';
import { MAX_SETTING_BYTES, readFileOf } from '../../command-line/subject.ts';
import { printVerdict } from '../../command-line/verdict.ts';
import { verify } from '../../index.ts';

const DAY_MS = 86_400_000;

interface CommitFlags {
  readonly vendor: string;
  readonly key: string;
  readonly name?: string;
  readonly modelVersion?: string;
  readonly days: string;
  readonly terms?: string;
  readonly schema?: string;
  readonly output?: string;
}

interface CheckFlags {
  readonly key: string;
  readonly schema?: string;
  readonly model?: string;
  readonly json?: boolean;
}

export function configureCommitment(group: Command, io: Io, finish: Finish): void {
  group
    .command('commit')
    .description("sign a vendor's commitment to a model: digest, version, validity, terms")
    .argument('<path>', 'file or folder of the model')
    .requiredOption('--vendor <name>', 'who promises')
    .requiredOption('--key <file>', 'private key, PEM: Ed25519 or P-256')
    .option('--name <name>', 'name of the model; its file by default')
    .option('--model-version <text>', 'version of the model')
    .option('--days <number>', 'how long the promise holds', '30')
    .option('--terms <file>', 'JSON object: what is promised in addition to the model')
    .option('--schema <file>', 'JSON Schema that the commitment must match before it is signed')
    .option('--output <file>', 'where to write it; standard output by default')
    .action(async (path: string, flags: CommitFlags) => finish(await commit(path, flags, io)));
  group
    .command('check-commitment')
    .description('verify such a commitment, and the model against it')
    .argument('<file>', 'the commitment')
    .requiredOption('--key <file>', "the vendor's public key, PEM")
    .option('--schema <file>', 'JSON Schema of your own that it must match')
    .option('--model <path>', 'file or folder whose digest it must name')
    .option('--json', 'machine-readable verdict')
    .action(async (file: string, flags: CheckFlags) => finish(await check(file, flags, io)));
}

async function commit(path: string, flags: CommitFlags, io: Io): Promise<ExitCode> {
  const days = Number(flags.days);
  if (!(days > 0 && days <= 3660))
    throw new CliError('cli/bad-option', `--days: expected 1 to 3660, got ${JSON.stringify(flags.days)}; write 30`);
  const key = await vendorKey(io, flags.key);
  const { digest } = await withModelFiles(await modelPaths(io, path), (sources) => identifyModel(sources, NATIVE_HASH));
  const model = { name: flags.name ?? path.split('/').at(-1) ?? path, version: flags.modelVersion ?? 'unknown', digest };
  const terms = flags.terms === undefined ? null : objectOf(await readFileOf(io, flags.terms, MAX_SETTING_BYTES), '--terms');
  const issuedAt = io.now();
  const fields = { vendor: flags.vendor, issuedAt, expiresAt: issuedAt + days * DAY_MS, model, terms };
  const commitment = await sealCommitment(fields, key);
  await assertSchema(commitment, flags.schema, io);
  const bytes = utf8(jsonText(commitment));
  if (flags.output === undefined) io.stdout(new TextDecoder().decode(bytes));
  else {
    await writeFileOf(io, flags.output, bytes);
    io.stderr(
      `${printable(model.name)} ${digest} promised until ${new Date(fields.expiresAt).toISOString()} in ${printable(flags.output)}\n`,
    );
  }
  return EXIT.accepted;
}

async function check(file: string, flags: CheckFlags, io: Io): Promise<ExitCode> {
  const bytes = await readFileOf(io, file, MAX_SETTING_BYTES);
  const root = await readFileOf(io, flags.key, MAX_SETTING_BYTES);
  const verdict = await verify(bytes, {
    now: io.now(),
    trust: { roots: [root] },
    policy: { version: 1, types: ['vendor-commitment'] },
  });
  if (verdict.outcome !== 'accepted') return printVerdict(verdict, io, { json: flags.json === true, verbose: false });
  const commitment = objectOf(bytes, file);
  await assertSchema(commitment, flags.schema, io);
  if (flags.model !== undefined) await assertModel(flags.model, commitment, io);
  return printVerdict(verdict, io, { json: flags.json === true, verbose: false });
}

async function assertModel(path: string, { model }: JsonObject, io: Io): Promise<void> {
  const { digest } = await withModelFiles(await modelPaths(io, path), (sources) => identifyModel(sources, NATIVE_HASH));
  const promised = isJsonObject(model) ? model.digest : undefined;
  if (promised !== digest)
    throw new CliError(
      'cli/evidence-refused',
      `expected the promised model ${String(promised)}, got ${digest} in ${path}; do not use it as that model`,
    );
}

/** @throws {CliError} `cli/evidence-refused` for a commitment that the schema refuses; `cli/bad-option` for a schema that is none. */
async function assertSchema(commitment: JsonObject, path: string | undefined, io: Io): Promise<void> {
  if (path === undefined) return;
  const schema = objectOf(await readFileOf(io, path, MAX_SETTING_BYTES), '--schema');
  let validate: ValidateFunction;
  try {
    validate = new Ajv2020({ allErrors: false, validateFormats: false }).compile(schema);
  } catch (cause) {
    throw new CliError(
      'cli/bad-option',
      `--schema: expected a JSON Schema of 2020-12, got one that does not compile (${String((cause as Error).message).slice(0, 120)}); mend the file`,
      { cause },
    );
  }
  if (validate(commitment)) return;
  const [first] = validate.errors ?? [];
  throw new CliError(
    'cli/evidence-refused',
    `expected a commitment as ${path} wants, got ${first?.instancePath || 'one'} that ${first?.message ?? 'does not match'}; ask the vendor for another`,
  );
}

function objectOf(bytes: Uint8Array, what: string): JsonObject {
  try {
    // Plain prototypes, as the schema's validator expects them.
    const value: unknown = JSON.parse(JSON.stringify(parseJson(bytes)));
    if (isJsonObject(value)) return value;
  } catch {
    // Said below.
  }
  throw new CliError('cli/bad-option', `${what}: expected a JSON object, got something else; mend the file`);
}

async function vendorKey(io: Io, path: string): Promise<CommitmentKey> {
  try {
    const key = createPrivateKey(Buffer.from(await readFileOf(io, path, MAX_SETTING_BYTES)));
    const pkcs8 = new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }));
    const parameters = key.asymmetricKeyType === 'ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: 'P-256' };
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, parameters, false, ['sign']);
    pkcs8.fill(0);
    return { privateKey, spki: new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' })) };
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(
      'cli/bad-option',
      `--key: expected an Ed25519 or P-256 private key in PEM, got something else in ${path}; make one with openssl genpkey -algorithm ed25519`,
      { cause },
    );
  }
}
