// The report of a room: one row for each file that was run, with Git's name of the text that was tried, then the cuts that no test noticed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const REPORTS = 'tests/sabotage';
const FILE_ROW = /^\| `([^`:]+)` \| \d+ \| \d+ \| [0-9a-f]{8} \|$/;
const SURVIVOR_ROW = /^\| `([^`:]+):\d+` \| /;

/** Puts the rows of these files in the place of those that the report has of them. */
export function writeReport(room, files, survivors) {
  const path = `${REPORTS}/${room}.md`;
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const stays = (file) => existsSync(file) && !files.some((each) => each.file === file);
  const kept = (row) => lines.filter((line) => row.test(line) && stays(row.exec(line)[1]));
  const fileRows = files.map(({ file, cuts, text }) => {
    const survived = survivors.filter((each) => each.file === file).length;
    return `| \`${file}\` | ${cuts} | ${survived} | ${text} |`;
  });
  const survivorRows = survivors.map(({ file, line, what, seen }) => {
    const cut = what.replaceAll('|', '\\|').replaceAll('`', "'");
    return `| \`${file}:${line}\` | \`${cut}\` | ${seen ? 'run, not noticed' : 'never run'} |`;
  });
  const fileTable = [...kept(FILE_ROW), ...fileRows].sort();
  const survivorTable = [...kept(SURVIVOR_ROW), ...survivorRows].sort();
  const sum = (column) => fileTable.reduce((total, row) => total + Number(row.split(' | ')[column]), 0);
  mkdirSync(REPORTS, { recursive: true });
  const report = [
    `# Sabotage of ${room}`,
    '',
    `\`npm run sabotage\`: ${sum(1)} cuts in ${fileTable.length} files, ${sum(2)} survivors.`,
    '',
    ...['| file | cuts | survivors | text |', '| --- | --- | --- | --- |', ...fileTable],
    ...(survivorTable.length === 0 ? [] : ['', '| where | what was taken away | tests |', '| --- | --- | --- |']),
    ...[...survivorTable, ''],
  ];
  writeFileSync(path, report.join('\n'));
}
