/** Work on contracts at an agent: finds one, watches the task, gives back its checked result. The same for every such command. */

import type { RunResult, TaskRequest } from '../index.ts';
import type { AgentFlags } from './agent-connection.ts';
import type { ExitCode } from './exit-codes.ts';
import { withFoundAgent } from './find-agent.ts';
import type { Io } from './io.ts';
import { styleOf } from './output.ts';
import { describeStep } from './task-steps.ts';

export interface ContractTaskFlags extends AgentFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Runs `request` and hands its result to `present`, which decides the exit code. */
export async function contractTask(
  request: TaskRequest,
  flags: ContractTaskFlags,
  io: Io,
  present: (result: RunResult) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withFoundAgent(flags, io, async (agent) => {
    const run = agent.run(request, { signal: io.signal });
    for await (const step of run) {
      const line = flags.quiet === true ? null : describeStep(step, styleOf(io));
      if (line !== null) io.stderr(line);
    }
    return present(await run);
  });
}
