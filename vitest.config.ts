import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const conditions = ['@assay/source', 'module', 'node', 'development|production'];

const INCLUDE = ['packages/*/src/**/*.test.{ts,tsx}', 'tests/**/*.test.ts'];

/**
 * Files that share a process with others: it evaluates the modules of the packages once, which takes longer than most files. One that changes what
 * others see, or measures time or memory, has a process of its own.
 */
const ALONE = [
  /\bvi\b|\bglobalThis\.[\w.]+ =|defineProperty|\.prototype\b|getRequestListener|setFlagsFromString/,
  /\bprocess\.(?:env(?:\.\w+|\[[^\]]+\]) (?:\?\?)?= |chdir|exit|on\b|once|umask|emitWarning|setuid|setgid)|delete process\.env/,
  /memoryUsage|resourceUsage|cpuUsage|hrtime|maxRSS|Vm(?:HWM|RSS)|performance\.now/,
];
const SHARED = [...testsOf('packages'), ...testsOf('tests')].filter((file) => {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return !ALONE.some((sign) => sign.test(text));
});

function testsOf(folder: string): string[] {
  const names = readdirSync(new URL(folder, import.meta.url), { encoding: 'utf8', recursive: true });
  return names.filter((name) => /^(?!.*(?:node_modules|dist)\/).*\.test\.tsx?$/.test(name)).map((name) => `${folder}/${name}`);
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      { extends: true, test: { name: 'own', include: INCLUDE, exclude: [...configDefaults.exclude, ...SHARED] } },
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Tests wait for a state, on machines that do other things as well; a state that never comes fails all the same.
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    // Hundreds of tests start the command from its sources; compiled once, each start takes a third of the processor time.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
    // Tests wait about as much as they compute: as many files as cores leave two cores idle for four tenths of the time.
    maxWorkers: Math.max(3, availableParallelism()),
    // Processes that start and end many threads die of V8 now and then: of the protection keys of its code pages (`jit_page.has_value()`), and of
    // WebAssembly code that one thread frees while another ends (nodejs/node#64500). Test processes do without both.
    execArgv: ['--no-memory-protection-keys', '--no-wasm-code-gc'],
  },
});
