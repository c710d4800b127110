/**
 * `assay service`: fetches a fresh report of an attested model service (RedPill unless named) and verifies it here, without an agent in
 * between. With `--ask` one question follows the verdict, and its signed answer is verified too.
 */

import { endorsementFiles, packCollateral } from '@assay/attestation';
import { createTlsDialer } from '@assay/channel/tls';
import { utf8 } from '@assay/encoding/bytes';
import { encodeAnswerProof, firstModel, SERVICE_KINDS, type ServiceKind, serviceAt, UpstreamError } from '@assay/upstream';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { PRIVATE, writeFileOf } from '../command-line/destination.ts';
import { endorsementSource } from '../command-line/endorsement-source.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { addressOption, authoritiesOption, policyOption, trustOption } from '../command-line/options.ts';
import { printable, styleOf } from '../command-line/output.ts';
import { printVerdict } from '../command-line/verdict.ts';
import { contentOf, MAX_ANSWER_BYTES } from '../connection/answer-content.ts';
import { attestedServiceOf } from '../proxy/service-upstream.ts';
import { evidenceVerdict } from '../verification/verdict.ts';

const REDPILL = 'https://api.redpill.ai';
const KINDS = SERVICE_KINDS.map(({ name }) => name).join(', ');

interface ServiceFlags {
  readonly model?: string;
  readonly ask?: string;
  readonly save?: string;
  readonly kind?: string;
  readonly keyFrom: string;
  readonly sendKeyBeforeVerdict?: boolean;
  readonly policy?: string;
  readonly simulatedRoot?: string;
  readonly authorities?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('[url]', `the service; by default REDPILL_API_URL, or ${REDPILL}`)
    .option('--model <name>', 'the model whose TEE is asked; by default the first one listed')
    .option('--ask <question>', 'after the verdict, ask this and verify the signed answer')
    .option('--save <folder>', 'keep the report, its collateral and the proof of the answer')
    .option('--kind <name>', `what the service is: ${KINDS}; recognised by its address`)
    .option('--key-from <variable>', 'environment variable with your key', 'REDPILL_API_KEY')
    .option(
      '--send-key-before-verdict',
      'dangerous: show the key with the request for the report, for services that refuse it without',
    )
    .option('--policy <file|preset>', 'policy file, or strict, moderate, relaxed')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--authorities <file>', 'PEM of certificate authorities to accept for its address, in addition to the known ones')
    .option('--json', 'machine-readable verdict')
    .option('--verbose', 'long values in full, with the section behind each check')
    .action(async (url: string | undefined, flags: ServiceFlags) => finish(await service(url, flags, io)));
}

async function service(address: string | undefined, flags: ServiceFlags, io: Io): Promise<ExitCode> {
  const url = addressOption('url', address ?? nonEmpty(io.env.REDPILL_API_URL) ?? REDPILL);
  const apiKey = nonEmpty(io.env[flags.keyFrom]);
  if (flags.ask !== undefined && apiKey === undefined)
    throw new CliError('cli/bad-option', `${flags.keyFrom}: expected your key for ${url.host}, got none; set it to use --ask`);
  const asked = attestedServiceOf(url, {
    apiKey,
    keyBeforeVerdict: flags.sendKeyBeforeVerdict === true,
    policy: await policyOption(io, flags.policy),
    trust: await trustOption(io, flags),
    fetch: io.fetch,
    now: () => io.now(),
    dialer: createTlsDialer(await authoritiesOption(io, flags.authorities)),
    collateral: endorsementSource(io, false),
  });
  const kind = kindOf(url, flags.kind);
  const model = flags.model ?? (kind.scope === 'service' ? '' : await firstModel(asked));
  const opening = await kind.open(asked, model).catch((error: unknown) => {
    throw wantsKey(error) && asked.keyBeforeVerdict !== true ? keyWanted(error, flags.keyFrom) : error;
  });
  const evidence = opening.outcome === 'verified' ? opening.session.evidence : opening.evidence;
  const code = await printVerdict(evidenceVerdict(evidence.result, evidence.verifiedAt), io, {
    json: flags.json === true,
    verbose: flags.verbose === true,
  });
  io.stderr(`nonce  ${evidence.nonce}\n`);
  if (flags.save !== undefined) {
    await writeFileOf(io, `${flags.save}/report.json`, evidence.report);
    await writeFileOf(io, `${flags.save}/collateral.json`, packCollateral(endorsementFiles(evidence.endorsements)));
    const files = `${flags.save}/report.json --collateral ${flags.save}/collateral.json`;
    io.stderr(`hint: check it again with assay verify ${files} --nonce ${evidence.nonce}\n`);
  }
  if (opening.outcome === 'refused' || flags.ask === undefined) return code;
  return ask(opening.session, { model, question: flags.ask, save: flags.save, json: flags.json === true }, io);
}

