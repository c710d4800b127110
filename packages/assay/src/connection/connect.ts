/**
 * `connect`: verify → appraise → decide, then talk. Before it returns, nothing but a nonce has left; after it, every request goes
 * through a channel encrypted to the attested keyset, and every answer's receipt is checked.
 *
 * Never downgrades: there is no mode in which a request leaves unencrypted, and when the agent's keys change it is verified again
 * under the same policy before anything is resent.
 */

import { type KemId, type KeyConfig, ohttpKey } from '@assay/channel';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import { MAX_BUNDLE_BYTES, parseReceipt, type Receipt, verifyReceiptSignature } from '@assay/receipt';
import { type OutgoingRequest, readOutgoing } from '../channel/outgoing-request.ts';
import { type AttestedKey, createSealedSend, type SealedSend } from '../channel/sealed-fetch.ts';
import { ClientError } from '../errors.ts';
import { bundleVerdict } from '../verification/bundle.ts';
import { reasonOf } from '../verification/verdict.ts';
import { contentOf, MAX_RECEIPT_BYTES, refusalOf } from './answer-content.ts';
import { type AttestedAgent, agentOptions, type VerifyAgentOptions, verifyAgent, withSlash } from './attestation.ts';
import { streamedAnswer, wholeAnswer } from './chat-answer.ts';
import type { AuditOptions, BuildOptions, ContractAudit, ContractBuild, ContractSources } from './contract-work.ts';
import { assertCovers } from './receipt-coverage.ts';
import { settledWith } from './settled-answer.ts';
import { type TaskArchive, taskArchive } from './task-archive.ts';
import type { TaskPort } from './task-port.ts';
import { type AttachOptions, attachRun, type RunOptions, startRun, type TaskRequest, type TaskRun } from './task-run.ts';

/** Options of `connect`, in addition to those of the verification. */
export interface ConnectOptions extends VerifyAgentOptions {
  /** The key for this agent. It leaves only inside the channel, after the verdict, and never to another origin. */
  readonly apiKey?: string | undefined;
  /** Where encapsulated requests go: a relay that hides who asks. The agent's own gateway by default. */
  readonly relay?: URL | undefined;
  /** `hybrid` prefers the X-Wing key, against recorded traffic and future computers. */
  readonly keyExchange?: 'x25519' | 'hybrid' | undefined;
}

/** One answer of a model, with the receipt that covers exactly this question and this answer. */
export interface ChatAnswer {
  readonly text: string;
  readonly receipt: Receipt;
  readonly proof: Proof;
}

/** What one answer left behind, for the file. */
export interface Proof {
  readonly receipt: Receipt;
  /** The attestation report under whose keyset the receipt verified. */
  readonly report: Uint8Array;
  /** JSON with report, nonce and receipt; the agent's bundle adds the log proof. */
  encode(): Uint8Array;
}

/** A verified agent. Every request through it is encrypted to a key of the attested keyset. */
export interface Agent {
  /** For SDKs that want a base URL, together with {@link fetch}: `new OpenAI({ baseURL: agent.baseURL, fetch: agent.fetch })`. */
  readonly baseURL: string;
  /** Encrypted to the attested keyset; verifies the receipt that an answer names. */
  readonly fetch: typeof fetch;
  /** The decision this connection rests on; replaced when the agent's keys changed and were verified again. */
  readonly attested: AttestedAgent;
  /**
   * One question, one answer, over `/v1/chat/completions`.
   * @example const { text, receipt, proof } = await agent.chat('What is 6 times 7?');
   */
  chat(message: string, options?: ChatOptions): Promise<ChatAnswer>;
  /**
   * The receipt that an answer of {@link fetch} named in its `x-receipt-id` header, verified under the attested keyset.
   * @throws {ClientError} `client/receipt-missing`, `client/receipt-unattested`.
   */
  proof(receiptId: string): Promise<Proof>;
  /**
   * Starts a task: what code should do, in plain words, or a request of any other type. Iterate it for its steps, await it for its result.
   * @example
   * const run = agent.run('Plot sales by region', { files: { 'sales.csv': bytes } });
   * for await (const step of run) console.log(step.type);
   * const { stdout, files, bundle, verdict } = await run;
   */
  run(task: string | TaskRequest, options?: RunOptions): TaskRun;
  /**
   * Compiles Solidity at the agent.
   * @throws {ClientError} `client/contracts-failed` when the sources do not compile; those of {@link run}.
   * @example const { buildHash, contracts } = await agent.build({ 'Token.sol': source });
   */
  build(sources: ContractSources, options?: BuildOptions): Promise<ContractBuild>;
  /**
   * Audits Solidity at the agent. Findings that fail the rule are a result: look at `passed`.
   * @throws as {@link build}.
   * @example const { passed, audit } = await agent.audit(source, { policy: 'strict' });
   */
  audit(sources: ContractSources, options?: AuditOptions): Promise<ContractAudit>;
  /** Takes up a task that was started before, by this or another process: its steps from the beginning, and its result. */
  attach(taskId: string, options?: AttachOptions): TaskRun;
  /** The tasks that the agent has: listed, searched, asked for again. */
  readonly tasks: TaskArchive;
  /** Verifies the agent again with a fresh nonce. */
  reattest(): Promise<AttestedAgent>;
}

