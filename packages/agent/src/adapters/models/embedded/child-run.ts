/** Runs a tool that is installed on the machine, with its own environment and without the agent's secrets. */

import { spawn } from 'node:child_process';

export interface ToolRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly signal: AbortSignal;
}

const MAX_KEPT = 4096;
/** Settings of package managers, proxies and certificates; keys of the agent's own begin otherwise. */
const PASSED =
  /^(?:PATH|HOME|USER|LANG|LC_\w+|TMPDIR|TEMP|TMP|(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR)|NODE_EXTRA_CA_CERTS|npm_config_\w+|pip_\w+)$/i;

/** Resolves when the tool ended well; rejects with the end of what it said otherwise. */
export function runTool({ command, args, cwd, signal }: ToolRun): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED.test(name)));
    const child = spawn(command, args, { cwd, env, signal, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MAX_KEPT);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(lastLine(said) ?? `${command} ended with ${code}`));
    });
  });
}

function lastLine(text: string): string | null {
  const lines = text.split('\n').map((line) => line.replaceAll(/[^\x20-\x7e]/g, '').trim());
  return (
    lines
      .filter((line) => line !== '' && !/complete log of this run/.test(line))
      .at(-1)
      ?.slice(0, 300) ?? null
  );
}
