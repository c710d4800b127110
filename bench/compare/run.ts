/**
 * Comparisons against ground truth: `npm run bench:compare -- [--runs N] [--part null|zoo|texts|model|speed] [--keep FILE] [--pool FILE]`. Counts
 * verdicts, right and wrong, and the queries they took. Runs of the zoo and of the model are kept in FILE, from which a second call goes on; with
 * `--runs 0` it prints them. The zoo is trained here; the real model is the one of `ASSAY_DATA_DIR`, which also has the engine.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { COMPARISON_MODES, Comparison, type PlanDocument, parseAnswer, uniformNumbers } from '@assay/models';
import { compareZoo, planOf, SMALL_RECIPE, zooOf } from '@assay/testing/model-zoo';
import { pythonEnvironment } from '../../tests/interop/python-environment.ts';
import { programOptions } from '../../tools/program-options.ts';
import { realModelRows } from './real-model.ts';
import { printTable, type Row, Runs } from './rows.ts';
import { toyZooRows } from './toy-zoo.ts';

const { values } = programOptions({
  call: 'npm run bench:compare',
  does: 'Comparisons of models against ground truth.',
  options: {
    runs: { takes: 'N', about: 'of each comparison; 0 prints those that --keep holds', number: 'whole', default: '20' },
    part: { takes: 'NAME', about: 'one alone', choices: ['all', 'null', 'zoo', 'texts', 'model', 'speed'], default: 'all' },
    mode: { takes: 'NAME', about: 'of comparison', choices: Object.keys(COMPARISON_MODES), default: 'quick' },
    forms: { takes: 'DIR', about: 'keeps the requantised forms of the real model' },
    keep: { takes: 'FILE', about: 'keeps the runs, and goes on from them' },
    pool: { takes: 'FILE', about: 'keeps the texts' },
  },
});
const RUNS = Number(values.runs);
const dataDir = process.env.ASSAY_DATA_DIR ?? new URL('../../node_modules/.cache/assay-models', import.meta.url).pathname;
const wanted = (part: string): boolean => values.part === 'all' || values.part === part;
const mode = values.mode as PlanDocument['mode'];
const scratch = await mkdtemp(join(tmpdir(), 'assay-bench-compare-'));

if (wanted('null')) {
  const rows = Object.entries(COMPARISON_MODES).flatMap(([mode, plan]) =>
    (['DIFFERENT', 'SAME'] as const).map((wrong) => {
      const next = uniformNumbers(20_261_129);
      const mean = wrong === 'DIFFERENT' ? plan.epsilonDifferent : plan.epsilonSame;
      const verdicts = Array.from({ length: 20_000 }, () => {
        const comparison = new Comparison(plan);
        let state = comparison.state;
        while (!state.ended) state = comparison.score(next() < mean ? 1 : 0);
        return state;
      });
      return {
        what: `${mode}, mean score exactly at ε of ${wrong}, allowed ${wrong === 'SAME' ? plan.beta : plan.alpha}`,
        verdicts,
        ...{ wrong: [wrong], failed: 0 },
      };
    }),
  );
  printTable('False verdicts at the boundary, 20,000 simulated runs', rows);
}

if (wanted('zoo')) {
  const zoo = zooOf(SMALL_RECIPE);
  await writeFile(join(scratch, 'base.gguf'), zoo.gguf(zoo.base));
  const made = new Runs('zoo', values.keep);
  const rows = await toyZooRows({ dataDir, zoo, file: join(scratch, 'base.gguf'), runs: RUNS, mode, made });
  printTable('Toy zoo over HTTP under 8-way load, reference in the engine', rows);
}

if (wanted('texts')) {
  const zoo = zooOf(SMALL_RECIPE);
  const base = zoo.textModel('base', zoo.base);
  const rows = [
    ['same weights', base, ['DIFFERENT', 'SAME']],
    ['20 fine-tune steps', zoo.textModel('tuned', zoo.fineTuned(20)), ['SAME']],
    ['other seed', zoo.textModel('other', zoo.otherSeed()), ['SAME']],
  ] as const;
  const pools: Record<string, unknown[]> = {};
  const found = rows.map(([what, model, wrong]): Row => {
    const compared = Array.from({ length: RUNS }, (_, index) => {
      const plan = planOf({
        ...{ tier: 'pairs-text', mode: 'standard', maxQueries: 350, reply_tokens: 48 },
        run: index.toString(16).padStart(32, '0'),
      });
      return compareZoo(plan, () => model);
    });
    pools[what] = compared.map(({ queries }) =>
      queries.map(({ request, response, reference }) => ({
        prompt: (JSON.parse(request) as { prompt: string }).prompt,
        one: reference?.kind === 'answer' ? parseAnswer(reference.body).text : '',
        other: response === null ? '' : parseAnswer(response).text,
      })),
    );
    return { what, wrong, verdicts: compared.map(({ outcome }) => outcome), failed: 0 };
  });
  // A pool ends with its verdict: for a test that looks once it has as many pairs as this one needed.
  if (values.pool !== undefined) await writeFile(values.pool, JSON.stringify(pools));
  printTable('Texts of two endpoints, at most 350 pairs', found);
}

if (wanted('model')) {
  const python = await pythonEnvironment(['gguf==0.19.0', 'numpy==2.4.6']);
  if (python !== null) {
    const folder = values.forms ?? scratch;
    const file = join(dataDir, 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf');
    await mkdir(folder, { recursive: true });
    if (!existsSync(join(folder, 'noise.gguf')))
      await promisify(execFile)(join(python, 'python'), [new URL('requantise.py', import.meta.url).pathname, file, folder]);
    const form = (name: string): string => join(folder, `${name}.gguf`);
    const forms = {
      Q4_1: file,
      F16: form('F16'),
      Q8_0: form('Q8_0'),
      Q5_0: form('Q5_0'),
      Q4_0: form('Q4_0'),
      noise: form('noise'),
    };
    const made = new Runs('model', values.keep);
    printTable('SmolLM2-135M and its requantised forms', await realModelRows({ dataDir, forms, runs: RUNS, mode, made }));
  }
}

if (wanted('speed')) await import('./speed.ts');

await rm(scratch, { recursive: true, force: true });
