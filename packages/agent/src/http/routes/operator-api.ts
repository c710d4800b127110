/**
 * What the owners of an agent set, and what it shows of itself (seed 001): `/api/v1/config`, `/api/v1/variables`, `/api/v1/control`.
 * Owners' signatures are the authority of changes, so these routes need no API key. Without a manifest all of them are refused.
 */

import { randomBytes } from 'node:crypto';
import { isOwnHost } from '@assay/channel';
import { isCoded } from '@assay/encoding/coded-error';
import type { Context } from 'hono';
import { type Config, isLoopback } from '../../config.ts';
import { ServerError } from '../../errors.ts';
import type { OperatorRequest } from '../../operator/operator.ts';
import type { OperatorApi } from '../../operator/operator-api.ts';
import type { SignAnswer } from '../../operator/wallet.ts';
import { heldAnswer } from '../answers.ts';
import type { Api } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { readBytes } from '../request-body.ts';
import { clientOf, originOf } from '../request-facts.ts';
import { json, type Route, route } from '../route.ts';
import {
  approvalNeededSchema,
  cardSchema,
  configQuerySchema,
  configSchema,
  controlChangedSchema,
  controlRequestSchema,
  promptAnswerSchema,
  promptRequestSchema,
  registrationSchema,
  replaceTransactionSchema,
  setVariablesSchema,
  signedMessageSchema,
  signedTransactionSchema,
  signMessageSchema,
  signTransactionSchema,
  transactionsSchema,
  variableMissingSchema,
  variablesQuerySchema,
  variablesSchema,
  variablesSetSchema,
} from '../schemas/operator.ts';
import type { Services } from './services.ts';

const MAX_BODY_BYTES = 1024 * 1024;
/** Six blobs in hex, with their proofs. */
const MAX_TRANSACTION_BYTES = 2 * 1024 * 1024;
const MAX_IDEMPOTENCY_KEY = 200;
const NO_STORE = { 'cache-control': 'no-store' };

const about = { authority: 'public', tag: 'owners' } as const;
const changeErrors = {
  400: 'malformed, or not for this agent',
  403: 'not signed by enough owners, or not allowed',
  404: 'no such variable, or no manifest',
  409: 'replayed, or out of order',
  429: 'too many requests',
} as const;

const config = route({
  ...about,
  method: 'get',
  path: '/api/v1/config',
  summary: 'Who the agent is, with fresh evidence, and what its owners set',
  query: configQuerySchema,
  answers: { 200: json(configSchema, 'identity, keys, manifest, state and report') },
  errors: { 404: 'no manifest', 429: 'too many requests', 503: 'no evidence' },
});

const setVariables = route({
  ...about,
  method: 'post',
  path: '/api/v1/variables',
  summary: 'Set variables, signed by owners; all of a batch or none',
  body: { required: true, content: { 'application/json': setVariablesSchema } },
  answers: { 200: json(variablesSetSchema, "the receipt; in compatibility mode the seed's text") },
  errors: changeErrors,
});

const getVariables = route({
  ...about,
  method: 'get',
  path: '/api/v1/variables',
  summary: 'Public variables, or the value of one',
  query: variablesQuerySchema,
  answers: {
    200: json(variablesSchema, 'variables by name, or a value'),
    404: json(variableMissingSchema, 'no public variable has this name'),
  },
});

const control = route({
  ...about,
  method: 'post',
  path: '/api/v1/control',
  summary: 'Change owners, policy or pause, signed by owners',
  body: { required: true, content: { 'application/json': controlRequestSchema } },
  answers: { 200: json(controlChangedSchema, 'the receipt') },
  errors: changeErrors,
});

const prompt = route({
  method: 'post',
  path: '/api/v1/prompt',
  authority: 'key',
  scope: 'infer',
  tag: 'owners',
  summary: 'Ask the model; the answer is signed by the attested agent key',
  body: { required: true, content: { 'application/json': promptRequestSchema } },
  answers: { 200: json(promptAnswerSchema, 'the signed answer') },
  errors: {
    403: 'paused by an owner',
    404: 'no manifest',
    422: 'bad input',
    502: 'the model gave no answer',
    503: 'the upstream is not verified, or no model is connected',
  },
});

const signTransaction = route({
  ...about,
  method: 'post',
  path: '/api/v1/sign-transaction',
  scope: 'sign',
  summary: 'Sign a transaction that the policy allows, and send it; needs the API key or secret_token',
  body: { required: true, content: { 'application/json': signTransactionSchema } },
  answers: {
    200: json(signedTransactionSchema, 'signed, in a receipt, and sent'),
    202: json(approvalNeededSchema, 'owners must approve it first; send it again with approval'),
  },
  errors: {
    401: 'no API key and no right secret_token',
    403: 'denied by the policy, paused, or not approved',
    404: 'no manifest',
    409: 'idempotency key of another request, replayed approval, or state behind the chain',
    422: 'bad input',
    502: "the chain's node gives no usable answer",
    503: 'no wallet',
  },
});

