/**
 * The tools of `assay mcp`: verify evidence, ask a verified agent, run a task and fetch what it left, fetch a receipt. Every result carries the
 * verdict with its scope; a tool that could not verify says so as an error, never as an answer.
 */

import { collectEndorsements, type PolicyPreset, type Trust } from '@assay/attestation';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { isCoded } from '@assay/encoding/coded-error';
import { MAX_BUNDLE_BYTES } from '@assay/receipt';
import { z } from 'zod';
import type { Io } from '../command-line/io.ts';
import { addressOption, instantOption, trustOption } from '../command-line/options.ts';
import { jsonText } from '../command-line/output.ts';
import { isRecorded, RECORDED_MEANING } from '../connection/recorded-answer.ts';
import { type Agent, ClientError, connect, type Verdict, verdictDocument, verdictOf, verify, verifyBundle } from '../index.ts';
import { evidenceBytes } from './evidence-source.ts';
import type { ToolCall } from './progress.ts';
import { createReach } from './reach.ts';
import { cutText, shortVerdict } from './short-text.ts';
import { FETCH_ARTIFACT_INPUT, fetchArtifact, RUN_TASK_INPUT, runTask, type ToolAnswer } from './task-tools.ts';

/** Of an answer of `ask_agent`, and of the words of an error. Characters. */
const MOST_ANSWER = 48_000;
const MOST_MESSAGE = 3000;

export interface ToolSettings {
  /** Roots that the operator of this server named; assistants cannot name one. */
  readonly trust: Trust;
  /** Files may be read below the working directory only when the operator said so. */
  readonly files: boolean;
  /** The one agent that gets the key, and that may be on a private address. */
  readonly agent: URL | null;
  readonly apiKey: string | null;
}

const policyName = z
  .enum(['strict', 'moderate', 'relaxed'])
  .optional()
  .describe('appraisal policy; default: authentic, not debuggable, firmware up to date');
const agentUrl = z.string().url().describe('address of the agent');

export const TOOL_INPUTS = {
  verify_evidence: {
    evidence: z
      .string()
      .describe('the evidence itself as text (JSON, PEM, hex, base64), a URL, or a file name when this server may read files'),
    encoding: z.enum(['text', 'base64', 'url', 'file']).default('text'),
    companions: z
      .array(z.string())
      .max(32)
      .optional()
      .describe('collateral, certificates, key sets: text, or file names with encoding file'),
    at: z.string().optional().describe('verify at this RFC 3339 instant instead of now'),
    nonce: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    policy: policyName,
  },
  ask_agent: { url: agentUrl, question: z.string().min(1), model: z.string().optional(), policy: policyName },
  run_task: { url: agentUrl, ...RUN_TASK_INPUT, policy: policyName },
  fetch_artifact: { url: agentUrl, ...FETCH_ARTIFACT_INPUT, policy: policyName },
  fetch_receipt: { url: agentUrl, receipt_id: z.string().regex(/^rcpt_[0-9a-f]{32}$/), policy: policyName },
} as const;

type Input<Name extends keyof typeof TOOL_INPUTS> = z.infer<z.ZodObject<(typeof TOOL_INPUTS)[Name]>>;

/** A tool's answer as MCP carries it: JSON text, and whether it is an error. */
export interface ToolResult {
  readonly [key: string]: unknown;
  readonly content: { readonly type: 'text'; readonly text: string }[];
  readonly isError?: boolean;
}

export interface Tools {
  verifyEvidence(input: Input<'verify_evidence'>): Promise<ToolResult>;
  askAgent(input: Input<'ask_agent'>): Promise<ToolResult>;
  runTask(input: Input<'run_task'>, call?: ToolCall): Promise<ToolResult>;
  fetchArtifact(input: Input<'fetch_artifact'>, call?: ToolCall): Promise<ToolResult>;
  fetchReceipt(input: Input<'fetch_receipt'>): Promise<ToolResult>;
}

