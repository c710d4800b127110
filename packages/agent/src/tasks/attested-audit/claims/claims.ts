/**
 * What the agent's model says of audited sources (spec/contract-audit.md §6). Each finding of it is claimed; one whose exploit broke its
 * invariant in a run is demonstrated. Neither changes the audit: its hash and its rule are made of the analyser's findings alone.
 */

import { buildHash, digestOf } from '@assay/contracts';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson } from '@assay/encoding/json';
import { z } from 'zod';
import type { ModelReply } from '../../../ports/model.ts';
import { type KeptFile, keepFile } from '../../kept-file.ts';
import { recordNoReply, recordReply } from '../../model-record.ts';
import type { TaskContext } from '../../task.ts';
import type { Demonstration, demonstrate, ExploitWork } from './demonstrate.ts';
import { claimsPrompt } from './prompt.ts';
import { type Claim, claimsIn } from './reply.ts';

/** Of one reply: several exploits with their contracts. */
const MOST_TOKENS = 16_384;
const NO_MACHINE = 'no virtual machine is installed; the operator runs: assay sandbox install --lane evm';

export const claimsSchema = z.object({
  model: z.string().nullable(),
  error: z.string().nullable().describe('why the model gave no findings'),
  omitted: z.array(z.string()).describe('sources that did not fit into the prompt'),
  findings: z.array(
    z.object({
      status: z.enum(['claimed', 'demonstrated']),
      title: z.string(),
      description: z.string(),
      source: z.string().nullable(),
      line: z.number().int().nullable(),
      invariant: z.string().nullable(),
      what: z.string().describe('what the run showed, or why it showed nothing'),
      case_hash: z.string().nullable(),
      observations_hash: z.string().nullable(),
    }),
  ),
});

export type Claims = z.infer<typeof claimsSchema>;
type ClaimedFinding = Claims['findings'][number];

export interface ClaimsWork extends Omit<ExploitWork, 'evm'> {}

/**
 * Asks the model and runs its exploits. A model that fails is an outcome.
 * @throws the reason of the task's signal, and errors without a code.
 */
export async function claimFindings(
  work: ClaimsWork,
  context: TaskContext,
): Promise<{ readonly claims: Claims; readonly file: KeptFile }> {
  const { messages, omitted } = claimsPrompt(ownSources(work), markOf(work));
  const asked = { place: 'claims', attempt: 1, promptHash: digestOf(messages.at(-1)?.content ?? '') };
  let reply: ModelReply | null = null;
  let error: string | null = null;
  try {
    reply = await context.ports.model.complete({ messages, temperature: 0, maxTokens: MOST_TOKENS, signal: context.signal });
    recordReply(context, asked, reply);
  } catch (cause) {
    const code = recordNoReply(context, asked, cause);
    if (context.signal.aborted || !isCoded(cause)) throw cause;
    error = `${code}: ${cause.message}`;
  }
  const found = reply === null ? [] : claimsIn(reply.text, work.project.input.sources);
  if (found === null) error = 'the reply holds no JSON object with findings';
  const findings = await settle(found ?? [], work, context);
  const claims: Claims = { model: reply?.model ?? null, error, omitted: [...omitted], findings };
  const document = { v: 'assay-claims/1', build_hash: buildHash(work.compilation.manifest), ...claims };
  const file = keepFile(context, '/audit/claims.json', 'application/json', canonicalJson(document));
  for (const { status, invariant, case_hash, observations_hash } of findings)
    context.draft.append({ type: `finding.${status}`, invariant, case_hash, observations_hash, claims_hash: file.hash });
  return { claims, file };
}

async function settle(found: readonly Claim[], work: ClaimsWork, context: TaskContext): Promise<ClaimedFinding[]> {
  const evm = found.length === 0 ? NO_MACHINE : machineOf(work, context);
  const settled: ClaimedFinding[] = [];
  for (const [index, claim] of found.entries()) {
    const { demonstrated, ...outcome } = await outcomeOf(claim, { ...work, evm }, { context, number: index + 1 });
    const { title, description, source, line, exploit } = claim;
    const invariant = exploit === null || typeof exploit === 'string' ? null : exploit.invariant;
    settled.push({
      status: demonstrated ? 'demonstrated' : 'claimed',
      title,
      description,
      source,
      line,
      invariant,
      ...outcome,
    });
  }
  return settled;
}

/** The program that runs exploits, or why there is none. */
function machineOf({ analyzer }: ClaimsWork, { draft }: TaskContext): ExploitWork['evm'] | string {
  try {
    const code = analyzer.evm();
    return code === null ? NO_MACHINE : { code, hash: draft.payload('claims/exploit.cjs', 'text/javascript', utf8(code)) };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return `${error.code}: ${error.message}`.slice(0, 500);
  }
}

async function outcomeOf(
  { exploit }: Claim,
  { evm, ...work }: ClaimsWork & { readonly evm: ExploitWork['evm'] | string },
  run: Parameters<typeof demonstrate>[2],
): Promise<Demonstration> {
  const nothing = (what: string): Demonstration => ({ demonstrated: false, what, case_hash: null, observations_hash: null });
  if (exploit === null) return nothing('the model gave no exploit');
  if (typeof exploit === 'string') return nothing(exploit);
  if (typeof evm === 'string') return nothing(evm);
  if (!work.analyzer.sandbox.capabilities.languages.includes('javascript'))
    return nothing('the sandbox of this agent runs no JavaScript');
  // It brings the Ethereum library, which no other work of an agent without a manifest needs.
  const { demonstrate } = await import('./demonstrate.ts');
  return demonstrate(exploit, { ...work, evm }, run);
}

function ownSources({ project, isDependency }: ClaimsWork): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(project.input.sources).filter(([name]) => !isDependency(name)));
}

/** Begins marker lines; follows from the sources, so that none of them can hold it. */
function markOf({ compilation }: ClaimsWork): string {
  return `=== ${compilation.manifest.input_hash.slice('sha256:'.length, 'sha256:'.length + 24)}`;
}
