/**
 * `POST /api/v1/prompt` (seed 001): one question to a model, answered under the agent key. Tools of a request are the caller's: calls of
 * the model are returned, never made. Tools that the owners registered are called here, until the model answers (`tool-loop.ts`).
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson, type Json, type JsonObject, parseJson, parseLooseJson } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import { answerText, bytesOf, OperatorError, personalDigest, type SeedAnswer, seedAnswerText } from '@assay/operator';
import { digestBytes } from '@assay/receipt';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { Upstream, UpstreamStanding } from '../ports/upstream.ts';
import { estimatedTokens } from '../tasks/token-usage.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import { openDraft } from './owner-receipt.ts';
import { ToolLoop, type ToolSigners } from './tool-loop.ts';
import type { Variables } from './variables.ts';

export interface PromptPorts {
  /** Serves the agent's own model. */
  readonly upstream: Upstream;
  /** OpenRouter under a key of the owners, used when the variable `openrouter_api_key` is set. */
  readonly openRouter: (apiKey: string) => Upstream;
  /** Prompts go to verified upstreams only. */
  readonly verifiedOnly: boolean;
  /** What signs for registered tools. */
  readonly signers: ToolSigners;
}

/** What a prompt came with. */
export interface PromptRequest extends OperatorRequest {
  readonly signal: AbortSignal;
}

/** An answer, and the receipt it stands in. */
export interface PromptAnswer {
  readonly bytes: Uint8Array;
  readonly receiptId: string;
  /** What the prompt cost. */
  readonly tokens: number;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const OPENROUTER_MODEL = 'openai/gpt-4.1-mini';

const member = z.record(z.string(), z.json());
const requestSchema = z.strictObject({
  model: z.string().min(1).max(200).nullish(),
  system_prompt: z.string().nullish(),
  messages: z.array(member).min(1).max(10_000),
  tools: z.array(member).max(1000).nullish(),
  tool_choice: z.union([z.string(), member]).default('auto'),
  max_tokens: z.number().int().min(1).max(1_000_000).default(350),
});
type Prompt = z.output<typeof requestSchema>;

const replySchema = z.looseObject({
  model: z.string().optional(),
  provider: z.string().optional(),
  system_fingerprint: z.string().nullish(),
  usage: z
    .looseObject({ total_tokens: z.number().int().min(0).nullish() })
    .nullish()
    .catch(null),
  choices: z
    .array(
      z.looseObject({
        finish_reason: z.string().nullish(),
        message: z.looseObject({ content: z.string().nullish(), tool_calls: z.array(z.json()).nullish() }),
      }),
    )
    .min(1),
});
type Reply = z.output<typeof replySchema>;

/** Where a prompt goes. */
interface Route {
  readonly upstream: Upstream;
  readonly model: string;
  /** OpenRouter's `provider` member, from the variable `openrouter_provider`. */
  readonly provider: Json | null;
}

/**
 * Answers one prompt. The receipt is durable when this resolves.
 * @throws {ServerError} `http/bad-json`, `task/bad-input`, `upstream/not-verified`, `model/…`; {OperatorError} `operator/paused`.
 */
export async function answerPrompt(
  operator: Operator,
  variables: Variables,
  identity: Identity,
  ports: PromptPorts,
  request: PromptRequest,
): Promise<PromptAnswer> {
  const prompt = readPrompt(request.bytes);
  await identity.inForce();
  await operator.fresh();
  const draft = openDraft(operator.ledger, 'prompt', request);
  operator.prompts.set(draft.receiptId, request.access);
  try {
    if (operator.control.paused.value)
      throw new OperatorError('operator/paused', 'an owner paused signing; owners resume it with SetPaused');
    const route = routeOf(prompt, variables, ports);
    const tools = new ToolLoop(variables, ports.signers, { draft, request, signal: request.signal });
    tools.refuseTaken(prompt.tools ?? []);
    const conversed = await converse(prompt, route, draft, ports, tools, request.signal);
    return await sealAnswer(operator, identity, draft, prompt, route, conversed);
  } catch (error) {
    if (!isCoded(error)) await operator.ledger.discard(draft);
    else {
      draft.append({ type: 'task.failed', code: error.code });
      await operator.ledger.seal(draft);
    }
    throw error;
  } finally {
    operator.prompts.delete(draft.receiptId);
  }
}

function readPrompt(bytes: Uint8Array): Prompt {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'malformed';
    throw new ServerError('http/bad-json', `the body is not valid JSON: ${why}`, { cause });
  }
  const checked = requestSchema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new ServerError('task/bad-input', `${z.core.toDotPath(issue?.path ?? []) || 'body'}: ${issue?.message ?? 'malformed'}`);
}

