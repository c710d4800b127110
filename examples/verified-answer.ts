/** Three lines to a verified answer. Run it with the agent's address; a simulator's root must be named on purpose. */

import { readFileSync } from 'node:fs';
import { connect } from 'assay';

const [url = 'http://127.0.0.1:8000', rootFile] = process.argv.slice(2);
const agent = await connect(url, { trust: { simulatedRoot: rootFile && readFileSync(rootFile) } });
const { text, receipt } = await agent.chat('Calculate the factorial of 10 and print the result');
console.log(text);
console.log(agent.attested.verdict.outcome, receipt.receipt_id);
