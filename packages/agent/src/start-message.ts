/** What the agent says when it is up: what it found, what is missing, and in red what is not real. */

import { styleText } from 'node:util';
import { CATALOGUE, RECOMMENDED_MODEL } from './adapters/models/embedded/catalogue.ts';
import { engineRefusal } from './adapters/models/embedded/engine-package.ts';
import type { Config } from './config.ts';
import type { AgentStatus } from './http/schemas/status.ts';
import type { RunningAgent } from './main.ts';

export interface StartMessageOptions {
  /** Whether the reader's terminal shows colours. */
  readonly color: boolean;
}

/**
 * The message, several lines, ending with a newline.
 * @example process.stderr.write(await startMessage(agent, config, { color: process.stderr.isTTY }));
 */
export async function startMessage(agent: RunningAgent, config: Config, options: StartMessageOptions): Promise<string> {
  const { version, tee, model, sandbox, store, log } = await agent.status();
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  const line = (label: string, text: string): string => `  ${paint('dim', label.padEnd(9))}${text}`;
  const alarm = (text: string): string => paint(['red', 'bold'], text);
  const lines = [
    '',
    `${paint('bold', 'Assay')} ${version} is up at ${paint(['cyan', 'underline'], agent.url)}`,
    '',
    line(
      'TEE',
      tee.simulated ? `${alarm('SIMULATED')}: evidence has the form of AWS Nitro documents and proves nothing` : tee.name,
    ),
    line('model', modelText(model, config, alarm)),
    line('sandbox', sandboxText(sandbox)),
    ...(sandbox.lane === 'opening' ? [] : [line('packages', packagesText(sandbox))]),
    line('network', config.sandbox.network.mode === 'none' ? 'closed for code' : networkText(config)),
    line('store', `${store.name} in ${config.dataDir}, log ${log.origin}`),
    line('access', config.apiKey === null ? 'this machine only, no API key' : 'API key needed'),
    line('console', agent.consoleBuilt ? `${agent.url}/developer` : 'not built; run npm run build:web'),
  ];
  const missing = [
    ...refusedLanes(agent),
    ...(agent.absentTees.length > 0 ? [`no TEE found (looked for ${agent.absentTees.join(', ')})`] : []),
    ...config.warnings,
  ];
  if (missing.length > 0) lines.push('', ...missing.map((text) => `  ${paint('yellow', '-')} ${text}`));
  return `${lines.join('\n')}\n\n`;
}

/** Without a model, the one command that brings one. */
function modelText(
  { recorded, provider, model, reachable, detail }: AgentStatus['model'],
  config: Config,
  alarm: (text: string) => string,
): string {
  const isSmall = provider === 'embedded' && CATALOGUE.some(({ name, writes }) => name === model && writes === 'words');
  const small = isSmall ? `; ${alarm('WORDS ONLY')}, no programs: ${anotherModel()}` : '';
  if (!recorded) return `${provider}: ${reachable ? detail : alarm(detail)}${small}`;
  if (config.model.provider === 'recorded' || engineRefusal() !== null) return `${alarm('RECORDED')}: ${detail}`;
  return `${alarm('NONE IS CONNECTED')}: only recorded demos are answered; ${anotherModel()}`;
}

function anotherModel(): string {
  const { title, bytes } = RECOMMENDED_MODEL;
  return `npx assay model fetch brings ${title} (${Math.ceil(bytes / 1024 / 1024)} MB)`;
}

function sandboxText({ lane, isolation, languages }: AgentStatus['sandbox']): string {
  if (lane === 'opening') return 'being opened (the first start prepares Python); tasks wait for it';
  return `${lane} (isolation ${isolation}), ${languages.join(', ')}`;
}

function packagesText({ packages }: AgentStatus['sandbox']): string {
  const python = packages.python ?? [];
  return python.length > 0
    ? `${python.slice(0, 4).join(', ')}${python.length > 4 ? ` and ${python.length - 4} more` : ''} for Python`
    : 'none for Python; npx assay sandbox install brings numpy, pandas and matplotlib';
}

function refusedLanes(agent: RunningAgent): readonly string[] {
  return agent.refusedLanes.map(({ lane, reason }) => `sandbox lane ${lane}: ${reason}`);
}

/** For when a sandbox that was being opened is open: which, and which lanes were passed over. */
export async function sandboxMessage(agent: RunningAgent): Promise<string> {
  const { sandbox } = await agent.status();
  const lines = [
    `  sandbox  ${sandboxText(sandbox)}`,
    `  packages ${packagesText(sandbox)}`,
    ...refusedLanes(agent).map((text) => `  - ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}

function networkText(config: Config): string {
  const { mode, hosts } = config.sandbox.network;
  const listed = hosts.length === 0 ? '' : hosts.join(', ');
  if (mode === 'listed') return `open for code to ${listed}`;
  return `closed for code, except public hosts a request names${listed === '' ? '' : ` and ${listed}`}`;
}
