/**
 * Lints the sources of an audit with solhint and writes what it found (spec/contract-audit.md §7).
 *
 * `assay sandbox install --lane solhint` bundles it with the linter; it runs inside the sandbox, without network. `/tmp/input.json` is the
 * compiler's input, standard input names the sources to lint, the report goes to `/tmp/solhint.json`. Solhint's parts are called without its
 * command line, so that no configuration file and no plug-in of a project is looked for. The sources are hostile text.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import parser from '@solidity-parser/parser';
import astParents from 'ast-parents';
import recommended from 'solhint/conf/rulesets/solhint-recommended.js';
import Reporter from 'solhint/lib/reporter.js';
import checkersOf from 'solhint/lib/rules/index.js';
import TreeListener from 'solhint/lib/tree-listener.js';

const INPUT = '/tmp/input.json';
const REPORT = '/tmp/solhint.json';
/** Looks for files on the machine, where there are none: the compiler resolves imports. */
const OFF = ['import-path-check'];
const RULES = Object.fromEntries(Object.entries(recommended.rules).filter(([rule]) => !OFF.includes(rule)));

/** Keeps what a comment of the source would hide, marked as such. */
class FullReporter extends Reporter {
  addMessageExplicitLine(line, column, severity, message, rule) {
    if (this.config[rule] === false) return;
    this.reports.push({
      ...{ rule, message, line, column: column + 1, severity: this.severityOf(rule) ?? severity },
      suppressed: !this.commentDirectiveParser.isRuleEnabled(line, rule),
    });
  }
}

/** Positions first; sources of comments alone parse only without them, as solhint itself does it. */
function parse(text) {
  try {
    return parser.parse(text, { loc: true, range: true });
  } catch {
    return parser.parse(text, {});
  }
}

/** What solhint says of one source. One that it fails on is not read, and costs no other source its remarks. */
function lint(source, text) {
  try {
    return { source, unread: null, findings: remarksOf(source, text) };
  } catch (error) {
    return { source, unread: reasonOf(error), findings: [] };
  }
}

function remarksOf(source, text) {
  const tree = parse(text);
  const config = { rules: RULES };
  const tokens = parser.tokenize(text, { loc: true, range: true });
  const reporter = new FullReporter(tokens, config);
  astParents(tree);
  parser.visit(tree, new TreeListener(checkersOf(reporter, config, text, tokens, source)));
  return reporter.reports;
}

/** The parser also throws errors of the engine over some sources, whose words differ between engines. */
function reasonOf(error) {
  if (error instanceof parser.ParserError) return String(error.errors[0]?.message ?? error.message);
  return `the linter failed: ${error instanceof Error ? error.name : 'unknown'}`;
}

const { sources } = JSON.parse(readFileSync(INPUT, 'utf8'));
const names = JSON.parse(readFileSync(0, 'utf8'));
const files = names.map((name) => lint(name, sources[name].content));
writeFileSync(REPORT, JSON.stringify({ v: 1, rules: Object.keys(RULES).sort(), files }));
