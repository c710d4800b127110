/**
 * Runs the registered tools that a model calls (spec/operator.md §8). Each call is a `tool.called` event with its arguments and its result;
 * what a tool of the wallet asks for is decided like every other request, as that of a tool, and cites the receipt of the prompt.
 */

import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import { parseTools, type RegisteredTool, TOOLS_VARIABLE } from '@assay/operator';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import { callHttpTool, callMcpTool, type ToolAnswer } from './tool-endpoints.ts';
import type { Variables } from './variables.ts';
import type { Wallet } from './wallet.ts';
import type { WalletSignatures } from './wallet-signatures.ts';

/** Calls of tools while one prompt is answered. */
export const MOST_CALLS = 64;

const callSchema = z.looseObject({
  id: z.string().max(200),
  function: z.looseObject({ name: z.string(), arguments: z.string().max(256 * 1024) }),
});

/** What signs for a tool. */
export interface ToolSigners {
  readonly operator: Operator;
  readonly wallet: Wallet;
  readonly signatures: WalletSignatures;
}

/** The prompt that is being answered. */
export interface RunningPrompt {
  readonly draft: ReceiptDraft;
  readonly request: OperatorRequest;
  readonly signal: AbortSignal;
}

export class ToolLoop {
  readonly #tools: ReadonlyMap<string, RegisteredTool>;
  readonly #variables: Variables;
  readonly #signers: ToolSigners;
  readonly #prompt: RunningPrompt;
  #called = 0;

  /** @throws {OperatorError} `operator/tools-malformed`. */
  constructor(variables: Variables, signers: ToolSigners, prompt: RunningPrompt) {
    const text = variables.declares(TOOLS_VARIABLE) ? variables.value(TOOLS_VARIABLE) : '';
    this.#tools = new Map(parseTools(text).map((tool) => [tool.name, tool]));
    this.#variables = variables;
    this.#signers = signers;
    this.#prompt = prompt;
  }

  /** The registered tools as models take them. */
  get declarations(): readonly JsonObject[] {
    return [...this.#tools.values()].map(({ name, description, parameters }) => ({
      type: 'function',
      function: { name, description, parameters: parameters as Json },
    }));
  }

  /** @throws {ServerError} `task/bad-input` when a tool of the caller has the name of a registered one. */
  refuseTaken(tools: readonly JsonObject[]): void {
    for (const tool of tools) {
      const name = (tool.function as { readonly name?: unknown } | undefined)?.name;
      if (typeof name === 'string' && this.#tools.has(name))
        throw new ServerError(
          'task/bad-input',
          `tools: expected other names than ${name}, which the owners registered; rename it`,
        );
    }
  }

  /**
   * Runs the calls of one reply. `null` when there is none, or when one of them is the caller's to run: then all are.
   * @returns messages of role `tool`, in the order of the calls.
   * @throws {ServerError} `operator/too-many-tool-calls`.
   */
  async run(calls: readonly Json[]): Promise<readonly JsonObject[] | null> {
    const read = calls.map((call) => callSchema.safeParse(call).data ?? null);
    if (read.length === 0 || !read.every((call) => call !== null && this.#tools.has(call.function.name))) return null;
    const messages: JsonObject[] = [];
    for (const call of read) {
      if (call === null) continue;
      if (++this.#called > MOST_CALLS)
        throw new ServerError(
          'operator/too-many-tool-calls',
          `expected at most ${MOST_CALLS} calls of tools for one prompt, got more; ask for less at once`,
        );
      messages.push({ role: 'tool', tool_call_id: call.id, content: await this.#call(call) });
    }
    return messages;
  }

  async #call({ id, function: { name, arguments: text } }: z.output<typeof callSchema>): Promise<string> {
    const { draft } = this.#prompt;
    const at = `tool-${this.#called}`;
    const event = {
      type: 'tool.called',
      tool: name,
      call_id: id,
      arguments_hash: draft.payload(`${at}/arguments`, 'application/json', utf8(text)),
    };
    const answer = await this.#answer(name, id, text);
    const result = draft.payload(`${at}/result`, 'text/plain', utf8(answer.text));
    draft.append({ ...event, result_hash: result, status: answer.ok ? 'completed' : 'failed' });
    return answer.text;
  }

  /** A tool that fails says so to the model; only the end of the prompt ends its tools. */
  async #answer(name: string, callId: string, text: string): Promise<ToolAnswer> {
    const tool = this.#tools.get(name);
    if (tool === undefined) throw new Error('checked before');
    try {
      const args = parseJson(text === '' ? '{}' : text);
      if (typeof args !== 'object' || args === null || Array.isArray(args))
        return { ok: false, text: 'the arguments are no JSON object' };
      return await this.#run(tool, callId, args as JsonObject);
    } catch (error) {
      if (this.#prompt.signal.aborted) throw error;
      const why = isCoded(error) ? `${error.message} [${error.code}]` : 'the tool gave no usable answer';
      return { ok: false, text: why };
    }
  }

  async #run({ name, endpoint }: RegisteredTool, callId: string, args: JsonObject): Promise<ToolAnswer> {
    const { draft, signal } = this.#prompt;
    const promptReceipt = draft.receiptId;
    if (endpoint.type === 'wallet') return this.#sign(endpoint.signs, callId, args);
    const secret =
      endpoint.secret !== undefined && this.#variables.declares(endpoint.secret) ? this.#variables.value(endpoint.secret) : '';
    const call = { tool: name, callId, arguments: args, promptReceipt, secret, signal };
    return endpoint.type === 'http' ? callHttpTool(endpoint.url, call) : callMcpTool(endpoint, call);
  }

  async #sign(signs: 'transaction' | 'message', callId: string, args: JsonObject): Promise<ToolAnswer> {
    const { draft, request } = this.#prompt;
    if (request.maySign === false) return { ok: false, text: 'the key of this prompt may not sign; it needs the scope sign' };
    const { transaction = null, rpc_url: rpcUrl = null, message, typed_data: data } = args;
    // Authority and approvals are never the model's to give.
    const body: JsonObject =
      signs === 'transaction'
        ? { transaction, rpc_url: rpcUrl }
        : { ...(message === undefined ? {} : { message }), ...(data === undefined ? {} : { typed_data: data }) };
    const asked = { ...request, bytes: utf8(canonicalJson(body)) };
    const prompt = { receiptId: draft.receiptId };
    if (signs === 'message') {
      const { signature, scheme, receiptId } = await this.#signers.operator.again(() =>
        this.#signers.signatures.sign(asked, prompt),
      );
      return { ok: true, text: JSON.stringify({ signature, scheme, receipt_id: receiptId }) };
    }
    const key = `${draft.receiptId} ${this.#called} ${callId}`;
    const answer = await this.#signers.operator.again(() => this.#signers.wallet.sign(asked, key, prompt));
    if (answer.outcome === 'pending')
      return { ok: false, text: JSON.stringify({ waiting_for_owners: answer.hash, receipt_id: answer.receiptId }) };
    const { hash, receiptId } = answer.transaction;
    return { ok: true, text: JSON.stringify({ transaction_hash: hash, sent: answer.sent, receipt_id: receiptId }) };
  }
}