function routeOf(prompt: Prompt, variables: Variables, ports: PromptPorts): Route {
  const set = (name: string): string => (variables.declares(name) ? variables.value(name) : '');
  const apiKey = set('openrouter_api_key');
  const chosen = prompt.model ?? (set('model') || null);
  if (apiKey === '') return { upstream: ports.upstream, model: chosen ?? ports.upstream.defaultModel, provider: null };
  const pinned = set('openrouter_provider');
  return {
    upstream: ports.openRouter(apiKey),
    model: chosen ?? OPENROUTER_MODEL,
    provider: pinned === '' ? null : parseJson(pinned),
  };
}

/** The last reply, and the tokens of all of them. */
interface Conversed {
  readonly reply: Reply;
  readonly tokens: number;
}

/** Asks the model, runs the registered tools that it calls, and asks again, until it answers or calls a tool of the caller. */
async function converse(
  prompt: Prompt,
  route: Route,
  draft: ReceiptDraft,
  ports: PromptPorts,
  tools: ToolLoop,
  signal: AbortSignal,
): Promise<Conversed> {
  const { upstream, model } = route;
  const standing = await upstream.standing(model);
  noteStanding(draft, route, standing, ports);
  const body = chatBody(prompt, route, tools.declarations);
  let messages = body.messages as readonly Json[];
  let tokens = 0;
  for (let round = 1; ; round += 1) {
    // A caller that wants a tool called has it called once; after that the model may answer.
    const choice = round === 1 || body.tools === undefined ? {} : { tool_choice: 'auto' };
    const sent = utf8(JSON.stringify({ ...body, ...choice, messages }));
    const reply = await ask(sent, route, standing, draft, { round, signal });
    const { message } = reply.choices[0] ?? { message: {} };
    tokens += reply.usage?.total_tokens ?? estimatedTokens(sent.length + JSON.stringify(message).length);
    const results = await tools.run(message.tool_calls ?? []);
    if (results === null) return { reply, tokens };
    messages = [
      ...messages,
      { role: 'assistant', content: message.content ?? null, tool_calls: message.tool_calls ?? [] },
      ...results,
    ];
  }
}

function noteStanding(draft: ReceiptDraft, { upstream, model }: Route, standing: UpstreamStanding, ports: PromptPorts): void {
  const required = ports.verifiedOnly || upstream.attestable;
  const about = { type: 'upstream.verified', result: standing.result, required, model_id: model };
  if (standing.result === 'verified') {
    draft.append({ ...about, session_id: standing.session.sessionId });
    draft.session('upstream-session', utf8(canonicalJson(standing.session.document)));
    return;
  }
  draft.append({ ...about, reason: standing.reason, upstream_name: upstream.name });
  if (required)
    throw new ServerError(
      'upstream/not-verified',
      `${upstream.name} is not verified: ${standing.reason}; nothing was sent to it`,
    );
}

