/** The agent as a process: settings from the environment, a message when it is up, a calm end on signals. */

import { join } from 'node:path';
import { type CodedError, isCoded } from '@assay/encoding/coded-error';
import { leaveAddress } from './address-file.ts';
import { type Config, parseConfig } from './config.ts';
import { enterEnclave } from './enclave/enter.ts';
import { type Environment, readEnvironment } from './env-file.ts';
import { ServerError } from './errors.ts';
import { type RunningAgent, startAgent } from './main.ts';
import { sandboxMessage, startMessage } from './start-message.ts';

/** What `serve` is given by the command. */
export interface ServeOptions {
  readonly environment: Environment;
  /** `.env` is looked for here. */
  readonly directory: string;
  /** Takes what people read. */
  readonly say: (text: string) => void;
  readonly color: boolean;
  /** Ends the agent when it aborts. */
  readonly signal: AbortSignal;
}

/**
 * Runs an agent until `signal` aborts, then stops it calmly. Settings come from the environment laid over `.env`.
 *
 * @returns 0 after a calm end, 1 when it could not start; then what is wrong was said, one line a problem.
 * @throws errors without a code, which are defects.
 * @example process.exitCode = await serve({ environment: process.env, directory: process.cwd(), say, color: true, signal: io.signal })
 */
export async function serve(options: ServeOptions): Promise<0 | 1> {
  const { say, signal } = options;
  let agent: RunningAgent;
  let config: Config;
  try {
    config = parseConfig(await enterEnclave(readEnvironment(join(options.directory, '.env'), options.environment)));
    agent = await startAgent(config);
  } catch (error) {
    if (!isCoded(error)) throw error;
    for (const { code, message } of problemsOf(error)) say(`error: ${message} [${code}]\n`);
    return 1;
  }
  const forgetAddress = await leaveAddress(config.dataDir, agent.url);
  try {
    say(await startMessage(agent, config, { color: options.color }));
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (await opensLater(agent, stopped)) say(await sandboxMessage(agent));
    await stopped;
    say('stopping: tasks that run get 10 seconds to end\n');
  } catch (error) {
    if (!isCoded(error)) throw error;
    say(`error: ${error.message} [${error.code}]\n`);
    return 1;
  } finally {
    await forgetAddress();
    await agent.close();
  }
  return 0;
}

/** Waits for a sandbox that was still being opened at the start. False when it was open already, or when the agent was stopped before. */
async function opensLater(agent: RunningAgent, stopped: Promise<void>): Promise<boolean> {
  const { sandbox } = await agent.status();
  if (sandbox.lane !== 'opening') return false;
  return Promise.race([agent.ready.then(() => true), stopped.then(() => false)]);
}

function problemsOf(error: CodedError): readonly { readonly code: string; readonly message: string }[] {
  const problems = ServerError.is(error) ? error.details.problems : undefined;
  return Array.isArray(problems) ? (problems as readonly CodedError[]) : [error];
}