export function createTools(io: Io, settings: ToolSettings): Tools {
  const { trust } = settings;
  const reach = createReach(io, settings);
  const source = { io, reach, files: settings.files };
  const open = (address: string, policy: PolicyPreset | undefined): Promise<Agent> => {
    const url = addressOption('url', address);
    return connect(url, { policy, trust, ...reach.optionsFor(url), now: () => io.now() });
  };
  const bundleOf = async (agent: Agent, url: string, receiptId: string, policy: PolicyPreset | undefined): Promise<Verdict> => {
    const answer = await agent.fetch(new URL(`bundles/${receiptId}`, url.endsWith('/') ? url : `${url}/`));
    if (!answer.ok)
      throw new ClientError(
        'client/receipt-missing',
        `expected the bundle of receipt ${receiptId}, got status ${answer.status}; do not rely on the answer`,
      );
    const bytes = await readAtMost(answer.body, { most: MAX_BUNDLE_BYTES, what: url });
    return verifyBundle(bytes, { now: io.now(), policy, trust });
  };

  return {
    verifyEvidence: (input) =>
      guarded(async () => {
        const bytes = await evidenceBytes(input.evidence, input.encoding, source);
        const companions = await Promise.all(
          (input.companions ?? []).map((text) => evidenceBytes(text, input.encoding === 'file' ? 'file' : 'text', source)),
        );
        const verdict = await verify(bytes, {
          now: input.at === undefined ? io.now() : instantOption('at', input.at),
          policy: input.policy,
          expected: input.nonce === undefined ? {} : { nonce: input.nonce },
          collateral: collectEndorsements(companions.map((content, index) => ({ name: `companion-${index}`, bytes: content }))),
          trust,
        });
        return wholeVerdict({}, verdict);
      }),
    askAgent: ({ url, question, model, policy }) =>
      guarded(async () => {
        const agent = await open(url, policy);
        const { text: answer, receipt } = await agent.chat(question, { model });
        const { verdict } = agent.attested;
        const { text, left } = cutText(answer, MOST_ANSWER);
        const note = left === 0 ? {} : { shortened: `${left} characters left out; ask for less` };
        return {
          members: {
            answer: text,
            ...note,
            ...(isRecorded(receipt) ? { recorded: RECORDED_MEANING } : {}),
            receipt_id: receipt.receipt_id,
            verdict: shortVerdict(verdict),
          },
          verdict,
          failed: false,
        };
      }),
    runTask: ({ url, policy, ...input }, call = quietly(io)) =>
      guarded(async () => runTask(await open(url, policy), input, call, source)),
    fetchArtifact: ({ url, policy, ...input }, call = quietly(io)) =>
      guarded(async () => fetchArtifact(await open(url, policy), input, call)),
    fetchReceipt: ({ url, receipt_id, policy }) =>
      guarded(async () => wholeVerdict({ receipt_id }, await bundleOf(await open(url, policy), url, receipt_id, policy))),
  };
}

/** All of a verdict, for the tools whose answer it is. */
function wholeVerdict(members: Readonly<Record<string, unknown>>, verdict: Verdict): ToolAnswer {
  return { members: { ...members, verdict: verdictDocument(verdict) }, verdict, failed: false };
}

function quietly(io: Io): ToolCall {
  return { signal: io.signal, progress: () => undefined };
}

/** What was verified goes out as JSON; work that failed and a coded error go out as tool errors, the latter with its verdict when there is one. */
async function guarded(work: () => Promise<ToolAnswer>): Promise<ToolResult> {
  try {
    const { members, verdict, failed } = await work();
    const isError = failed || verdict.outcome !== 'accepted';
    return { content: [{ type: 'text', text: jsonText(members) }], ...(isError ? { isError } : {}) };
  } catch (error) {
    if (!isCoded(error)) throw error;
    const verdict = verdictOf(error);
    const { code, kind } = error;
    const message = cutText(error.message, MOST_MESSAGE).text;
    const answer = { error: { code, kind, message }, verdict: verdict === null ? null : shortVerdict(verdict) };
    return { isError: true, content: [{ type: 'text', text: jsonText(answer) }] };
  }
}

/** Reads the settings of a server once, so that a wrong file is an error at start. */
export async function toolSettings(
  io: Io,
  flags: { readonly simulatedRoot?: string; readonly allowFiles?: boolean; readonly agent?: string; readonly apiKey?: string },
): Promise<ToolSettings> {
  const named = flags.agent ?? io.env.ASSAY_URL ?? '';
  return {
    trust: await trustOption(io, flags),
    files: flags.allowFiles === true,
    agent: named === '' ? null : addressOption('--agent', named),
    apiKey: flags.apiKey ?? io.env.ASSAY_API_KEY ?? null,
  };
}
