/**
 * Heads that owners know to be lost, and those that they do not: a log that is put back a second time, a witness whose refusal anyone could
 * have sent, an acknowledgement of more entries than there ever were. The guard is the agent's own; the log behind it is a stand-in.
 */

import { generateKeyPairSync } from 'node:crypto';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { type Hex, type OwnerMessage, ZERO_HASH } from '@assay/operator';
import { formatVerifierKey } from '@assay/receipt';
import { beforeEach, describe, expect, test } from 'vitest';
import { OutsideHead } from '../../packages/agent/src/operator/outside-head.ts';
import { Witness } from '../../packages/agent/src/operator/witness.ts';
import { CheckpointSigner, openLogKey } from '../../packages/ledger/src/log-key.ts';
import { OWNER_ADDRESSES, signedBy, temporary } from './owned-agent.ts';
import { startWitness } from './witness-stand-in.ts';

const AGENT: Hex = `0x${'11'.repeat(32)}`;
const START = 1_900_000_000;
const REQUEST = { bytes: utf8('{}'), method: 'POST', endpoint: '/api/v1/control', access: null };

let log: Log;
beforeEach(() => {
  log = new Log();
});

/** A log whose history and size a test sets; each history has other roots. */
class Log {
  history = 1;
  size = 0;
  now = START;
  readonly #key = openLogKey(temporary());
  readonly #signer = new CheckpointSigner(this.#key);
  readonly #rows = new Map<string, unknown>();
  /** Events that were sealed. */
  readonly sealed: unknown[] = [];

  get keys(): readonly string[] {
    return this.#key.verifierKeys;
  }