async function ask(
  sent: Uint8Array,
  { upstream, model, provider }: Route,
  standing: UpstreamStanding,
  draft: ReceiptDraft,
  { round, signal }: { readonly round: number; readonly signal: AbortSignal },
): Promise<Reply> {
  const named = (name: string): string => (round === 1 ? name : `${name}-${round}`);
  draft.append({ type: 'request.forwarded', body_hash: digestBytes(sent) });
  const answer = await upstream.forward({ path: '/v1/chat/completions', body: sent, signal }, standing);
  const refuse = (): ServerError =>
    new ServerError('model/too-large', `the model's endpoint sent more than ${MAX_ANSWER_BYTES} bytes; ask for less`);
  const received = await readAtMost(answer.body, { most: MAX_ANSWER_BYTES, what: upstream.name, refuse });
  const reply = parseReply(answer.status, received, upstream.name);
  const proof = (await answer.finish?.({ sent, received })) ?? null;
  // A model that ran here says itself how it was called; of a recorded answer the event below says more.
  const own = proof?.payload == null ? null : { event: proof.event, payload: proof.payload };
  if (own?.event.type !== 'model.called') {
    draft.append({
      type: 'model.called',
      provider: upstream.name,
      model: reply.model ?? model,
      provenance: standing.result === 'verified' ? 'attested' : upstream.name === 'recorded' ? 'recorded' : 'unverified',
      request_hash: draft.payload(named('model-request'), 'application/json', sent),
      response_hash: draft.payload(named('model-response'), 'application/json', received),
      finish_reason: reply.choices[0]?.finish_reason ?? null,
      served_by: reply.provider ?? null,
      system_fingerprint: reply.system_fingerprint ?? null,
      provider_pinned: provider !== null,
    });
  }
  if (own !== null) {
    draft.payload(named(own.payload.name), own.payload.mediaType, own.payload.bytes);
    draft.append(own.event);
  }
  return reply;
}

function chatBody(prompt: Prompt, { model, provider }: Route, registered: readonly JsonObject[]): JsonObject {
  const { system_prompt: system, messages, tools, tool_choice: choice, max_tokens: most } = prompt;
  const whole = (system ?? '') === '' ? messages : [{ role: 'system', content: system ?? '' }, ...messages];
  const all = [...(tools ?? []), ...registered];
  return {
    model,
    messages: whole,
    ...(all.length === 0 ? {} : { tools: all, tool_choice: choice }),
    max_tokens: most,
    stream: false,
    ...(provider === null ? {} : { provider }),
  };
}

function parseReply(status: number, received: Uint8Array, name: string): Reply {
  if (status >= 400)
    throw new ServerError('model/refused', `${name} answered ${status}; look at the model's name and key, then ask again`);
  try {
    return replySchema.parse(parseLooseJson(decodeUtf8(received)));
  } catch (cause) {
    throw new ServerError('model/bad-reply', `${name} gave no chat completion; check what its address points to`, { cause });
  }
}

/** Signs and seals in one turn, so that the agent key is of the keyset that seals. */
async function sealAnswer(
  operator: Operator,
  identity: Identity,
  draft: ReceiptDraft,
  prompt: Prompt,
  route: Route,
  { reply, tokens }: Conversed,
): Promise<PromptAnswer> {
  const { message } = reply.choices[0] ?? { message: {} };
  const answer: SeedAnswer = {
    model: reply.model ?? route.model,
    response: { content: message.content ?? null, tool_calls: message.tool_calls ?? null },
    messages: prompt.messages,
    tools: prompt.tools ?? null,
    system_prompt: prompt.system_prompt ?? null,
  };
  const { agentId, keyring, manifest } = operator;
  const signer = keyring.agent;
  const context = {
    agent_id: agentId,
    keyset_digest: identity.keysetDigest,
    receipt_id: draft.receiptId,
    tool_choice: prompt.tool_choice,
    max_tokens: prompt.max_tokens,
  };
  const seed = manifest.compatibility !== null;
  const text = seed ? seedAnswerText(answer) : answerText(answer, context);
  const signature = signer.signDigest(bytesOf(personalDigest(text)));
  draft.append({
    type: 'message.signed',
    scheme: seed ? 'eip191/seed-001' : 'eip191/assay-answer-1',
    signer: signer.address,
    message_hash: draft.payload('signed-answer', 'text/plain', utf8(text)),
    signature_hash: digestBytes(bytesOf(signature)),
  });
  const body = {
    ...answer,
    signature,
    signed_response: text,
    ...context,
    tee_public_key: signer.address,
    provider: reply.provider ?? route.upstream.name,
    system_fingerprint: reply.system_fingerprint ?? null,
    wallet_kept: operator.kept,
  };
  const bytes = utf8(JSON.stringify(body));
  draft.append({ type: 'response.returned', body_hash: digestBytes(bytes) });
  await operator.ledger.seal(draft);
  return { bytes, receiptId: draft.receiptId, tokens };
}