/** The service gives its report to holders of a key alone. */
function wantsKey(error: unknown): error is UpstreamError {
  return UpstreamError.is(error) && (error.details.status === 401 || error.details.status === 403);
}

function keyWanted(cause: UpstreamError, variable: string): CliError {
  const [what] = cause.message.split('; ');
  return new CliError(
    'cli/agent-failed',
    `${what}; --send-key-before-verdict shows the key of ${variable} to this service before it is verified`,
    { cause },
  );
}

function kindOf(url: URL, name: string | undefined): ServiceKind {
  const kind = name === undefined ? serviceAt(url) : SERVICE_KINDS.find((each) => each.name === name);
  if (kind) return kind;
  const got = name === undefined ? `${url.host}, which is not known` : JSON.stringify(name);
  throw new CliError('cli/bad-option', `--kind: expected ${KINDS}, got ${got}; name the kind of service`);
}

type Session = Extract<Awaited<ReturnType<ServiceKind['open']>>, { readonly outcome: 'verified' }>['session'];

interface Question {
  readonly model: string;
  readonly question: string;
  readonly save: string | undefined;
  readonly json: boolean;
}

/** One exchange; the answer is printed after its proof was verified, never before. */
async function ask(session: Session, { model, question, save, json }: Question, io: Io): Promise<ExitCode> {
  const body = utf8(JSON.stringify({ model, messages: [{ role: 'user', content: question }] }));
  const { response, prove } = await session.forward({ path: '/v1/chat/completions', body, signal: io.signal });
  const received = await contentOf(response, MAX_ANSWER_BYTES);
  if (prove === null)
    throw new CliError(
      'cli/agent-failed',
      `expected an answer of ${model}, got status ${response.status}: ${new TextDecoder().decode(received.subarray(0, 200))}; check key and model`,
    );
  const evidence = await prove({ sent: body, received });
  const text = textOf(received);
  const style = styleOf(io);
  // With --json, standard output holds one document: the verdict.
  (json ? io.stderr : io.stdout).call(io, `${text.replace(/[^\P{Cc}\n\t]/gu, '\ufffd')}\n`);
  if (evidence.type === 'sealed')
    io.stderr(`${style.good('✓')} answer sealed by the attested key; it has no proof for others\n`);
  else {
    io.stderr(
      `${style.good('✓')} answer signed by the attested ${printable(session.signer.algorithm)} key ${printable(session.signer.address)}\n`,
    );
    if (save !== undefined) await writeFileOf(io, `${save}/proof.json`, encodeAnswerProof(evidence.proof), PRIVATE);
  }
  return EXIT.accepted;
}

function textOf(received: Uint8Array): string {
  try {
    const { choices } = JSON.parse(new TextDecoder().decode(received)) as {
      readonly choices?: readonly { readonly message?: { readonly content?: unknown } }[];
    };
    const content = choices?.[0]?.message?.content;
    if (typeof content === 'string') return content;
  } catch {
    // Said below.
  }
  throw new CliError('cli/agent-failed', 'expected a chat completion, got other JSON; the signed bytes are not an answer');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
