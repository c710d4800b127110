/** What children were promised, collected over all their lives, and the audit that compares it with what a data directory still holds. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import {
  authenticateBundle,
  commitment,
  type Digest,
  decodeEntryBundle,
  hashLeaf,
  type Leaf,
  parseCheckpoint,
  parseLeafText,
  SUCCESSION_SALT,
  successionBody,
  verifyLeafChains,
} from '@assay/receipt';
import { LedgerError } from '../../packages/ledger/src/errors.ts';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { readStored } from '../../packages/ledger/src/stored-bytes.ts';
import { GrowingTree } from '../../packages/ledger/src/tree.ts';
import { believeFakeEvidence } from '../../packages/testing/src/fake-report.ts';

export class Promises {
  readonly acked = new Map<string, { readonly index: number; readonly nonce: string }>();
  readonly opened: string[] = [];
  readonly failures: string[] = [];
  /** Every signed head, by size: two roots for one size are a fork. */
  readonly heads = new Map<number, string>();
  readonly forks: number[] = [];
  /** Successions that were durable: ending keyset → the one that followed. */
  readonly successions = new Map<string, string>();
  stopped = false;

  hear(line: string): void {
    const [word, first = '', second = '', third = ''] = line.split(' ');
    if (word === 'ack' && third.length === 64) this.acked.set(first, { index: Number(second), nonce: third });
    if (word === 'open') this.opened.push(first);
    if (word === 'fail') this.failures.push(line.slice('fail '.length));
    if (word === 'stopped') this.stopped = true;
    if (word === 'succeeded' && second.length === first.length) this.successions.set(first, second);
    if (word === 'head' && second.length === 64) {
      const size = Number(first);
      if ((this.heads.get(size) ?? second) !== second) this.forks.push(size);
      this.heads.set(size, second);
    }
  }
}

/** A child that has loaded and waits for its directory. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #heard: Promise<void> = Promise.resolve();

  constructor(environment: Readonly<Record<string, string>> = {}, program: 'agent.ts' | 'job-worker.ts' = 'agent.ts') {
    this.#process = spawn(process.execPath, ['--conditions=@assay/source', join(import.meta.dirname, program)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'assay-crash-compile-cache'), ...environment },
    });
    const output = this.#process.stdout;
    if (output === null) throw new Error('the child has no output');
    this.#lines = createInterface({ input: output })[Symbol.asyncIterator]();
  }

  async loaded(): Promise<this> {
    await this.#lines.next();
    return this;
  }

  /** `place`: the directory, and behind a space the URL of the database if there is one. */
  start(place: string, promises: Pick<Promises, 'hear'>): void {
    this.#process.stdin?.write(`${place}\n`);
    this.#heard = (async () => {
      for (let line = await this.#lines.next(); line.done !== true; line = await this.#lines.next()) promises.hear(line.value);
    })();
  }

  /** SIGKILL, then everything it still had said. */
  async kill(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await exited;
    }
    await this.#heard;
  }
}

export interface Audit {
  readonly entries: number;
  /** Acknowledged receipts that are not where they were promised. */
  readonly lost: readonly string[];
  /** Signed heads that the log does not begin with. */
  readonly inconsistent: readonly number[];
  /** Ending keysets whose last leaf is missing or names another keyset than was promised. */
  readonly unlinked: readonly string[];
  /** Cut-off tasks that are not listed as interrupted. */
  readonly unlisted: readonly string[];
  /** Why the directory could not be opened, if so. */
  readonly refused: string | null;
}

