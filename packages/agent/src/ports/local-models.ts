/** The port to models that run on this machine: which there are, and fetching one while people watch. */

/** A model that can be fetched. */
export interface LocalModel {
  readonly name: string;
  readonly title: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** SPDX. */
  readonly licence: string;
  readonly writes: 'programs' | 'words';
  readonly recommended: boolean;
  readonly fetched: boolean;
}

/** The engine that runs them. `detail` says for people what is there, or why none can be. */
export interface LocalEngine {
  readonly version: string;
  readonly supported: boolean;
  readonly installed: boolean;
  readonly detail: string;
}

/** Where a fetch stands. `step` is that of {@link FetchProgress.status} `running`, or the last one. */
export interface FetchProgress {
  readonly name: string;
  readonly status: 'running' | 'fetched' | 'failed' | 'cancelled';
  readonly step: 'engine' | 'model' | 'checking';
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Where the bytes come from, for people. */
  readonly source: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface LocalModels {
  engine(): Promise<LocalEngine>;
  list(): Promise<readonly LocalModel[]>;
  /** The newest fetch of this start; `null` when there was none. */
  readonly newest: FetchProgress | null;
  /**
   * Begins to fetch a model; at most one fetch runs.
   * @throws {ServerError} `model/unknown-name`, `http/conflict`.
   */
  fetch(name: string): FetchProgress;
  /** Ends the fetch that runs; what has come is kept for the next one. */
  cancel(): Promise<FetchProgress | null>;
  /** Standings of the newest fetch as they change, until it has ended; the current one first. */
  follow(signal: AbortSignal): AsyncGenerator<FetchProgress>;
  close(): Promise<void>;
}
