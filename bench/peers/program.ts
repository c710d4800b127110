/**
 * Peers in Rust and Go: small programs in the folders beside, built on demand with pinned versions, driven line by line over stdin and
 * stdout (README.md). Without the toolchain a peer is left out, loudly.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Question } from '@assay/testing';
import type { Peer, Verdict } from './question.ts';

/** Where programs and packages are built; survives between runs, never committed. */
export const BUILD_DIRECTORY: string = join(import.meta.dirname, '../../node_modules/.cache/peers');

/** One line on standard error, so that a missing row is not taken for a good one. */
export function leaveOut(name: string, error: unknown): null {
  process.stderr.write(`\n!! LEFT OUT: ${name}: ${String(error).split('\n')[0]}\n`);
  return null;
}

const BUILDS: Readonly<Record<'Rust' | 'Go', (source: string, target: string) => string>> = {
  Rust: (source, target) => {
    const manifest = join(source, 'Cargo.toml');
    run('cargo', ['build', '--quiet', '--release', '--locked', '--manifest-path', manifest, '--target-dir', target], source);
    return join(target, 'release/peer');
  },
  Go: (source, target) => {
    run('go', ['build', '-o', join(target, 'peer'), '.'], source);
    return join(target, 'peer');
  },
};

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'], timeout: 900_000 });
}

interface Answer {
  readonly verdict: Verdict;
  readonly microseconds: number | null;
}

export interface ProgramOptions extends Pick<Peer, 'name' | 'kinds' | 'scope' | 'takesRoot'> {
  readonly language: 'Rust' | 'Go';
  /** Folder beside this file. */
  readonly folder: string;
  /** Adds to a question what this peer does not bring itself. */
  readonly complete?: (question: Question) => Question;
}

/** Builds and starts a peer's program; `null` when that is impossible here. */
export function startProgram(options: ProgramOptions): Peer | null {
  const target = join(BUILD_DIRECTORY, options.folder);
  mkdirSync(target, { recursive: true });
  let program: string;
  try {
    program = BUILDS[options.language](join(import.meta.dirname, options.folder), target);
  } catch (error) {
    return leaveOut(options.name, error);
  }
  const ask = conversation(spawn(program, { stdio: ['pipe', 'pipe', 'ignore'] }));
  const { complete = (question) => question } = options;
  return {
    ...options,
    verdict: async (question) => (await ask.answer(complete(question))).verdict,
    cost: async (question, calls) => {
      const { verdict, microseconds } = await ask.answer(complete(question), calls);
      if (microseconds === null) throw new Error(`${options.name}: expected to be measured accepting, got ${verdict}`);
      return microseconds;
    },
    close: ask.close,
  };
}

function conversation(child: ChildProcess): {
  answer(question: Question, calls?: number): Promise<Answer>;
  close(): void;
} {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('expected pipes');
  const waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }[] = [];
  createInterface({ input: stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as Answer));
  child.on('close', (code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`expected an answer, the program ended with ${code}`));
  });
  return {
    answer: (question, calls) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        stdin.write(`${JSON.stringify(encodeRequest(question, calls))}\n`);
      }),
    close: () => stdin.end(),
  };
}

function encodeRequest({ kind: _, at, ...fields }: Question, calls: number | undefined): Readonly<Record<string, unknown>> {
  const encoded = Object.entries(fields).map(([name, value]) => [name, value instanceof Uint8Array ? base64(value) : value]);
  return { at: Math.floor(at / 1000), ...Object.fromEntries(encoded), ...(calls !== undefined && { calls }) };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
