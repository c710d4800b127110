/** Examples under `assay COMMAND --help`: what people do with it, first things first. Each is a command line that works as it stands. */

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
    ['assay service --model phala/gemma-3-27b-it', "RedPill's evidence, verified here"],
    ['assay service --model phala/gemma-3-27b-it --ask "What is 6 times 7?" --save proof', 'and one signed answer'],
  ],
  talk: [['assay talk "BTC price right now" --platform openai --model gpt-4o', 'with your key in PLATFORM_API_KEY']],
  model: [
    ['assay model fetch', 'the recommended one, with its engine'],
    ['assay model fetch --from /media/models', 'the file from here; its digest decides'],
    ['assay model list', 'what can be fetched, and what is'],
    ['assay model digest weights.safetensors', 'which model it is'],
  ],
  solc: [
    ['assay solc add', 'the compilers that agents have by default'],
    ['assay solc add 0.8.24', 'one version'],
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
    ['assay policy explain strict', 'in sentences'],
  ],
  variables: [
    ['assay variables set greeting --value-file - --key-file owner.key', 'signed, sealed when hidden'],
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
    ['assay store backup backups/today', 'beside a running agent'],
  ],
  bundle: [['assay bundle rcpt_1 -o bundle.json', 'a file that anyone can verify offline']],
  replay: [['assay replay bundle.json', 'exit 0: the same, 6: another result, 7: cannot be repeated here']],
  proxy: [['assay proxy https://agent.example --port 8788', 'for any OpenAI client']],
  mcp: [['assay mcp --http 8799', 'for assistants that speak HTTP']],
  keys: [
    ['assay keys add team-a --tasks 500 --tokens 2000000', 'a key with quotas for each day'],
    ['assay keys usage --days 7', 'what each key used'],
    ['assay keys revoke team-a', 'ends it at once'],
  ],
  operator: [['assay operator rotate-keys', 'new keys for the running agent']],
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
