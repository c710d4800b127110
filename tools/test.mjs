// `npm test`: the whole suite. V8 itself may end a test process, by its own check (SIGTRAP, "Check failed: jit_page.has_value()") or by SIGSEGV: a race
// between threads that free and take code pages, nodejs/node#64500; some runs of the suite lost one process of 468 to it. Such a file is run
// three times more, alone, and that is said: a fault of ours that ends a process now and then has to pass all three. A test that fails is never run
// again, and nothing is when files were named.
import { spawn } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ENDED_BY_V8 = /Worker exited unexpectedly with signal SIG(?:TRAP|SEGV)[^\n]* while running test file (\S+?\.test\.tsx?)/g;
const SUMMARY = /^ *(?:Tests|Test Files|Errors) .*$/gm;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours
const COLOURS = /\u001b\[[0-9;]*m/g;

/**
 * The files to run again after a run that ended with `status`; `null` when the verdict stands.
 * @param output what the run printed, without colours.
 * @example filesEndedByV8(1, log) // ['tests/e2e/compare.test.ts']
 */
export function filesEndedByV8(status, output) {
  if (status === 0) return null;
  const files = [...new Set([...output.matchAll(ENDED_BY_V8)].map(([, file]) => file))];
  const summary = (output.match(SUMMARY) ?? []).join('\n');
  const errors = Number(/Errors +(\d+) error/.exec(summary)?.[1] ?? 0);
  // Every error of the run has to be one of these.
  return files.length > 0 && !/\d failed/.test(summary) && errors === files.length ? files : null;
}

function vitest(args) {
  return new Promise((resolve) => {
    const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
    const child = spawn('vitest', ['run', ...args], { stdio: ['inherit', 'pipe', 'pipe'], env: { ...process.env, ...color } });
    let output = '';
    for (const [stream, own] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ])
      stream.on('data', (chunk) => {
        output += chunk;
        own.write(chunk);
      });
    child.on('close', (status) => resolve({ status: status ?? 1, output: output.replace(COLOURS, '') }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  let { status, output } = await vitest(args);
  const again = args.length > 0 ? null : filesEndedByV8(status, output);
  if (again !== null) {
    const names = again.map((file) => relative(process.cwd(), file));
    console.error(`\nA signal of V8 ended the process of ${names.join(', ')}; no test failed. Run three times more, alone:\n`);
    status = 0;
    for (let round = 0; round < 3 && status === 0; round += 1) ({ status } = await vitest(names));
  }
  process.exitCode = status;
}
