/** What the two arguments of a comparison name: a GGUF file, a model of the models folder, or an endpoint, which is verified first when it is an agent. */

import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Policy, Trust } from '@assay/attestation';
import { type IdentifiedModel, identifyModel, type PlanParty, providerOf } from '@assay/models';
import { dataFolder } from '../../command-line/data-folder.ts';
import { CliError } from '../../command-line/errors.ts';
import type { Io } from '../../command-line/io.ts';
import { modelPaths, NATIVE_HASH, type NamedPath, withModelFiles } from '../../command-line/model-files.ts';
import { type Agent, connect } from '../../index.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';

export interface FileParty {
  readonly kind: 'file';
  readonly name: string;
  readonly path: NamedPath;
  readonly model: IdentifiedModel;
}

export interface EndpointParty {
  readonly kind: 'endpoint';
  readonly name: string;
  readonly endpoint: Endpoint;
}

export type Party = FileParty | EndpointParty;

export interface PartyOptions {
  readonly policy: Policy;
  readonly trust: Trust;
  /** An endpoint must be an attested agent. */
  readonly attested: boolean;
  /** Kind of TEE that an agent must have; `null` for any. */
  readonly provider: string | null;
  readonly apiKey: string | null;
}

/**
 * @throws {CliError} `cli/file-unreadable` for a model that is not there, `cli/evidence-refused`; the errors of {@link connect} for an agent that
 * is not what the policy wants.
 */
export async function partyOf(argument: string, options: PartyOptions, io: Io): Promise<Party> {
  if (/^https?:\/\//i.test(argument) && URL.canParse(argument)) return endpointParty(new URL(argument), options, io);
  const path = await fileOf(argument, io);
  const model = await withModelFiles([path], (sources) => identifyModel(sources, NATIVE_HASH), io.signal);
  return { kind: 'file', name: argument, path, model };
}

/** The file itself, or the model of that name in the models folder. */
async function fileOf(argument: string, io: Io): Promise<NamedPath> {
  const folder = join(dataFolder(io), 'models');
  const { CATALOGUE } = await import('@assay/agent');
  const known = CATALOGUE.find(({ name }) => name === argument);
  const places = [
    resolve(io.cwd, argument),
    ...[known?.file, argument, `${argument}.gguf`].filter((name) => name !== undefined).map((name) => resolve(folder, name)),
  ];
  for (const place of places)
    if ((await stat(place).catch(() => null))?.isFile() === true) {
      const [path, ...more] = await modelPaths(io, place);
      if (path !== undefined && more.length === 0) return path;
      throw new CliError(
        'cli/bad-option',
        `expected a model in one file, got parts in ${argument}; join them with llama-gguf-split --merge`,
      );
    }
  const fetch = known === undefined ? `put ${argument}.gguf into ${folder}` : `fetch it with assay model fetch ${argument}`;
  throw new CliError(
    'cli/file-unreadable',
    `expected a GGUF file, a model in ${folder} or an address, got ${JSON.stringify(argument.slice(0, 200))}; ${fetch}`,
  );
}

async function endpointParty(url: URL, options: PartyOptions, io: Io): Promise<EndpointParty> {
  const agent = await agentAt(url, options, io);
  const { apiKey } = options;
  const endpoint = openEndpoint({
    url: agent === null ? url : new URL(agent.baseURL),
    fetch: io.fetch,
    apiKey,
    agent,
    signal: io.signal,
  });
  return { kind: 'endpoint', name: url.href, endpoint };
}

/**
 * The verified agent at the address; `null` where there is no agent. One that is there and not accepted is an error: nothing is sent to it.
 * @throws {CliError} `cli/evidence-refused`.
 */
async function agentAt(url: URL, { policy, trust, attested, provider, apiKey }: PartyOptions, io: Io): Promise<Agent | null> {
  const root = new URL(url);
  root.pathname = root.pathname.replace(/\/v\d+\/?$/, '/');
  if (!attested && !(await offersReport(root, io))) return null;
  const key = apiKey === null ? {} : { apiKey };
  const agent = await connect(root, { policy, trust, now: () => io.now(), fetch: io.fetch, signal: io.signal, ...key });
  const { verdict } = agent.attested;
  const found = verdict.claims.type === null ? null : (providerOf(verdict.claims.type) ?? verdict.claims.type);
  if (provider === null || provider === found || (provider === 'mock' && verdict.simulated)) return agent;
  throw new CliError(
    'cli/evidence-refused',
    `expected an agent with the TEE ${provider}, got ${String(found)} at ${url.origin}; name that one, or leave --tee-provider out`,
  );
}

async function offersReport(root: URL, io: Io): Promise<boolean> {
  const url = new URL(`${root.pathname.replace(/\/$/, '')}/v1/aci/attestation?nonce=${'0'.repeat(64)}`, root);
  try {
    const answer = await io.fetch(url, {
      redirect: 'error',
      signal: AbortSignal.any([io.signal, AbortSignal.timeout(20_000)]),
    });
    await answer.body?.cancel();
    return answer.status === 200 && (answer.headers.get('content-type') ?? '').includes('json');
  } catch {
    return false;
  }
}

/** As it stands in the plan. */
export function planParty(
  party: Party,
  profile: { readonly modelHash: string; readonly profileHash: string } | null,
): PlanParty {
  const hashes = { model_hash: profile?.modelHash ?? null, profile_hash: profile?.profileHash ?? null };
  if (party.kind === 'file')
    return { kind: 'file', name: party.name, keyset_hash: null, ...hashes, model_hash: party.model.digest };
  const keyset = party.endpoint.agent?.attested.report.keysetDigest ?? null;
  return { kind: 'endpoint', name: party.name, keyset_hash: keyset, ...hashes };
}
