// Runs each test as it is, then once more for every cut that it passed through and that no test noticed so far. A cut is noticed when
// the test fails. Tests that fail when they run twice decide nothing here: their cuts are tried later, a process each.
import { readFileSync, writeFileSync } from 'node:fs';
import { TestRunner } from 'vitest';

const BUDGET_MS = 12_000; // for the cuts of one test
const TRIAL_MS = 20_000;
const folder = process.env.ASSAY_SABOTAGE;

export default class SabotageRunner extends TestRunner {
  #killed = new Set(JSON.parse(readFileSync(`${folder}/killed.json`, 'utf8')));
  #seen = new Set();

  async runTask(test) {
    const run = TestRunner.getTestFn(test);
    const state = () => globalThis.__assayCut;
    for (const n of state()?.seen ?? []) this.#seen.add(n);
    state()?.seen.clear();
    const started = performance.now();
    await run();
    const took = performance.now() - started;
    const passed = [...(state()?.seen ?? [])];
    for (const n of passed) this.#seen.add(n);
    const open = passed.filter((n) => !this.#killed.has(n));
    if (open.length === 0 || took > BUDGET_MS / 2 || !(await this.#passes(run))) return;
    for (const n of open) {
      if (performance.now() - started > BUDGET_MS) break;
      writeFileSync(`${folder}/now`, String(n));
      state().active = n;
      const noticed = !(await this.#passes(run));
      state().active = -1;
      if (noticed) this.#killed.add(n);
    }
    writeFileSync(`${folder}/now`, '');
  }

  async #passes(run) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('late')), TRIAL_MS);
    });
    try {
      await Promise.race([run(), late]);
      return true;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  async onAfterRunFiles(files) {
    for (const n of globalThis.__assayCut?.seen ?? []) this.#seen.add(n);
    writeFileSync(`${folder}/killed.json`, JSON.stringify([...this.#killed]));
    const seen = JSON.parse(readFileSync(`${folder}/seen.json`, 'utf8'));
    for (const { filepath } of files) seen[filepath] = [...new Set([...(seen[filepath] ?? []), ...this.#seen])];
    writeFileSync(`${folder}/seen.json`, JSON.stringify(seen));
    return super.onAfterRunFiles?.(files);
  }
}