const replaceTransaction = route({
  ...about,
  method: 'post',
  path: '/api/v1/replace-transaction',
  scope: 'sign',
  summary: 'Raise the fee of a waiting transaction, or cancel it; needs the API key or secret_token',
  body: { required: true, content: { 'application/json': replaceTransactionSchema } },
  answers: { 200: json(signedTransactionSchema, 'signed under the same nonce, in a receipt, and sent') },
  errors: {
    401: 'no API key and no right secret_token',
    403: 'denied by the policy, or paused',
    404: 'no manifest',
    422: 'bad input, no transaction of this caller, or a final one',
    502: "the chain's node gives no usable answer",
  },
});

const signMessage = route({
  ...about,
  method: 'post',
  path: '/api/v1/sign-message',
  scope: 'sign',
  summary: 'Sign a message or typed data that the policy allows; needs the API key or secret_token',
  body: { required: true, content: { 'application/json': signMessageSchema } },
  answers: { 200: json(signedMessageSchema, 'signed, in a receipt') },
  errors: {
    400: 'typed data that is none',
    401: 'no API key and no right secret_token',
    403: 'denied by the policy, or paused',
    404: 'no manifest',
    422: 'bad input',
    503: 'no wallet',
  },
});

const transactions = route({
  method: 'get',
  path: '/api/v1/transactions',
  authority: 'key',
  tag: 'owners',
  summary: 'Transactions with their state, and those that wait for owners',
  answers: { 200: json(transactionsSchema, 'newest first, at most 200') },
  errors: { 404: 'no manifest' },
});

const card = route({
  ...about,
  method: 'get',
  path: '/.well-known/agent-card.json',
  summary: 'A2A card, signed by a key of the keyset',
  answers: { 200: json(cardSchema, 'the card') },
  errors: { 404: 'no manifest, or no known address' },
});

const registration = route({
  ...about,
  method: 'get',
  path: '/.well-known/agent-registration.json',
  summary: 'Registration file of ERC-8004, with the calldata that registers it',
  answers: { 200: json(registrationSchema, 'the file') },
  errors: { 404: 'no manifest, or no known address' },
});

/** The seed writes the path with two slashes. */
const asTheSeedWritesIt = <const R extends Route>(declared: R) => ({ ...declared, path: '/api/v1//variables' }) as const;

export function operatorApiRoutes(api: Api, services: Services): void {
  api.on(config, async ({ c, query, reply }) => {
    const operator = operatorOf(services);
    await services.rateLimit.take(`quote ${clientOf(c)}`);
    const document = await operator.config(services.identity, query.nonce ?? randomBytes(32).toString('hex'));
    return reply(200, document as never, NO_STORE); // shaped by operator-api.ts; the OpenAPI test holds it to the schema
  });
  for (const declared of [setVariables, asTheSeedWritesIt(setVariables)])
    api.on(declared, async ({ c, reply }) => {
      const operator = operatorOf(services);
      await services.rateLimit.take(`owners ${clientOf(c)}`);
      const request = await requestOf(c);
      const inSeedsWords = operator.compatible && !isSigned(request);
      const answer = (receiptId: string) => (inSeedsWords ? 'Variables set.' : { receipt_id: receiptId });
      try {
        const { receiptId } = await operator.setVariables({ ...request, answer: (id) => JSON.stringify(answer(id)) });
        return reply(200, answer(receiptId), { ...NO_STORE, 'x-receipt-id': receiptId });
      } catch (error) {
        const text = inSeedsWords ? seedRefusal(error) : null;
        if (text !== null) return reply(200, text, NO_STORE);
        throw error;
      }
    });
  for (const declared of [getVariables, asTheSeedWritesIt(getVariables)])
    api.on(declared, async ({ query, reply }) => {
      const operator = operatorOf(services);
      await operator.refresh();
      if (query.name === undefined) return reply(200, operator.publicVariables() as never, NO_STORE);
      const value = operator.publicValue(query.name);
      if (value !== undefined) return reply(200, value, NO_STORE);
      return reply(operator.compatible ? 200 : 404, { error: 'Variable not found' }, NO_STORE);
    });
  api.on(prompt, async ({ c }) => {
    const operator = operatorOf(services);
    await services.rateLimit.take(clientOf(c));
    const request = { ...(await requestOf(c, services.config.limits.bodyBytes)), signal: c.req.raw.signal };
    const { bytes, receiptId, tokens } = await operator.prompt(request, services.identity, services.upstream);
    if (request.access !== null) services.ledger.keys.spend(request.access, { tokens });
    return heldAnswer(bytes, { headers: { ...NO_STORE, 'content-type': 'application/json', 'x-receipt-id': receiptId } });
  });
  const factsOf = (c: Context<AppEnv>) => ({
    origin: cardOriginOf(c, services.config),
    version: services.version,
    keysetDigest: services.identity.keysetDigest,
  });
  api.on(card, ({ c, reply }) => reply(200, operatorOf(services).card(factsOf(c)) as never, NO_STORE));
  api.on(registration, ({ c, reply }) => reply(200, operatorOf(services).registration(factsOf(c)) as never, NO_STORE));
  api.on(signTransaction, async ({ c, reply }) => {
    const operator = operatorOf(services);
    await services.rateLimit.take(`sign ${clientOf(c)}`);
    const given = c.req.header('idempotency-key');
    const key = given === undefined || given === '' ? null : given.slice(0, MAX_IDEMPOTENCY_KEY);
    const answer = await operator.signTransaction(await requestOf(c, MAX_TRANSACTION_BYTES), key);
    if (answer.outcome === 'pending') {
      const { hash, chainId, needed, expiry, receiptId } = answer;
      return reply(202, { approval: hash, chain_id: chainId, needed, expiry, receipt_id: receiptId }, NO_STORE);
    }
    return reply(200, signedBody(operator, answer), NO_STORE);
  });
  api.on(replaceTransaction, async ({ c, reply }) => {
    const operator = operatorOf(services);
    await services.rateLimit.take(`sign ${clientOf(c)}`);
    const answer = await operator.replaceTransaction(await requestOf(c));
    if (answer.outcome === 'pending') throw new Error('a replacement never waits for owners');
    return reply(200, signedBody(operator, answer), NO_STORE);
  });
  api.on(signMessage, async ({ c, reply }) => {
    const operator = operatorOf(services);
    await services.rateLimit.take(`sign ${clientOf(c)}`);
    const { signature, scheme, digest, signer, receiptId } = await operator.signMessage(await requestOf(c));
    const body = { signature, scheme, digest, signer, receipt_id: receiptId, wallet_kept: operator.walletKept };
    return reply(200, body, { ...NO_STORE, 'x-receipt-id': receiptId });
  });
  api.on(transactions, async ({ c, reply }) => {
    const operator = operatorOf(services);
    await operator.refresh();
    return reply(200, operator.transactions({ access: c.get('access'), all: maySeeAll(c) }) as never, NO_STORE);
  });
  api.on(control, async ({ c, reply }) => {
    const operator = operatorOf(services);
    await services.rateLimit.take(`owners ${clientOf(c)}`);
    const answer = (receiptId: string) => ({ receipt_id: receiptId });
    const request = { ...(await requestOf(c)), answer: (id: string) => JSON.stringify(answer(id)) };
    const { receiptId } = await operator.changeControl(request);
    return reply(200, answer(receiptId), { ...NO_STORE, 'x-receipt-id': receiptId });
  });
}

