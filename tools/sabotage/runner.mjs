// Runs each test as it is, then once more for every cut that it passed through and that no test noticed so far. A cut is noticed when
// the test fails with it, and passes again without. Unit tests with a long time limit of their own try every bit or byte, and are left
// out: a cut has a test that names it. Tests that fail when they run twice, cuts that make a test late, and cuts in hooks and modules decide
// nothing here: those stay open, and are tried later, a process each.
import { readFileSync, writeFileSync } from 'node:fs';
import { TestRunner } from 'vitest';

const BUDGET = { processorMs: 12_000, wallMs: 60_000 }; // for the cuts of one test, on an idle machine or a busy one
const LEAST_TRIAL_MS = 20_000;
const LONG_LIMIT_MS = 60_000;
const LATE_FACTOR = 10; // of the time that the test takes as it is
const STUCK_SECONDS = [5, 20]; // of processor time, at least and at most: a trial that uses more is a loop without end
const STUCK_FACTOR = 20; // of the time that the test takes as it is
const folder = process.env.ASSAY_SABOTAGE;

/** Starts a stopwatch: `processorMs` that this process used since, `wallMs` that went by. */
function stopwatch() {
  const [used, began] = [process.cpuUsage(), performance.now()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { processorMs: (user + system) / 1000, wallMs: performance.now() - began };
  };
}

/** The cuts passed through since this was cleared; none before the first module of the room is there. */
const seenNow = () => globalThis.__assayCut?.seen ?? new Set();
const exceeds = (spent, part) => spent.processorMs > BUDGET.processorMs * part || spent.wallMs > BUDGET.wallMs * part;

/** A unit test that asked for more time. */
function isExhaustive({ timeout, file }, usual) {
  return timeout !== usual && timeout >= LONG_LIMIT_MS && file.filepath.includes('/src/');
}

export default class SabotageRunner extends TestRunner {
  #killed = new Set(JSON.parse(readFileSync(`${folder}/killed.json`, 'utf8')));
  #seen = new Set();
  #open = new Set();
  #late = new Set();

  async runTask(test) {
    if (isExhaustive(test, this.config.testTimeout)) return;
    const run = TestRunner.getTestFn(test);
    this.#leaveOpen(seenNow());
    seenNow().clear();
    const spent = stopwatch();
    await run();
    const passed = [...seenNow()];
    for (const n of passed) this.#seen.add(n);
    const tried = await this.#tryCuts(run, passed, spent);
    this.#leaveOpen(passed.filter((n) => !this.#killed.has(n) && !tried.has(n)));
    seenNow().clear();
  }

  /** Tries those of the cuts that no test noticed so far; gives those that this test need not try again. */
  async #tryCuts(run, cuts, spent) {
    const took = spent();
    const limit = Math.max(LEAST_TRIAL_MS, LATE_FACTOR * took.wallMs);
    const stuck = Math.min(STUCK_SECONDS[1], Math.max(STUCK_SECONDS[0], (STUCK_FACTOR * took.processorMs) / 1000));
    const tried = new Set();
    const open = cuts.filter((n) => !this.#killed.has(n));
    if (open.length === 0 || exceeds(took, 1 / 2) || (await this.#outcome(run, limit)) !== 'passed') return tried;
    for (const n of open.filter((each) => !this.#late.has(each))) {
      if (exceeds(spent(), 1)) break;
      writeFileSync(`${folder}/now`, `${n} ${process.pid} ${stuck}`);
      globalThis.__assayCut.active = n;
      const outcome = await this.#outcome(run, limit);
      globalThis.__assayCut.active = -1;
      if (outcome === 'late') {
        this.#late.add(n);
        break; // what is still under way would disturb the next trial
      }
      // A trial can leave a state behind in which the test always fails: that says nothing about this cut, nor about the next.
      if (outcome === 'failed' && (await this.#outcome(run, limit)) !== 'passed') break;
      if (outcome === 'failed') this.#notice(n);
      tried.add(n);
    }
    writeFileSync(`${folder}/now`, '');
    return tried;
  }

  /** What these cuts do was not tried here: they were passed through outside a test, or no time was left for them. */
  #leaveOpen(cuts) {
    for (const n of cuts) {
      this.#seen.add(n);
      this.#open.add(n);
    }
  }

  /** Written at once: a later trial may end the process. */
  #notice(n) {
    this.#killed.add(n);
    writeFileSync(`${folder}/killed.json`, JSON.stringify([...this.#killed]));
  }

  async #outcome(run, limit) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve('late'), limit);
    });
    try {
      return await Promise.race([Promise.resolve(run()).then(() => 'passed'), late]);
    } catch {
      return 'failed';
    } finally {
      clearTimeout(timer);
    }
  }

  async onAfterRunFiles(files) {
    this.#leaveOpen(seenNow());
    for (const { filepath } of files) {
      this.#record('seen', filepath, this.#seen);
      this.#record('open', filepath, this.#open);
    }
    // The next file may run in this process.
    for (const each of [this.#seen, this.#open, seenNow()]) each.clear();
    return super.onAfterRunFiles?.(files);
  }

  #record(name, filepath, cuts) {
    const path = `${folder}/${name}.json`;
    const all = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...all, [filepath]: [...new Set([...(all[filepath] ?? []), ...cuts])] }));
  }
}
