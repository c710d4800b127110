/**
 * Shows a task while it runs: each step with the time since the first, and on a terminal what the program prints, as it prints it. In a
 * pipe the output comes once, at the end, from the answer that the receipt covers; on a terminal it is said again when the two differ.
 */

import type { TaskStep } from '../index.ts';
import { ElapsedLine } from './elapsed-line.ts';
import type { Io } from './io.ts';
import { printableOutput, styleOf } from './output.ts';
import { describeStep } from './task-steps.ts';

export interface TaskWatchOptions {
  /** Shows nothing until the end. */
  readonly quiet: boolean;
  /** Standard output is for a document. */
  readonly json: boolean;
}

interface OutputStep {
  readonly type: 'stdout' | 'stderr';
  readonly text: string;
  readonly attempt: number;
}

export class TaskWatch {
  readonly #io: Io;
  readonly #quiet: boolean;
  /** The program's output goes out as it comes. */
  readonly #live: boolean;
  readonly #elapsed: ElapsedLine;
  #begun: number | null = null;
  #newest = 0;
  /** Of the newest attempt, as printed. */
  #output = '';
  #attempt = 0;
  #omitted = false;
  /** The cursor is behind text of the program. */
  #midLine = false;
  #model: string | null = null;
  #isRecorded = false;

  constructor(io: Io, { quiet, json }: TaskWatchOptions) {
    this.#io = io;
    this.#quiet = quiet;
    this.#live = io.interactive && !quiet && !json;
    this.#elapsed = new ElapsedLine(io);
  }

  show(step: TaskStep): void {
    this.#begun ??= step.at;
    this.#newest = step.at;
    if (step.type === 'writing') {
      this.#model = step.model;
      this.#isRecorded = step.recorded;
    }
    if (this.#quiet) return;
    if (step.type === 'stdout' || step.type === 'stderr') {
      this.#stream({ ...step, type: step.type });
      return;
    }
    if (step.type === 'omitted') this.#omitted = true;
    const line = describeStep(step, styleOf(this.#io));
    if (line === null) return;
    this.#elapsed.stop();
    this.#endLine();
    this.#io.stderr(`${styleOf(this.#io).faint(`${this.seconds.toFixed(1).padStart(6)} s`)}  ${line}`);
    this.#elapsed.start();
  }

  #stream({ type: stream, text, attempt }: OutputStep): void {
    if (!this.#live) return;
    if (attempt !== this.#attempt) {
      this.#attempt = attempt;
      this.#output = '';
      this.#omitted = false;
    }
    this.#elapsed.stop();
    const shown = printableOutput(text);
    if (stream === 'stdout') this.#output += shown;
    this.#io[stream](shown);
    this.#midLine = shown === '' ? this.#midLine : !shown.endsWith('\n');
  }

  #endLine(): void {
    if (this.#midLine) this.#io.stderr('\n');
    this.#midLine = false;
  }

  /** The model that wrote last; `null` when none did. */
  get model(): string | null {
    return this.#model;
  }

  /** What it wrote last was played back from a file. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /** Since the first step, by the agent's clock. */
  get seconds(): number {
    return this.#begun === null ? 0 : Math.max(0, this.#newest - this.#begun) / 1000;
  }

  /** Ends the display; prints the output of the answer as far as it was not shown. */
  end(output: string | null): void {
    this.#elapsed.stop();
    this.#endLine();
    if (output === null) return;
    const text = printableOutput(output);
    if (!this.#live || this.#output === '') this.#io.stdout(text);
    else if (this.#omitted) this.#io.stderr('… the output is longer; --save keeps all of it in output.txt\n');
    else if (text !== this.#output)
      this.#io.stdout(`${styleOf(this.#io).open('the output that the receipt covers:')}\n${text}`);
  }

  /** Takes away what is shown while waiting. */
  close(): void {
    this.#elapsed.stop();
  }
}
