/**
 * An audit whose compilation is kept, beside bare Slither on the same archive: in turn, so that other work of the machine meets both. Bare
 * Slither runs as the sandbox runs it, in a fresh fork of an interpreter that has it imported, without sandbox, agent or receipt.
 */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface BareSlither {
  readonly python: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The driver's file, whose archive class is used. */
  readonly driver: string;
  readonly archive: string;
}

/** For each line that it reads: forks, analyses in the child as bare Slither does, prints wall and processor time, milliseconds. */
const SERVER = `
import gc, json, logging, os, sys, time
logging.disable(logging.CRITICAL)
exec(open(sys.argv[1]).read().rsplit("main()", 1)[0])
classes = detector_classes()
def bare(text):
    slither = Slither(CryticCompile(Given(json.loads(text))))
    for each in classes: slither.register_detector(each)
    return slither.run_detectors()
gc.collect()
gc.freeze()
for _ in sys.stdin:
    begun, (reader, writer) = time.monotonic(), os.pipe()
    if os.fork() == 0:
        used = time.process_time()
        bare(open(sys.argv[2]).read())
        os.write(writer, str((time.process_time() - used) * 1000).encode())
        os._exit(0)
    os.close(writer)
    used = float(os.read(reader, 100))
    os.close(reader)
    os.wait()
    print(json.dumps([(time.monotonic() - begun) * 1000, used]), flush=True)
`;

/** Medians of `rounds` pairs, milliseconds. */
export async function besideBare(
  audit: () => Promise<unknown>,
  { python, env, cwd, driver, archive }: BareSlither,
  rounds = 15,
): Promise<{ readonly audit: number; readonly agent: number; readonly bare: number; readonly bareProcessor: number }> {
  const server = spawn(python, ['-c', SERVER, driver, archive], { cwd, env: { ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const times = { audit: [] as number[], agent: [] as number[], bare: [] as number[], bareProcessor: [] as number[] };
  for (let round = -1; round < rounds; round += 1) {
    const [begun, used] = [performance.now(), process.cpuUsage()];
    await audit();
    const { user, system } = process.cpuUsage(used);
    const audited = performance.now() - begun;
    server.stdin.write('\n');
    const [bare = Number.NaN, processor = Number.NaN] = JSON.parse(String((await answers.next()).value)) as number[];
    if (round < 0) continue;
    times.audit.push(audited);
    times.agent.push((user + system) / 1000);
    times.bare.push(bare);
    times.bareProcessor.push(processor);
  }
  server.stdin.end();
  const middle = (all: number[]): number => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
  return {
    ...{ audit: middle(times.audit), agent: middle(times.agent) },
    ...{ bare: middle(times.bare), bareProcessor: middle(times.bareProcessor) },
  };
}