/** One turn of a conversation. */
export interface ChatTurn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** Options of one question. */
export interface ChatOptions {
  readonly model?: string | undefined;
  readonly system?: string | undefined;
  /** Earlier turns of the conversation, oldest first. */
  readonly history?: readonly ChatTurn[] | undefined;
  /** Called with each piece of text as it arrives. */
  readonly onText?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const KEMS: Readonly<Record<NonNullable<ConnectOptions['keyExchange']>, KemId>> = { x25519: 0x0020, hybrid: 0x647a };
/** `aci/1` §7.1: names the receipt of an answer. */
const RECEIPT_HEADER = 'x-receipt-id';
/** `aci/1` §7.1: the keyset in force. Inside the channel, so it is the agent's own word. */
const KEYSET_HEADER = 'x-aci-keyset-digest';
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
/** Keysets of one connection whose verified reports are kept. */
const MOST_KNOWN = 8;

/**
 * Connects to an agent after verifying it.
 *
 * @throws {ClientError} `client/attestation-refused`, `client/agent-unreachable`, `client/keyset-expired`; {ChannelError}.
 * @example
 * const agent = await connect('https://agent.example', { policy: 'strict' });
 * const { text, receipt } = await agent.chat('Is this private?');
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Agent> {
  const connection = new Connection(new URL(url), options);
  await connection.reattest();
  return connection;
}

interface Exchanged {
  readonly answer: Response;
  /** Resolves when the answer was read to its end; `null` for an answer that names no receipt. */
  readonly proof: Promise<Proof> | null;
}

class Connection implements Agent {
  readonly #url: URL;
  readonly #options: ConnectOptions;
  #attested: AttestedAgent | null = null;
  #sealed: SealedSend | null = null;
  /** What was verified on this connection, by keyset digest: an answer under way may bring the receipt of a keyset before. */
  readonly #known = new Map<string, AttestedAgent>();
  #renewing: Promise<AttestedAgent> | null = null;
  /** The agent named another keyset in an answer, so it is verified again before the next request. */
  #changed = false;

  constructor(url: URL, options: ConnectOptions) {
    this.#url = url;
    this.#options = options;
  }