  #root(history: number, size: number): Uint8Array {
    return new Uint8Array(32).fill(history * 50 + (size % 50));
  }

  /** What a caller keeps of a history: the header `Assay-Checkpoint`. */
  remembered(history: number, size: number, time: number): string {
    return encodeBase64(utf8(this.#signer.publish(size, this.#root(history, size), time)));
  }

  get ledger() {
    const draft = (): unknown => {
      const events: unknown[] = [];
      return {
        events,
        append: (event: unknown) => events.push(event),
        payload: () => `sha256:${'0'.repeat(64)}`,
        receiptId: 'r',
      };
    };
    return {
      origin: this.#key.origin,
      verifierKeys: this.#key.verifierKeys,
      rootAt: (size: number) => Promise.resolve(size <= this.size ? this.#root(this.history, size) : null),
      checkpoint: () => Promise.resolve(this.#signer.publish(this.size, this.#root(this.history, this.size), this.now)),
      consistency: () => Promise.resolve([]),
      open: draft,
      discard: () => Promise.resolve(),
    };
  }

  /** What the guard asks of an operator. */
  get operator() {
    const now = (): number => this.now;
    return {
      agentId: AGENT,
      get now() {
        return now();
      },
      ledger: this.ledger,
      control: { owners: { value: { addresses: OWNER_ADDRESSES, threshold: 2 } } },
      refusals: { take: () => null },
      state: { get: (key: string) => this.#rows.get(key) },
      inTurn: (work: () => unknown) => work(),
      seal: (draft: { events: unknown[] }, changes: readonly { key: string; value: unknown }[]) => {
        for (const { key, value } of changes) this.#rows.set(key, value);
        this.sealed.push(...draft.events);
        return Promise.resolve({ receiptId: 'r' });
      },
    } as unknown as ConstructorParameters<typeof OutsideHead>[0];
  }
}

/** The anchors before a signature, or the code of its refusal. */
async function asked(head: OutsideHead, given: string | null = null): Promise<readonly string[] | string> {
  try {
    return (await head.guard(given)).map(({ anchor }) => anchor);
  } catch (error) {
    return isCoded(error) ? error.code : String(error);
  }
}

async function acknowledge(head: OutsideHead, size: number, withoutWitness = false): Promise<string> {
  const { version, change_hash: previousHash } = (head.shown() as { acknowledged: { version: number; change_hash: Hex } })
    .acknowledged;
  const links = { version: version + 1, previousHash, expiry: log.now + 600 };
  const message = { type: 'AcknowledgeHead', fields: { agentId: AGENT, size, withoutWitness, ...links } } as const;
  const signatures = await signedBy(message satisfies OwnerMessage, 2);
  try {
    await head.acknowledge({ message, signatures }, REQUEST);
    return 'acknowledged';
  } catch (error) {
    return isCoded(error) ? error.code : String(error);
  }
}

describe('a log that is put back', () => {
  test('a second time, below the size that owners acknowledged, stops the wallet for everyone', async () => {
    const head = new OutsideHead(log.operator, null);
    log.size = 500;
    log.history = 2; // put back from 1000 entries to 500
    expect(await asked(head, log.remembered(1, 1000, START - 10))).toBe('operator/state-behind');
    expect(await acknowledge(head, 1000)).toBe('acknowledged');
    expect(await asked(head)).toEqual([]);
    expect(await asked(head, log.remembered(1, 1000, START - 10))).toEqual([]);
    log.now = START + 1000;
    const grown = log.remembered(2, 800, START + 900);
    log.size = 600;
    log.history = 3; // put back from 800 entries to 600
    expect(await asked(head, grown)).toBe('operator/state-behind');
    expect(await asked(head)).toBe('operator/state-behind');
    expect(head.shown()).toMatchObject({ behind: { size: 800 } });
    expect(await acknowledge(head, 800)).toBe('acknowledged');
    expect(await asked(head)).toEqual([]);
    expect(head.shown()).toMatchObject({ behind: null });
  });

  test('is not acknowledged by owners who only waive the witness or ask it again', async () => {
    const head = new OutsideHead(log.operator, null);
    log.size = 500;
    expect(await acknowledge(head, 1000, true)).toBe('acknowledged');
    log.now = START + 1000;
    log.history = 2;
    expect(await asked(head, log.remembered(1, 800, START + 900))).toBe('operator/state-behind');
    expect(await acknowledge(head, 1000, false)).toBe('acknowledged');
    expect(head.shown()).toMatchObject({ behind: { size: 800 }, acknowledged: { without_witness: false } });
    expect(await acknowledge(head, 1000, true)).toBe('acknowledged');
    expect(await asked(head)).toBe('operator/state-behind');
    expect(await acknowledge(head, 1000, true)).toBe('acknowledged');
    expect(await asked(head)).toEqual([]);
  });

  test('is written down with the largest and the newest head that callers showed', async () => {
    const head = new OutsideHead(log.operator, null);
    log.size = 500;
    log.history = 2;
    for (const [size, time] of [
      [800, START - 20],
      [1000, START - 30],
      [700, START - 10],
      [600, START - 40],
    ] as const)
      expect(await asked(head, log.remembered(1, size, time))).toBe('operator/state-behind');
    expect(log.sealed.map((event) => (event as { size: number }).size)).toEqual([800, 1000, 700]);
    expect(head.shown()).toMatchObject({ behind: { size: 1000 } });
    expect(await acknowledge(head, 800)).toBe('acknowledged');
    expect(await asked(head)).toBe('operator/state-behind');
  });

  test('is acknowledged up to what the log had by all that is known', async () => {
    const head = new OutsideHead(log.operator, null);
    log.size = 500;
    log.history = 2;
    expect(await acknowledge(head, 9_000_000_000_000_000)).toBe('operator/head-unknown');
    expect(await acknowledge(head, 1_501)).toBe('operator/head-unknown');
    expect(await asked(head, log.remembered(1, 4000, START - 10))).toBe('operator/state-behind');
    expect(await acknowledge(head, 4001)).toBe('operator/head-unknown');
    expect(await acknowledge(head, 4000)).toBe('acknowledged');
    expect(await acknowledge(head, 1_500)).toBe('acknowledged');
  });
});

describe('the refusal of a witness is not signed', () => {
  /** A witness that answers as it is told, in order; the last answer again and again. */
  async function told(...answers: readonly (readonly [number, string])[]) {
    const questions: string[] = [];
    const stand = await startWitness(() => log.keys);
    const publicKey = new Uint8Array(
      generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
    );
    const vkey = formatVerifierKey('witness.example/w1', 4, publicKey);
    const left = [...answers];
    stand.answer((body) => {
      questions.push(body.split('\n')[0] ?? '');
      const [status, text] = (left.length > 1 ? left.shift() : left[0]) ?? [500, ''];
      return { status, body: text };
    });
    return { head: new OutsideHead(log.operator, new Witness({ url: stand.url, vkey }, log.ledger)), questions, left };
  }

  test('so an acknowledgement that says nothing of the witness lets none pass', async () => {
    log.size = 120;
    for (const answers of [
      [
        [409, '50\n'],
        [422, ''],
      ],
      [[409, '200\n']],
      [[422, '']],
      [[500, '']],
    ] as const) {
      log.now += 10;
      const { head } = await told(...answers);
      expect(await acknowledge(head, 1_000)).toBe('acknowledged');
      expect(await asked(head)).toMatch(/^operator\/(state-behind|witness-unreachable)$/);
      await expect(head.sealed()).rejects.toMatchObject({ code: expect.stringMatching(/^operator\/(state-|witness-)/) });
    }
  });

  test('so owners waive the witness, and ask for it again', async () => {
    log.size = 120;
    const { head, questions } = await told([409, '200\n']);
    expect(head.shown()).toMatchObject({ witness: { refused_size: null } });
    expect(await asked(head)).toBe('operator/state-behind');
    expect(head.shown()).toMatchObject({ witness: { refused_size: 200, cosigned_size: null } });
    expect(await acknowledge(head, 200, true)).toBe('acknowledged');
    expect(log.sealed.at(-1)).toMatchObject({ type: 'head.acknowledged', size: 200, without_witness: true });
    const before = questions.length;
    expect(await asked(head)).toEqual([]);
    await head.sealed();
    await head.retry();
    expect(questions.length).toBe(before);
    expect(await acknowledge(head, 200, false)).toBe('acknowledged');
    expect(await asked(head)).toBe('operator/state-behind');
  });

  test('so one that names more entries than the log has counts for one question', async () => {
    log.size = 120;
    const { head, questions, left } = await told([409, '9000000000000000\n']);
    for (let n = 0; n < 3; n += 1) expect(await asked(head)).toBe('operator/state-behind');
    expect(questions).toEqual(['old 0', 'old 0', 'old 0']);
    left.splice(0, 1, [500, '']);
    expect(await asked(head)).toBe('operator/witness-unreachable');
    expect(await acknowledge(head, 9_000_000_000_000_000)).toBe('operator/head-unknown');
  });
});

test('rows of earlier releases do not waive the witness', () => {
  const operator = log.operator as unknown as { seal: (draft: object, rows: readonly object[]) => void };
  operator.seal({ events: [] }, [
    { key: 'head/acknowledged', value: { version: 1, changeHash: ZERO_HASH, size: 9, at: START } },
  ]);
  expect(new OutsideHead(log.operator, null).shown()).toMatchObject({ acknowledged: { size: 9, without_witness: false } });
});
