/** `assay keys`: API keys of a running agent. The agent makes a key and tells it once, sealed; it keeps only the hash. Needs `ASSAY_OPERATOR_KEY`. */

import type { JsonObject } from '@assay/encoding/json';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AgentApi, agentApi } from '../command-line/agent-api.ts';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { table } from '../command-line/layout.ts';
import { nearest } from '../command-line/near-miss.ts';
import { operatorKeyHeader } from '../command-line/operator-key.ts';
import { jsonText, printable } from '../command-line/output.ts';
import { ClientError } from '../index.ts';

const SCOPES = ['read', 'work', 'infer', 'sign', 'operate'];
const COUNTS = ['requests', 'tasks', 'tokens', 'bytes'] as const;

interface KeyFlags extends AgentFlags {
  readonly json?: boolean;
}

interface AddFlags extends KeyFlags {
  readonly scope?: readonly string[];
  readonly requests?: number;
  readonly tasks?: number;
  readonly tokens?: number;
  readonly bytes?: number;
}

type Headers = Readonly<Record<string, string>>;

export function configure(command: Command, io: Io, finish: Finish): void {
  const inner = (words: string, description: string): Command =>
    agentOptions(command.command(words)).description(description).option('--json', 'machine-readable result');
  inner('add <name>', 'add a key and print it; it is shown this once')
    .addOption(new Option('--scope <scopes...>', 'what it may do (default: read work infer)').choices(SCOPES))
    .option('--requests <n>', 'most requests a day (UTC)', whole)
    .option('--tasks <n>', 'most tasks a day', whole)
    .option('--tokens <n>', 'most tokens of models a day', whole)
    .option('--bytes <n>', 'most bytes of requests and answers a day', whole)
    .action(async (name: string, flags: AddFlags) =>
      finish(await withKeys(flags, io, (api, headers) => add(api, headers, name, flags, io))),
    );
  inner('list', 'names, scopes and quotas; never the keys').action(async (flags: KeyFlags) =>
    finish(await withKeys(flags, io, (api, headers) => list(api, headers, flags, io))),
  );
  inner('revoke <name>', 'end a key at once; what it made stays sealed and logged').action(
    async (name: string, flags: KeyFlags) =>
      finish(await withKeys(flags, io, (api, headers) => revoke(api, headers, name, flags, io))),
  );
  inner('usage', 'what each key used, by day')
    .option('--days <n>', 'how many days, today included (default: 30)', whole)
    .action(async (flags: KeyFlags & { readonly days?: number }) =>
      finish(await withKeys(flags, io, (api, headers) => usage(api, headers, flags, io))),
    );
}

function whole(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 0.');
  return Number(text);
}

/** The clients' key has no business here: the operator's goes alone. */
function withKeys(flags: KeyFlags, io: Io, work: (api: AgentApi, headers: Headers) => Promise<ExitCode>): Promise<ExitCode> {
  const headers = operatorKeyHeader(io);
  return withAgent(
    () => agentOf({ ...flags, apiKey: null }, io),
    io,
    flags,
    (agent) => work(agentApi(agent), headers),
  );
}

async function add(api: AgentApi, headers: Headers, name: string, flags: AddFlags, io: Io): Promise<ExitCode> {
  const quotas = Object.fromEntries(COUNTS.flatMap((count) => (flags[count] === undefined ? [] : [[count, flags[count]]])));
  const scopes = flags.scope === undefined ? {} : { scopes: flags.scope };
  const added = await api.post('api/operator/keys', { name, ...scopes, quotas }, headers);
  // The key alone, so that KEY=$(assay keys add name) holds it.
  io.stdout(flags.json === true ? jsonText(added) : `${printable(String(added.key))}\n`);
  return EXIT.accepted;
}

async function list(api: AgentApi, headers: Headers, flags: KeyFlags, io: Io): Promise<ExitCode> {
  const { keys } = (await api.get('api/operator/keys', headers)) as { readonly keys?: readonly JsonObject[] };
  if (flags.json === true) io.stdout(jsonText({ keys: keys ?? [] }));
  else if ((keys ?? []).length === 0) io.stdout('no keys were added; that of ASSAY_API_KEY is not listed\n');
  else io.stdout(table([['name', 'state', 'may', 'most a day'], ...(keys ?? []).map(keyLine)], { columns: io.columns }));
  return EXIT.accepted;
}

function keyLine({ name, scopes, quotas, revoked_at: revokedAt }: JsonObject): [string, string, string, string] {
  const limits = Object.entries((quotas ?? {}) as JsonObject).map(([count, most]) => `${String(most)} ${count}`);
  return [
    printable(String(name)),
    revokedAt === null ? 'good' : `revoked ${printable(String(revokedAt))}`,
    printable(((scopes ?? []) as readonly string[]).join(' ')),
    printable(limits.join(', ') || 'no limit'),
  ];
}

async function revoke(api: AgentApi, headers: Headers, name: string, flags: KeyFlags, io: Io): Promise<ExitCode> {
  const revoked = await api.delete(`api/operator/keys/${encodeURIComponent(name)}`, headers).catch(async (error: unknown) => {
    throw (ClientError.is(error) && error.code === 'client/not-found' && (await meantKey(api, headers, name))) || error;
  });
  if (flags.json === true) io.stdout(jsonText(revoked));
  else io.stdout(`${printable(String(revoked.name))}: revoked ${printable(String(revoked.revoked_at))}\n`);
  return EXIT.accepted;
}

/** The error that names the key which was probably meant; `null` when none is near. */
async function meantKey(api: AgentApi, headers: Headers, name: string): Promise<CliError | null> {
  const listed = await api.get('api/operator/keys', headers).catch((): JsonObject => ({})); // the refusal is what counts
  const keys = (listed.keys ?? []) as readonly JsonObject[];
  const near = nearest(
    name,
    keys.map((key) => String(key.name)),
  );
  if (near === null) return null;
  return new CliError(
    'cli/bad-option',
    `expected the name of a key, got ${JSON.stringify(name.slice(0, 80))}; did you mean ${printable(near)}?`,
  );
}

async function usage(api: AgentApi, headers: Headers, flags: KeyFlags & { readonly days?: number }, io: Io): Promise<ExitCode> {
  const report = await api.get(`api/operator/usage${flags.days === undefined ? '' : `?days=${flags.days}`}`, headers);
  const rows = (report.usage ?? []) as readonly JsonObject[];
  if (flags.json === true) io.stdout(jsonText(report));
  else if (rows.length === 0) io.stdout('no key was used in these days\n');
  else {
    const lines = rows.map(({ day, name, ...used }) => [
      printable(String(day)),
      printable(String(name ?? 'a former ASSAY_API_KEY')),
      ...COUNTS.map((count) => String(used[count])),
    ]);
    io.stdout(table([['day', 'key', ...COUNTS], ...lines], { columns: io.columns }));
  }
  return EXIT.accepted;
}
