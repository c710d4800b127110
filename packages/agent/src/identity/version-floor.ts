/**
 * The oldest version of the agent that may take over the keys of a data directory, a store and the platform behind them (docs/deploy.md §3). Each
 * agent leaves a floor there: its own version, or an older one that its settings allow. An agent below the floor of the directory is refused before it
 * reads a key; one that finds the floor in the store alone, before it uses one: it opens the store and the platform with keys.
 *
 * The floor stands in `version-floor.json` of the data directory and in the store. The first one is in the file before a key is made, and in the store,
 * as agents on it agreed, before one is used: a start that ends early leaves it. Each one, the first among them, is logged once the agent can sign: a
 * receipt, and a row of the state that commits with it and that `checkLog` holds against it. The highest counts; a floor never falls. Not prevented: an
 * operator who puts data directory and store back together to an earlier time, or who deletes file, agreement, row and receipts (`checkLog` tells);
 * another directory and store, where the platform derives the same secret; versions that know no floor.
 */

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, isJsonObject, parseJson } from '@assay/encoding/json';
import {
  createKeyFile,
  FLOOR_ROW,
  FLOOR_TASK,
  type Ledger,
  LedgerError,
  makePrivateDirectory,
  replaceKeyFile,
} from '@assay/ledger';
import { compareVersions, isVersion } from '@assay/reference-values/releases';
import { ServerError } from '../errors.ts';

/** In the data directory. */
export const VERSION_FLOOR_FILE = 'version-floor.json';
/** Where the store has the first floor, as agents on it agreed. */
const FIRST = 'version-floor';
/** Agents that share a store can raise the floor at the same time. */
const ATTEMPTS = 4;
const MAX_FILE_BYTES = 1024;

export interface VersionFloorOptions {
  /** The data directory. */
  readonly directory: string;
  /** The agent's own: three numbers. */
  readonly version: string;
  /** The oldest version that may follow this one on its keys; `null`: this one. */
  readonly floor: string | null;
}

/** What {@link VersionFloor.raise} put into the log. */
export interface LoggedFloor {
  readonly receiptId: string;
  /** The floor before; `null` for the first. */
  readonly previous: string | null;
}

type FloorLedger = Pick<Ledger, 'coordination' | 'discard' | 'loggedFloor' | 'open' | 'readState' | 'seal'>;

export class VersionFloor {
  readonly #directory: string;
  readonly #path: string;
  readonly #version: string;
  readonly #wanted: string;
  /** The highest floor seen; `null` before any. */
  #floor: string | null = null;

