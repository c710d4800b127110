// `npm test`: the whole suite. 500 files start servers, browsers and compilers on whatever cores there are, so a test may miss its time for want of
// a core; and V8 itself may end a test process, by its own check (SIGTRAP, "Check failed: jit_page.has_value()") or by SIGSEGV: a race between
// threads that free and take code pages, nodejs/node#64500. At most three such files are run twice more, alone, and that is said: what fails
// there fails the run, so a fault that comes now and then has to stay away twice. Nothing is run again when files were named.
import { spawn } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ENDED_BY_V8 = /Worker exited unexpectedly with signal SIG(?:TRAP|SEGV)[^\n]* while running test file (\S+?\.test\.tsx?)/g;
const SUMMARY = /^ *(?:Tests|Test Files|Errors) .*$/gm;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours
const COLOURS = /\u001b\[[0-9;]*m/g;

/** The name of the project stands in front: ` own `, or `|own|` without colours. */
const FAILED = /^ *FAIL +(?:\|?[a-z]+\|? +)?(\S+?\.test\.tsx?)/gm;
const MOST_AGAIN = 3;

/**
 * The files to run again after a run that ended with `status`; `null` when the verdict stands.
 * @param output what the run printed, without colours.
 * @example filesToRunAgain(1, log) // ['tests/e2e/compare.test.ts']
 */
export function filesToRunAgain(status, output) {
  if (status === 0) return null;
  const ended = new Set([...output.matchAll(ENDED_BY_V8)].map(([, file]) => relative(process.cwd(), file)));
  const failed = new Set([...output.matchAll(FAILED)].map(([, file]) => file));
  const summary = (output.match(SUMMARY) ?? []).join('\n');
  const errors = Number(/Errors +(\d+) error/.exec(summary)?.[1] ?? 0);
  const failedFiles = Number(/Test Files +(\d+) failed/.exec(summary)?.[1] ?? 0);
  // Every failure and every error of the run has to be one of these.
  const explained = failed.size === failedFiles && errors === ended.size;
  const again = [...new Set([...failed, ...ended])];
  return explained && again.length > 0 && again.length <= MOST_AGAIN ? again : null;
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
  const again = args.length > 0 ? null : filesToRunAgain(status, output);
  if (again !== null) {
    console.error(`\nFAILED IN THE WHOLE RUN: ${again.join(', ')}. Run twice more, alone; both runs have to pass:\n`);
    status = 0;
    for (let round = 0; round < 2 && status === 0; round += 1) ({ status } = await vitest(again));
    if (status === 0) console.error(`\nPASSED ONLY ALONE, twice of two: ${again.join(', ')}\n`);
  }
  process.exitCode = status;
}
