// `npm run sabotage [ROOM | FILE …]`: takes each refusal, verifying call and check of the verifying rooms away, one at a time, and runs
// the tests of the room, until all cuts are noticed. A cut that no test notices is a survivor: the exit code is 1. tests/sabotage/ROOM.md
// has one row for each file, with the text that was tried (`git hash-object`), so that a room can be run file by file.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutsOf } from './sabotage/cuts.mjs';
import { writeReport } from './sabotage/report.mjs';
import { filesOf, ROOM_NAMES } from './sabotage/rooms.mjs';

const TICKS_PER_SECOND = 100;
const BATCH = 16; // test files of one run of Vitest
const MOST_STARTS = 4; // of a batch

/** Seconds of processor time that a process has used; 0 for one that is gone. */
function processorSeconds(pid) {
  try {
    const [, fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const [user, system] = fields.split(' ').slice(11, 13).map(Number);
    return (user + system) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/**
 * Runs Vitest on `tests`; kills it when one trial loops, by its processor time: the clock on the wall says nothing on a busy machine. With
 * a cut that is `active` all along, Vitest's own time limits end it.
 */
function vitest(folder, tests, { active, bail = 0 } = {}) {
  const env = {
    ...process.env,
    ASSAY_SABOTAGE: folder,
    ...(active === undefined ? {} : { ASSAY_SABOTAGE_ACTIVE: String(active) }),
  };
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'tools/sabotage/vitest.config.mjs', '--maxWorkers', '1'];
  const child = spawn(process.execPath, [...args, '--bail', String(bail), ...tests], { env, stdio: 'ignore' });
  return new Promise((resolve) => {
    let last = '';
    let since = 0;
    const watch = setInterval(() => {
      // The number of the cut, the process that tries it and the seconds it may use; empty between trials.
      const now = readFileSync(join(folder, 'now'), 'utf8');
      const [, pid, limit] = now.split(' ');
      const used = processorSeconds(pid);
      if (now !== last || now === '') [last, since] = [now, used];
      if (now === '' || used - since < Number(limit)) return;
      process.kill(Number(pid), 'SIGKILL');
      child.kill('SIGKILL');
    }, 1000);
    child.on('exit', (status) => {
      clearInterval(watch);
      // A trial that still stands there ended the process: it looped, or took all memory.
      const [trial] = readFileSync(join(folder, 'now'), 'utf8').split(' ');
      resolve({ passed: status === 0, ended: trial === '' ? null : Number(trial) });
    });
  });
}

const readJson = (folder, name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const writeJson = (folder, name, value) => writeFileSync(join(folder, name), JSON.stringify(value));

/** What Git calls the text of each file, before any commit or rebase: `git cat-file -p` shows it. */
function textsOf(sources) {
  const names = execFileSync('git', ['hash-object', ...sources], { encoding: 'utf8' })
    .trim()
    .split('\n');
  return Object.fromEntries(sources.map((file, index) => [file, names[index].slice(0, 8)]));
}

/** Lists the cuts of a room, numbered across its files. */
function numbered(sources) {
  const cuts = [];
  const files = {};
  for (const file of sources) {
    const found = cutsOf(readFileSync(file, 'utf8'));
    files[file] = found.map((_, index) => cuts.length + index);
    cuts.push(...found.map(({ line, what }) => ({ file, line, what })));
  }
  return { cuts, files };
}

/** Runs every file of a batch to its end, whatever it says: a cut that ends the process is taken for noticed, a process that ended early starts again. */
async function runBatch(folder, batch) {
  for (let starts = 0; starts < MOST_STARTS; ) {
    const seen = readJson(folder, 'seen.json');
    const left = batch.filter((test) => !(join(process.cwd(), test) in seen));
    if (left.length === 0) return;
    writeFileSync(join(folder, 'now'), '');
    const { ended } = await vitest(folder, left);
    if (ended === null) starts += 1;
    else writeJson(folder, 'killed.json', [...readJson(folder, 'killed.json'), ended]);
  }
  throw new Error(`expected the tests to run, got none of ${batch.join(' ')}; run one of them with vitest to see why`);
}

/** Tries the cuts of some files of a room, or of all; returns how many survived. */
async function sabotage(room, wanted) {
  const folder = mkdtempSync(join(tmpdir(), 'assay-sabotage-'));
  const { sources, tests } = filesOf(room, wanted);
  const texts = textsOf(sources);
  const { cuts, files } = numbered(sources);
  writeJson(folder, 'room.json', { files });
  writeJson(folder, 'killed.json', []);
  writeJson(folder, 'seen.json', {});
  writeJson(folder, 'open.json', {});
  for (let from = 0; from < tests.length; from += BATCH) {
    await runBatch(folder, tests.slice(from, from + BATCH));
    const [noticed, ran] = [readJson(folder, 'killed.json').length, Math.min(from + BATCH, tests.length)];
    console.log(`${room}: ${noticed} of ${cuts.length} cuts noticed by ${ran} of ${tests.length} test files`);
    if (noticed === cuts.length) break;
  }
  const seen = new Set(Object.values(readJson(folder, 'seen.json')).flat());
  const open = Object.entries(readJson(folder, 'open.json'));
  const killed = new Set(readJson(folder, 'killed.json'));
  for (const [n, cut] of cuts.entries()) {
    if (killed.has(n)) continue;
    const undecided = open.filter(([, left]) => left.includes(n)).map(([test]) => test);
    if (undecided.length > 0 && !(await vitest(folder, undecided, { active: n, bail: 1 })).passed) killed.add(n);
    else console.log(`${room}: survivor ${cut.file}:${cut.line} ${cut.what}`);
  }
  rmSync(folder, { recursive: true });
  const survivors = cuts.flatMap((cut, n) => (killed.has(n) ? [] : [{ ...cut, seen: seen.has(n) }]));
  const counts = Object.entries(files).map(([file, numbers]) => ({ file, cuts: numbers.length, text: texts[file] }));
  writeReport(room, counts, survivors);
  return survivors.length;
}

/** Rooms by name, each with the files that are wanted of it. */
function wantedRooms(names) {
  if (names.length === 0) return new Map(ROOM_NAMES.map((room) => [room, undefined]));
  const rooms = new Map();
  for (const name of names) {
    const room = ROOM_NAMES.includes(name) ? name : ROOM_NAMES.find((each) => filesOf(each).sources.includes(name));
    if (room === undefined) {
      console.error(`expected rooms among ${ROOM_NAMES.join(', ')} or files of them, got ${name}`);
      process.exit(1);
    }
    rooms.set(room, name === room ? undefined : [...(rooms.get(room) ?? []), name]);
  }
  return rooms;
}

let left = 0;
for (const [room, files] of wantedRooms(process.argv.slice(2))) left += await sabotage(room, files);
process.exit(left === 0 ? 0 : 1);