/** Opens the directory as a restarted agent would, and compares. */
export async function audit(directory: string, promises: Promises): Promise<Audit> {
  const nothing = { entries: 0, lost: [], inconsistent: [], unlinked: [], unlisted: [] };
  let ledger: Ledger;
  try {
    ledger = await openLedger({ directory });
  } catch (error) {
    if (LedgerError.is(error)) return { ...nothing, refused: error.code };
    throw error;
  }
  try {
    const { size } = parseCheckpoint(await ledger.checkpoint());
    const entries: Uint8Array[] = [];
    for (let from = 0; from < size; from += 256) {
      const width = Math.min(256, size - from);
      const name = String(from / 256).padStart(3, '0');
      const bundle = await ledger.tile(`tile/entries/${name}${width === 256 ? '' : `.p/${width}`}`);
      entries.push(...decodeEntryBundle(bundle ?? new Uint8Array()));
    }
    const leaves = entries.map((entry) => parseLeafText(decodeUtf8(entry)));
    verifyLeafChains(leaves);
    return {
      entries: entries.length,
      lost: await lostReceipts(directory, ledger, promises),
      inconsistent: inconsistentHeads(entries, promises),
      unlinked: unlinkedKeysets(leaves, promises),
      unlisted: await unlistedTasks(ledger, promises),
      refused: null,
    };
  } finally {
    await ledger.close();
  }
}

async function lostReceipts(directory: string, ledger: Ledger, promises: Promises): Promise<readonly string[]> {
  const db = new DatabaseSync(join(directory, 'log.db'), { readOnly: true });
  const rows = db.prepare('SELECT receipt_id, idx FROM receipts WHERE idx IS NOT NULL').all();
  db.close();
  const found = new Map(rows.map((row) => [row.receipt_id as string, row.idx as number]));
  const lost = [...promises.acked].filter(([id, { index }]) => found.get(id) !== index).map(([id]) => id);
  const newest = [...promises.acked].slice(-10);
  const together = await bytesOf(
    ledger,
    [...promises.acked.keys()].slice(-60).filter((id) => !lost.includes(id)),
  );
  if (together !== null) await authenticateBundle(together, { verifyEvidence: believeFakeEvidence });
  for (const [id, { nonce }] of newest) {
    const bundle = lost.includes(id) ? null : await bytesOf(ledger, [id]);
    if (bundle !== null) await authenticateBundle(bundle, { verifyEvidence: believeFakeEvidence });
    const reused = bundle !== null && (await nonceIsFree(ledger, nonce));
    if (reused) lost.push(`nonce of ${id}`);
  }
  return lost;
}

async function nonceIsFree(ledger: Ledger, nonce: string): Promise<boolean> {
  const requestBody = new Uint8Array();
  const draft = ledger.open({ taskId: 'again', task: 'execute', method: 'POST', endpoint: '/', requestBody, nonce });
  try {
    await draft.started;
    return true;
  } catch (error) {
    if (LedgerError.is(error) && error.code === 'ledger/nonce-reused') return false;
    throw error;
  }
}

function inconsistentHeads(entries: readonly Uint8Array[], promises: Promises): readonly number[] {
  const tiles = new Map<string, Uint8Array>();
  const tree = new GrowingTree(0, (level, index) => tiles.get(`${level}/${index}`) ?? null);
  for (const entry of entries) {
    tree.append(encodeBase64(hashLeaf(entry)));
    if (tree.size % 256 === 0) for (const { level, index, bytes } of tree.takeChanged()) tiles.set(`${level}/${index}`, bytes);
  }
  return [...promises.heads]
    .filter(([size, root]) => size > tree.size || encodeHex(tree.rootAt(size)) !== root)
    .map(([size]) => size);
}

function unlinkedKeysets(leaves: readonly Leaf[], promises: Promises): readonly string[] {
  const last = new Map(leaves.filter(({ kind }) => kind === 'succession').map((leaf) => [leaf.keyset_digest as string, leaf]));
  const named = (successor: string) => commitment(decodeHex(SUCCESSION_SALT), successionBody(successor as Digest));
  return [...promises.successions]
    .filter(([ending, successor]) => last.get(ending)?.commitment !== named(successor))
    .map(([ending]) => ending);
}

async function unlistedTasks(ledger: Ledger, promises: Promises): Promise<readonly string[]> {
  const states = await Promise.all(promises.opened.map(async (task) => [task, (await ledger.findTask(task))?.state] as const));
  return states.filter(([, state]) => state !== 'interrupted').map(([task]) => task);
}

async function bytesOf(ledger: Ledger, ids: readonly string[]): Promise<Uint8Array | null> {
  const bundle = await ledger.bundle(ids);
  return bundle === null ? null : readStored(bundle, bundle.length);
}
