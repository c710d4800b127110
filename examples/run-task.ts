/** A task with a file, its steps as they happen, and its checked result. Nothing of it leaves before the agent is verified. */

import { readFileSync } from 'node:fs';
import { connect } from 'assay';

const [url = 'http://127.0.0.1:8000', rootFile] = process.argv.slice(2);
const agent = await connect(url, { trust: { simulatedRoot: rootFile && readFileSync(rootFile) } });

const code =
  "rows = open('/tmp/sales.csv').read().split()\nopen('/tmp/count.txt', 'w').write(str(len(rows)))\nprint(len(rows))";
const run = agent.run({ type: 'execute', code }, { files: { 'sales.csv': 'a,1\nb,2\n' }, language: 'python' });
for await (const step of run) console.log(step.type);
const { stdout, files, receipt, verdict } = await run;
console.log(stdout.trim(), Object.keys(files), verdict.outcome, receipt.receipt_id);
