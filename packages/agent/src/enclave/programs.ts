/** Programs of the image that the enclave's start needs: run to their end, or kept running. */

import { spawn } from 'node:child_process';
import { ServerError } from '../errors.ts';

export interface Programs {
  /** Runs a program to its end and gives its standard output. @throws {ServerError} `network/unavailable`. */
  run(program: string, args: readonly string[]): Promise<string>;
  /** Starts a program and starts it again whenever it ends, for as long as the agent lives. */
  keep(program: string, args: readonly string[]): void;
}

const PATIENCE_MS = 20_000;
const AGAIN_AFTER_MS = 1000;
const MAX_OUTPUT = 64 * 1024; // bytes

export const systemPrograms: Programs = {
  run: (program, args) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
      let [output, complaint] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
        if (output.length > MAX_OUTPUT) child.kill('SIGKILL');
      });
      child.stderr.on('data', (chunk: Buffer) => {
        complaint = `${complaint}${chunk.toString('utf8')}`.slice(0, 200);
      });
      const refuse = (got: string, cause?: unknown): void =>
        reject(
          new ServerError(
            'network/unavailable',
            `expected ${program} ${args.slice(0, 3).join(' ')} to succeed, got ${got}; build the image with its network programs`,
            { cause },
          ),
        );
      child.once('error', (cause) => refuse((cause as NodeJS.ErrnoException).code ?? 'no start', cause));
      child.once('close', (code) => {
        if (code === 0) resolve(output);
        else refuse(complaint.trim().split('\n')[0] || `exit code ${code ?? 'none'}`);
      });
    }),
  keep: (program, args) => {
    const start = (): void => {
      const child = spawn(program, args, { stdio: 'ignore' });
      child.unref();
      let ended = false;
      const again = (): void => {
        if (ended) return;
        ended = true;
        setTimeout(start, AGAIN_AFTER_MS).unref();
      };
      child.once('error', again);
      child.once('close', again);
      process.once('exit', () => child.kill());
    };
    start();
  },
};