  get baseURL(): string {
    return new URL('v1', withSlash(this.#url)).href;
  }

  get attested(): AttestedAgent {
    if (this.#attested === null) throw new Error('connect() hands an agent out after it was verified');
    return this.#attested;
  }

  /** One at a time: requests that are refused together wait for the same verification. */
  reattest(): Promise<AttestedAgent> {
    this.#renewing ??= this.#verify().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #verify(): Promise<AttestedAgent> {
    const attested = await verifyAgent(this.#url, this.#options);
    const config = this.#keyOf(attested);
    const { keysetDigest } = attested.report;
    this.#attested = attested;
    this.#changed = false;
    this.#known.delete(keysetDigest);
    this.#known.set(keysetDigest, attested);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
    this.#sealed = createSealedSend({
      config,
      gateway: this.#options.relay ?? new URL('ohttp', withSlash(this.#url)),
      fetch: this.#options.fetch,
      renewal: { keysetDigest, renew: (refused) => this.#replaceKey(refused) },
    });
    return attested;
  }

  /** The key that takes the place of a refused one, attested again under the same policy. */
  async #replaceKey(refusedDigest: string): Promise<AttestedKey> {
    const current = this.attested;
    const attested = current.report.keysetDigest === refusedDigest ? await this.reattest() : current;
    if (attested.report.keysetDigest === refusedDigest)
      throw new ClientError(
        'client/key-refused',
        `a key was refused that ${this.#url.origin} still attests; nothing was sent again. Somebody in between may have made the refusal up`,
      );
    return { config: this.#keyOf(attested), keysetDigest: attested.report.keysetDigest };
  }

  #keyOf({ keyset }: AttestedAgent): KeyConfig {
    return ohttpKey(keyset.e2ee_public_keys, KEMS[this.#options.keyExchange ?? 'x25519']);
  }

  readonly fetch: typeof fetch = async (input, init) => (await this.#exchange(input, init)).answer;

  async #exchange(...asked: Parameters<typeof fetch>): Promise<Exchanged> {
    const expired = this.attested.keyset.not_after * 1000 <= (this.#options.now ?? Date.now)();
    if (expired || this.#changed) await this.reattest();
    const request = await readOutgoing(...asked);
    if (request.url.origin !== this.#url.origin) {
      throw new ClientError(
        'client/foreign-origin',
        `this channel ends at ${this.#url.origin}; a request to ${request.url.origin} does not belong in it`,
      );
    }
    const answer = await this.#send(request);
    const receiptId = answer.headers.get(RECEIPT_HEADER);
    return receiptId === null ? { answer, proof: null } : this.#proving(answer, receiptId, request);
  }

  /** The one place where the key is added: to a request for this agent alone, which is sealed next. */
  async #send(request: OutgoingRequest): Promise<Response> {
    if (this.#sealed === null) throw new Error('connect() hands an agent out after it was verified');
    if (this.#options.apiKey !== undefined) request.headers.set('authorization', `Bearer ${this.#options.apiKey}`);
    const answer = await this.#sealed(request);
    const named = answer.headers.get(KEYSET_HEADER);
    if (named !== null && !this.#known.has(named)) this.#changed = true;
    return answer;
  }

  /**
   * The agent seals before it ends an answer, so its receipt can be fetched and checked before anything goes out that makes the answer
   * look complete.
   */
  #proving(answer: Response, receiptId: string, request: OutgoingRequest): Exchanged {
    const { response, settled } = settledWith(answer, async (bytes) => {
      const receipt = await this.#fetchReceipt(receiptId);
      // What is only read may name the receipt of an earlier answer, such as the receipt itself.
      if (!SAFE_METHODS.has(request.method)) await assertCovers(receipt, { request: request.body, answer: bytes });
      return this.#prove(receipt);
    });
    return { answer: response, proof: settled };
  }

  /** Reads a path below the agent's address. */
  async #read(path: string): Promise<Response> {
    return this.#send(await readOutgoing(new URL(path, withSlash(this.#url))));
  }

  async proof(receiptId: string): Promise<Proof> {
    return this.#prove(await this.#fetchReceipt(receiptId));
  }

  async #fetchReceipt(receiptId: string): Promise<Receipt> {
    const answer = await this.#read(`v1/aci/receipts/${encodeURIComponent(receiptId)}`);
    if (!answer.ok)
      throw new ClientError(
        'client/receipt-missing',
        `expected receipt ${receiptId}, which the answer named, got status ${answer.status}; do not rely on the answer`,
      );
    const document = parseJson(await contentOf(answer, MAX_RECEIPT_BYTES)) as JsonObject;
    const receipt = parseReceipt(document.receipt ?? document);
    if (receipt.receipt_id !== receiptId)
      throw new ClientError(
        'client/receipt-missing',
        `expected receipt ${receiptId}, got ${receipt.receipt_id}; do not rely on the answer`,
      );
    return receipt;
  }

  /** Verifies a receipt under the report of its own keyset: the agent may have replaced its keyset while it worked. */
  async #prove(receipt: Receipt): Promise<Proof> {
    const { workload_keyset_digest: digest } = receipt;
    if (!this.#known.has(digest)) await this.reattest();
    const attested = this.#known.get(digest);
    if (attested === undefined) return this.#proveByBundle(receipt);
    await verifyReceiptSignature(receipt, attested.keyset);
    return proofOf(receipt, attested.bytes, attested.nonce);
  }

  /** For a receipt whose keyset was replaced while the agent worked: the report of that keyset is in the bundle, and is verified under the same policy. */
  async #proveByBundle(receipt: Receipt): Promise<Proof> {
    const id = receipt.receipt_id;
    const bytes = await contentOf(await this.#read(`bundles/${encodeURIComponent(id)}`), MAX_BUNDLE_BYTES);
    const verdict = await bundleVerdict(bytes, agentOptions(this.#options));
    if (verdict.outcome !== 'accepted')
      throw new ClientError(
        'client/receipt-unattested',
        `receipt ${id} is of a keyset that ${this.#url.origin} does not attest any more, and its bundle is ${verdict.outcome} (${reasonOf(verdict)}); do not rely on the answer`,
        { details: { verdict } },
      );
    const [own, signer] = [verdict.receipts[0]?.receipt, verdict.evidence[0]?.report];
    if (own === undefined || signer === undefined || canonicalJson(own) !== canonicalJson(receipt))
      throw new ClientError(
        'client/receipt-missing',
        `expected the bundle of receipt ${id}, got another one; do not rely on the answer`,
      );
    return proofOf(receipt, utf8(canonicalJson(signer.document)), signer.nonce);
  }

  run(task: string | TaskRequest, options: RunOptions = {}): TaskRun {
    return startRun(this.#taskPort, task, options);
  }

  async build(sources: ContractSources, options: BuildOptions = {}): Promise<ContractBuild> {
    const { buildResult, contractRequest } = await import('./contract-work.ts');
    return buildResult(
      this.run(contractRequest('attested_build', sources, options), { nonce: options.nonce, signal: options.signal }),
    );
  }

  async audit(sources: ContractSources, options: AuditOptions = {}): Promise<ContractAudit> {
    const { auditResult, contractRequest } = await import('./contract-work.ts');
    return auditResult(
      this.run(contractRequest('attested_audit', sources, options), { nonce: options.nonce, signal: options.signal }),
    );
  }

  attach(taskId: string, options: AttachOptions = {}): TaskRun {
    return attachRun(this.#taskPort, taskId, options);
  }

  readonly #taskPort: TaskPort = {
    ask: (path, init) => this.fetch(new URL(path, withSlash(this.#url)), init),
    options: () => agentOptions(this.#options),
  };

  readonly tasks: TaskArchive = taskArchive(this.#taskPort);

  async chat(message: string, options: ChatOptions = {}): Promise<ChatAnswer> {
    const { model = 'default', system, history = [], onText, signal = null } = options;
    const question = { role: 'user', content: message };
    const messages = [...(system === undefined ? [] : [{ role: 'system', content: system }]), ...history, question];
    const { answer, proof } = await this.#exchange(`${this.baseURL}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages, stream: onText !== undefined }),
      signal,
    });
    if (!answer.ok) throw await refusalOf(answer);
    const text = onText === undefined ? await wholeAnswer(answer) : await streamedAnswer(answer, onText);
    if (proof === null)
      throw new ClientError(
        'client/receipt-missing',
        'expected an answer that names its receipt, got one without; nothing shows what was asked and answered, do not rely on it',
      );
    const proved = await proof;
    return { text, receipt: proved.receipt, proof: proved };
  }
}

function proofOf(receipt: Receipt, report: Uint8Array, nonce: string | null): Proof {
  return {
    receipt,
    report,
    encode: () => utf8(canonicalJson({ format: 'assay-proof/1', nonce, receipt, report: parseJson(report) })),
  };
}