function signedBody(operator: OperatorApi, { transaction, sent, reason }: Extract<SignAnswer, { readonly outcome: 'signed' }>) {
  const { signed, hash, receiptId, chainId, nonce } = transaction;
  return {
    signed_transaction: signed,
    transaction_hash: hash,
    receipt_id: receiptId,
    chain_id: chainId,
    nonce,
    sent,
    reason,
    wallet_kept: operator.walletKept,
  };
}

/**
 * The origin that a card may be signed for: the operator's, or this machine's own.
 * @throws {ServerError} `operator/origin-unknown`.
 */
function cardOriginOf(c: Context<AppEnv>, config: Config): string {
  const host = (c.req.header('host') ?? '').toLowerCase();
  if (config.publicUrl !== null || (isLoopback(config.host) && isOwnHost(host, null))) return originOf(c, config);
  throw new ServerError(
    'operator/origin-unknown',
    "expected ASSAY_PUBLIC_URL, got none: the card is signed, and the Host header is the caller's; set it and start the agent again",
  );
}

/** Who looks after the agent sees what waits for its owners, no matter who asked. */
function maySeeAll(c: Context<AppEnv>): boolean {
  return c.get('caller')?.scopes.includes('operate') ?? true;
}

/** @throws {ServerError} `operator/absent`. */
export function operatorOf({ operator }: Services): OperatorApi {
  if (operator !== null) return operator;
  throw new ServerError(
    'operator/absent',
    'expected an agent with an operator manifest, got one without; start it with ASSAY_OPERATOR_MANIFEST, as docs/operator.md says',
  );
}

async function requestOf(c: Context<AppEnv>, most = MAX_BODY_BYTES): Promise<OperatorRequest> {
  const bytes = await readBytes(c.req.raw, most);
  const maySign = c.get('caller')?.scopes.includes('sign') ?? true;
  const checkpoint = c.req.header('assay-checkpoint') ?? null;
  return { bytes, method: c.req.method, endpoint: c.req.path, access: c.get('access'), maySign, checkpoint };
}

/** Whether a batch holds typed data; its refusals are problems in every mode. */
function isSigned({ bytes }: OperatorRequest): boolean {
  return new TextDecoder().decode(bytes).includes('"message"');
}

/** The seed's own words for a refusal; `null` for what it has none for. */
function seedRefusal(error: unknown): string | null {
  if (!isCoded(error)) return null;
  if (error.code === 'operator/immutable')
    return `Variable ${error.message.split(' ')[0] ?? ''} is immutable and can only be set once.`;
  return ['operator/signature-invalid', 'operator/replayed', 'operator/legacy-refused'].includes(error.code)
    ? 'Signature verification failed.'
    : null;
}
