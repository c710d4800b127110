/**
 * Examples and exit codes under `assay COMMAND --help`: what people do with it, first things first. Each is a command line that works as it
 * stands. A subcommand shows those of its command that call it.
 */

/** Command, arguments and what it does. */
export type Example = readonly [line: string, does: string];

export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  run: [
    ['assay run "Calculate the factorial of 10"', 'one task, shown step by step'],
    ['assay run "Plot sales by region" --file sales.csv --save out', 'with a file, everything kept'],
    ['assay run "Add up a list" --language javascript --json', 'the whole answer for programs'],
  ],
  tasks: [
    ['assay tasks list --search sales --status failed', 'the newest first'],
    ['assay tasks show task_1', 'each attempt with its code and error'],
    ['assay tasks watch task_1 --save out', 'to its end; answer and proof kept'],
    ['assay tasks cancel task_1', 'ends it; its receipt says so'],
  ],
  serve: [
    ['assay serve', 'an agent on 127.0.0.1:8000'],
    ['assay serve --port 0 --data-dir /var/lib/assay', 'on a free port, with a folder of its own'],
  ],
  verify: [
    ['assay verify quote.bin', 'fetches what is missing'],
    ['assay verify quote.bin --collateral folder --offline', 'with what is at hand, no network'],
    ['assay verify nitro.cose --at 2021-03-17T22:01:55Z', 'as of the time it was made'],
    ['assay verify out/bundle.json --simulated-root .assay/simulated-root.pem', "your own simulator's work"],
    ['assay verify report.json --policy strict --nonce 00ff --json', 'for programs'],
  ],
  validate: [
    ['assay validate --ref-model ref.gguf --cand-model cand.gguf --dry-run', 'the plan of a comparison, and nothing else'],
  ],
  compare: [
    ['assay compare --ref-model model.gguf --cand-model https://api.example/v1', 'log probabilities against a file'],
    ['assay compare --ref-model smollm2-135m --cand-model https://agent.example --enable-api-binding', 'an attested agent'],
    ['assay compare --ref-model a.gguf --cand-model b.gguf --mode audit', 'two files'],
  ],
  inspect: [
    ['assay inspect out/bundle.json', 'the story of a task'],
    ['assay inspect quote.bin --verbose', 'every field in full'],
  ],
  ask: [
    ['assay ask "What is 6 times 7?"', 'the agent of this folder'],
    ['assay ask https://agent.example "What is 6 times 7?" --save proof.json', 'another one, its proof kept'],
  ],
  audit: [
    ['assay audit Token.sol', 'every weakness that the analyser finds'],
    ['assay audit . --save audit', 'a project; report and bundle kept'],
  ],
  build: [
    ['assay build . --save build', 'contracts, manifest and bundle'],
    ['assay build Token.sol --compare 0xabc', 'whether the code is what was published'],
  ],
  'check-contract': [
    ['assay check-contract build/bundle.json --rpc http://127.0.0.1:8545 --address 0xabc', 'what a chain runs'],
    [
      'assay check-contract b.json --rpc $RPC --address 0xabc --summary s.json --chain-id 1 --key-file k',
      'and a signed summary of its audit',
    ],
  ],
  service: [
    ['assay service --model phala/gemma-3-27b-it', "RedPill's evidence, verified here; your key is in REDPILL_API_KEY"],
    ['assay service --model phala/gemma-3-27b-it --ask "What is 6 times 7?" --save proof', 'and one signed answer'],
  ],
  talk: [
    ['assay talk "BTC price right now" --platform openai --model gpt-4o', 'with your key for the platform in PLATFORM_API_KEY'],
  ],
  model: [
    ['assay model fetch', 'the recommended one, with its engine'],
    ['assay model fetch --from /media/models', 'the file from here; its digest decides'],
    ['assay model list', 'what can be fetched, and what is'],
    ['assay model rm smollm2-135m', 'frees its room'],
    ['assay model digest weights.safetensors', 'which model it is'],
    ['assay model commit model --vendor Example --key vendor.pem --output promise.json', 'a promise for 30 days'],
    [
      'assay model check-commitment promise.json --key vendor-public.pem --model model',
      'the promise, and the model against it',
    ],
    ['assay model sign model --key signer.pem', 'writes model.sig'],
    ['assay model verify model --key signer-public.pem', 'every file against model.sig'],
  ],
  solc: [
    ['assay solc add', 'the compilers that agents have by default'],
    ['assay solc add 0.8.24', 'one version'],
    ['assay solc list', 'what is installed'],
  ],
  'tee-validation': [['assay tee-validation --provider nitro', 'genuine, forged, replayed and stale evidence']],
  collateral: [
    ['assay collateral fetch quote.bin -o collateral.json', 'while there is a network'],
    ['assay collateral pack certificates -o collateral.json', 'from files at hand'],
  ],
  measure: [
    ['assay measure app.eif --format policy', 'accepts this enclave and no other'],
    ['assay measure app.eif --release 0.2.0 --floor 0.1.5 --format statement', 'what a release publishes'],
    ['assay measure app.eif --compare nitro.cose --at 2026-11-01T00:00:00Z', 'what differs from a running enclave'],
    ['assay measure OVMF.fd --processors 4 --cpu EPYC-Milan --kernel vmlinuz --initrd initrd', 'SEV-SNP'],
    ['assay measure OVMF.fd --memory 8G --kernel vmlinuz --initrd initrd', 'TDX'],
  ],
  policy: [
    ['assay policy init --from out/bundle.json -o policy.json', 'accepts this software and no other'],
    ['assay policy from-nitro-cli build.json', 'accepts what nitro-cli built'],
    ['assay policy from-releases 0.1.5.json 0.2.0.json', 'accepts these releases, none below their floor'],
    [
      'assay policy from-provenance build.sigstore.json --identity "https://example.org/*"',
      'accepts what that workflow signed for',
    ],
    ['assay policy explain strict', 'in sentences'],
    ['assay policy show moderate', 'as JSON, to start from'],
  ],
  owners: [
    ['assay owners address owner.key', 'what a manifest names, of a key made with openssl rand -hex 32'],
    ['assay owners show', 'who must sign, the policy in words, and what waits'],
    ['assay owners set-policy policy.json --key-file owner.key', 'what the wallet may sign; ends every approval that waits'],
    ['assay owners set-policy policy.json --key-file owner.key --save change.json', 'for another owner to sign'],
    [
      'assay owners sign change.json --agent-id $AGENT_ID --key-file other.key',
      'shows the change, then signs it; AGENT_ID is what show says',
    ],
    ['assay owners send change.json', 'once enough owners have signed'],
    ['assay owners set-policy --none --key-file owner.key', 'no policy: the wallet signs nothing from then on'],
    ['assay owners pause --key-file owner.key', 'stops signing at once'],
    ['assay owners resume --key-file owner.key', 'goes on under the policy'],
    ['assay owners approve 0xabc --key-file owner.key', 'a transaction that waits; show lists them'],
    [
      'assay owners set 0x1563915e194d8cfba1943570603f7606a3115508 --threshold 1 --key-file owner.key',
      'every owner from then on',
    ],
  ],
  variables: [
    ['assay variables list', 'what is set, with the public values'],
    ['assay variables set greeting --value-file value.txt --key-file owner.key', 'signed, sealed when hidden'],
    [
      'assay variables set greeting --value-file value.txt --key-file owner.key --save change.json',
      'for another owner to sign',
    ],
    [
      'assay variables sign change.json --agent-id $AGENT_ID --key-file other.key',
      'shows the change, then signs it; AGENT_ID is what list shows',
    ],
    ['assay variables send change.json', 'once enough owners have signed'],
    ['assay variables history -o history.json', 'every change, checked'],
    ['assay variables verify history.json --simulated-root .assay/simulated-root.pem', 'offline'],
  ],
  receipt: [
    ['assay receipt', 'the newest ones'],
    ['assay receipt rcpt_1 --json', 'one of them'],
  ],
  log: [
    ['assay log fsck', 'every entry, receipt and payload'],
    ['assay log export public/log', 'plain files for any web server'],
  ],
  store: [
    ['assay store status', 'engine, schema, how much is there'],
    ['assay store migrate', 'the schema of this release; stop the agent first'],
    ['assay store backup backups/today', 'while the agent runs'],
    ['assay store restore backups/today', 'into an empty data directory'],
    ['assay store acknowledge --lost 3', 'after an older backup was restored'],
    ['assay store erase rcpt_1', 'the payloads of a receipt; its proof stays'],
    ['assay store rotate-key', 'a fresh data key; stop every agent first'],
  ],
  bundle: [['assay bundle rcpt_1 -o bundle.json', 'a file that anyone can verify offline']],
  replay: [['assay replay bundle.json', 'runs the code again, and compares']],
  proxy: [['assay proxy https://agent.example --port 8788', 'for any OpenAI client']],
  mcp: [['assay mcp --http 8799', 'for assistants that speak HTTP']],
  keys: [
    ['assay keys add team-a --tasks 500 --tokens 2000000', "a key with quotas for each day, by the agent's ASSAY_OPERATOR_KEY"],
    ['assay keys list', 'names, scopes and quotas'],
    ['assay keys usage --days 7', 'what each key used'],
    ['assay keys revoke team-a', 'ends it at once'],
  ],
  operator: [
    ['assay operator rotate-keys', 'new keys for the running agent, by its ASSAY_OPERATOR_KEY'],
    ['assay operator rotate-keys --overlap 0', 'and the old ones open nothing more'],
  ],
  doctor: [['assay doctor --json', 'what this machine has, for programs']],
  sandbox: [
    ['assay sandbox install', 'numpy, pandas and matplotlib'],
    ['assay sandbox test', 'attacks every lane'],
  ],
  'mock-tee': [
    ['assay mock-tee', 'an agent in a simulated environment, on 127.0.0.1:8080'],
    ['assay mock-tee --provider sgx --port 0', 'as an SGX enclave, on a free port'],
  ],
  completion: [
    ['source <(assay completion bash)', 'for this shell; put the line into ~/.bashrc to keep it'],
    ['assay completion zsh > ~/.zfunc/_assay', 'for zsh'],
    ['assay completion fish > ~/.config/fish/completions/assay.fish', 'for fish'],
  ],
};

const VERDICTS = '0 accepted, 2 malformed, 3 not authentic, 4 cannot tell, 5 refused by policy';
const COMPARED = '0 SAME, 6 DIFFERENT, 7 UNDECIDED; with --watch 6 when a change is proved';

/** What the exit code of a command says, where it answers a question; the codes of errors are those of `assay --help`. */
export const ANSWERS: Readonly<Record<string, string>> = {
  run: '0 done, 6 the task failed',
  'tasks watch': '0 done, 6 the task failed',
  audit: '0 passed, 6 findings fail the rule',
  build: '0 compiled, 6 the sources do not compile or the build differs',
  compare: COMPARED,
  validate: COMPARED,
  'check-contract': '0 the code matches, 6 it does not, 7 undecided',
  verify: VERDICTS,
  service: VERDICTS,
  'tee-validation': '0 each provider is as it should be, 6 one is not',
  replay: '0 the same, 6 another result, 7 cannot be repeated here',
  measure: 'with --compare 0 the same, 6 something differs',
  doctor: '0 an agent can run here, 6 something is in the way',
  'sandbox test': '0 a lane works, 6 none does',
  'log fsck': '0 sound, 3 not sound',
};