  /** @throws {ServerError} `config/bad-value` for a version that could not be a floor, and for a floor that this version does not reach itself. */
  constructor({ directory, version, floor }: VersionFloorOptions) {
    this.#directory = directory;
    this.#path = join(directory, VERSION_FLOOR_FILE);
    this.#version = version;
    this.#wanted = floor ?? version;
    // A floor never leaves a store again, so nothing that #see would refuse may reach one.
    for (const each of [version, this.#wanted])
      if (!isVersion(each))
        throw new ServerError(
          'config/bad-value',
          `expected three numbers as the version of this agent and its floor, got ${JSON.stringify(String(each).slice(0, 40))}; run a release, not what came before it`,
        );
    if (compareVersions(this.#wanted, version) > 0)
      throw new ServerError(
        'config/bad-value',
        `ASSAY_VERSION_FLOOR: expected at most ${version}, the version of this agent, got ${this.#wanted}; name an older version that may follow, or leave it out`,
      );
  }

  /**
   * Looks at the data directory alone, before any key in it is read, and keeps a first floor there: one, for all agents that start together. One that
   * stands is left: whether this agent gets the directory is not known yet.
   * @throws {ServerError} `version/below-floor`; `config/unreadable` for a file that is none of this version; {LedgerError} `ledger/unavailable`,
   * `ledger/directory-exposed`.
   */
  refuseBelowDirectory(): void {
    this.#see(this.#kept() ?? this.#first(), VERSION_FLOOR_FILE);
  }

  /** The first floor in the directory, of this agent or of one that was faster. */
  #first(): string | null {
    makePrivateDirectory(this.#directory);
    return createKeyFile(this.#path, textOf(this.#wanted)) ? this.#wanted : this.#kept();
  }

  /**
   * Looks at the store, before its keys are used, then keeps the floor: in the data directory, and in a store that has none yet.
   * @throws {ServerError} `version/below-floor`; the ledger's errors.
   */
  async refuseBelowStore(ledger: FloorLedger): Promise<void> {
    const [{ floor }, logged] = [await this.#row(ledger), await ledger.loggedFloor()];
    this.#see(floor, 'the store');
    this.#see(logged, 'the log');
    if (floor === null && logged === null) this.#see(await ledger.coordination.agree(FIRST, this.#wanted), 'the store');
    this.#see(this.#wanted, 'the settings');
    this.#keep();
  }

  /**
   * Logs the highest floor known, this agent's among them, where the store has none or a lower one.
   * @returns the receipt and the floor before, `null` for the first; `null` when the store has it.
   * @throws {ServerError} `version/below-floor` when a newer agent was faster; the ledger's errors.
   */
  async raise(ledger: FloorLedger): Promise<LoggedFloor | null> {
    for (let attempt = 1; ; attempt += 1) {
      const row = await this.#row(ledger);
      this.#see(row.floor, 'the store');
      const logged = await ledger.loggedFloor();
      this.#see(logged, 'the log');
      const previous = row.floor === null ? logged : higher(row.floor, logged);
      const floor = higher(this.#wanted, this.#floor);
      if (floor === row.floor) {
        this.#keep();
        return null;
      }
      try {
        const receiptId = await this.#log(ledger, { floor, previous, rowVersion: row.version });
        this.#see(floor, 'the log');
        this.#keep();
        return { receiptId, previous };
      } catch (error) {
        if (!LedgerError.is(error) || error.code !== 'ledger/conflict' || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #log(
    ledger: FloorLedger,
    { floor, previous, rowVersion }: { readonly floor: string; readonly previous: string | null; readonly rowVersion: number },
  ): Promise<string> {
    const version = this.#version;
    const document = utf8(canonicalJson({ v: 'assay-version-floor/1', version, floor, previous }));
    const draft = ledger.open({
      taskId: randomUUID(),
      task: FLOOR_TASK,
      method: 'RAISE',
      endpoint: 'keys',
      requestBody: document,
      nonce: null,
    });
    const hash = draft.payload('version-floor.json', 'application/json', document);
    draft.append({ type: 'version.floor-raised', version, floor, previous });
    draft.append({ type: 'task.completed', result_hash: hash });
    const row = { ...FLOOR_ROW, expectedVersion: rowVersion, value: utf8(floor) };
    try {
      return (await ledger.seal(draft, { changes: [row] })).receiptId;
    } catch (error) {
      await ledger.discard(draft);
      throw error;
    }
  }

  async #row(ledger: FloorLedger): Promise<{ readonly floor: string | null; readonly version: number }> {
    const row = await ledger.readState(FLOOR_ROW.collection, FLOOR_ROW.key);
    return { floor: row === null ? null : decodeUtf8(row.value), version: row?.version ?? 0 };
  }

  #see(floor: string | null, place: string): void {
    if (floor === null) return;
    if (!isVersion(floor))
      throw new ServerError(
        'config/unreadable',
        `expected a version in the floor of ${place}, got something else; restore it from a backup`,
      );
    if (compareVersions(this.#version, floor) < 0)
      throw new ServerError(
        'version/below-floor',
        `expected an agent of version ${floor} or newer, as ${place} demands, got ${this.#version}; run a newer one, or begin with another data directory and store`,
        { details: { floor, version: this.#version } },
      );
    this.#floor = higher(floor, this.#floor);
  }

  #kept(): string | null {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return null;
      throw this.#broken('a file that cannot be read', cause);
    }
    if (text.length > MAX_FILE_BYTES) throw this.#broken('a longer file');
    let kept: unknown;
    try {
      kept = parseJson(text);
    } catch (cause) {
      throw this.#broken('no JSON', cause);
    }
    if (isJsonObject(kept) && kept.v === 1 && isVersion(kept.floor)) return kept.floor;
    throw this.#broken('another form');
  }

  #keep(): void {
    if (this.#floor === null || this.#kept() === this.#floor) return;
    replaceKeyFile(this.#path, textOf(this.#floor));
  }

  #broken(got: string, cause?: unknown): ServerError {
    return new ServerError(
      'config/unreadable',
      `expected {"v":1,"floor":"1.2.3"} in ${VERSION_FLOOR_FILE} of the data directory, got ${got}; restore it from a backup, or run the version that wrote it`,
      { cause },
    );
  }
}

function textOf(floor: string): string {
  return `${JSON.stringify({ v: 1, floor })}\n`;
}

function higher(a: string, b: string | null): string {
  return b !== null && compareVersions(b, a) > 0 ? b : a;
}
