/** Examples under `assay COMMAND --help`: what people do with it, first things first. Each is a command line that works as it stands. */

/** Command, arguments and what it does. */
export type Example = readonly [line: string, does: string];

export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  run: [
    ['assay run "Calculate the factorial of 10"', 'one task, shown step by step'],
    ['assay run "Plot sales by region" --input sales.csv --save out', 'with a file, everything kept'],
    ['assay run "Add up a list" --language javascript --json', 'the whole answer for programs'],
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
  inspect: [
    ['assay inspect out/bundle.json', 'the story of a task'],
    ['assay inspect quote.bin --verbose', 'every field in full'],
  ],
  ask: [['assay ask https://agent.example "What is 6 times 7?" --save proof.json', 'one verified answer, its proof kept']],
  collateral: [
    ['assay collateral fetch quote.bin -o collateral.json', 'while there is a network'],
    ['assay collateral pack certificates -o collateral.json', 'from files at hand'],
  ],
  policy: [
    ['assay policy init --from quote.bin', 'accepts this software and no other'],
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
  operator: [['assay operator rotate-keys', 'new keys for the running agent']],
  doctor: [['assay doctor --json', 'what this machine has, for programs']],
  sandbox: [
    ['assay sandbox install', 'numpy, pandas and matplotlib'],
    ['assay sandbox test', 'attacks every lane'],
  ],
  completion: [
    ['source <(assay completion bash)', 'for this shell; put the line into ~/.bashrc to keep it'],
    ['assay completion zsh > ~/.zfunc/_assay', 'for zsh'],
    ['assay completion fish > ~/.config/fish/completions/assay.fish', 'for fish'],
  ],
};
