/** Plain tasks of everyday work, each with an answer that can be checked. None of them needs a package beyond the standard library. */

export interface BenchTask {
  readonly name: string;
  readonly description: string;
  readonly language: 'python' | 'javascript';
  readonly context?: Readonly<Record<string, unknown>>;
  /** Path → text. */
  readonly files?: Readonly<Record<string, string>>;
  /** Must match what was printed, the value of the last expression included. */
  readonly prints?: RegExp;
  /** Path of a file that the program must leave behind → what must be in it. */
  readonly leaves?: Readonly<Record<string, RegExp>>;
}

const SALES =
  'product,region,revenue\nApple,north,120.50\nBread,south,80.00\nApple,south,30.00\nCheese,north,300.00\nBread,north,20.00\n';
const STAFF = JSON.stringify([
  { name: 'Ada', team: 'core', age: 36 },
  { name: 'Linus', team: 'kernel', age: 28 },
  { name: 'Grace', team: 'core', age: 45 },
]);
const LOG =
  '2026-01-01 INFO started\n2026-01-01 ERROR disk full\n2026-01-02 WARN slow\n2026-01-02 ERROR timeout\n2026-01-03 ERROR disk full\n';

/** Digits of a number, however it is grouped. */
export const number = (digits: string): RegExp => new RegExp(`(?<![0-9.])${[...digits].join('[,_ ]?')}(?![0-9])`);

export const python = (
  name: string,
  description: string,
  more: Omit<BenchTask, 'name' | 'description' | 'language'>,
): BenchTask => ({
  ...{ name, description, language: 'python' },
  ...more,
});
export const javascript = (
  name: string,
  description: string,
  more: Omit<BenchTask, 'name' | 'description' | 'language'>,
): BenchTask => ({
  ...{ name, description, language: 'javascript' },
  ...more,
});

export const TASKS: readonly BenchTask[] = [
  python('factorial', 'Calculate the factorial of 10 and print the result', { prints: number('3628800') }),
  python('primes', 'Print all prime numbers below 30', { prints: /2\D+3\D+5\D+7\D+11\D+13\D+17\D+19\D+23\D+29/ }),
  python('fibonacci', 'Print the 20th Fibonacci number, where the first two are 1 and 1', { prints: number('6765') }),
  python('gcd', 'Print the greatest common divisor of 252 and 198', { prints: number('18') }),
  python('sum of squares', 'Print the sum of the squares of the numbers from 1 to 100', { prints: number('338350') }),
  python(
    'palindrome',
    'Check whether "A man, a plan, a canal: Panama" is a palindrome, ignoring punctuation and case, and print True or False',
    {
      prints: /true/i,
    },
  ),
  python('word count', 'Count the words in the sentence "the quick brown fox jumps over the lazy dog" and print the number', {
    prints: number('9'),
  }),
  python('letter frequency', 'Print the most frequent letter in "mississippi river" and how often it occurs', {
    prints: /\bi\b[\s\S]*5/i,
  }),
  python('reverse', 'Print the string "attested" reversed', { prints: /detsetta/ }),
  python('leap years', 'Print all leap years from 2000 to 2020', { prints: /2000\D+2004\D+2008\D+2012\D+2016\D+2020/ }),
  python('weekday', 'Print the day of the week of 4 July 1976', { prints: /sunday/i }),
  python('days between', 'Print the number of days from 2024-01-15 to 2024-03-01', { prints: number('46') }),
  python('compound interest', 'Calculate compound interest and print the final amount with two decimals', {
    context: { principal: 1000, rate: 0.05, years: 10, formula: 'A = P(1 + r)^t' },
    prints: /1,?628\.89/,
  }),
  python('temperature', 'Convert 98.6 degrees Fahrenheit to Celsius and print it with one decimal', { prints: /37\.0/ }),
  python('roman', 'Print the number 1994 as a Roman numeral', { prints: /MCMXCIV/ }),
  python('binary', 'Print 2026 in binary', { prints: /11111101010/ }),
  python('sha256', 'Print the SHA-256 hash of the text "hello" in hex', {
    prints: /2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824/,
  }),
  python('median', 'Print the median of the numbers in the context', {
    context: { numbers: [7, 1, 9, 3, 14, 5] },
    prints: /\b6(\.0)?\b/,
  }),
  python('total revenue', 'Read /tmp/sales.csv and print the total revenue', {
    files: { '/tmp/sales.csv': SALES },
    prints: /550\.50?\b/,
  }),
  python('revenue by product', 'Read /tmp/sales.csv and print the total revenue of each product', {
    files: { '/tmp/sales.csv': SALES },
    prints: /Apple\D+150\.50?\b[\s\S]*Bread\D+100(\.0+)?\b[\s\S]*Cheese\D+300(\.0+)?\b/,
  }),
  python('json average', 'Read /tmp/staff.json, a list of people, and print the average age with two decimals', {
    files: { '/tmp/staff.json': STAFF },
    prints: /36\.33/,
  }),
  python('json filter', 'Read /tmp/staff.json and print the names of the people in the team "core"', {
    files: { '/tmp/staff.json': STAFF },
    prints: /Ada[\s\S]*Grace/,
  }),
  python('count errors', 'Count the lines in /tmp/app.log that contain ERROR and print the number', {
    files: { '/tmp/app.log': LOG },
    prints: number('3'),
  }),
  python('write file', 'Write the numbers from 1 to 5, one a line, into /tmp/numbers.txt', {
    leaves: { '/tmp/numbers.txt': /^1\n2\n3\n4\n5\n?$/ },
  }),
  python('csv to json', 'Convert /tmp/sales.csv into a JSON list of objects and save it as /tmp/sales.json', {
    files: { '/tmp/sales.csv': SALES },
    leaves: { '/tmp/sales.json': /"product":\s*"Apple"[\s\S]*"Cheese"/ },
  }),
  python('missing file', 'Print the content of /tmp/settings.txt, or the word default when that file does not exist', {
    prints: /default/,
  }),
  javascript('factorial in JavaScript', 'Calculate the factorial of 10 and print the result', { prints: number('3628800') }),
  javascript('sort', 'Sort the numbers 42, 7, 19, 3, 88 in ascending order and print them', { prints: /3\D+7\D+19\D+42\D+88/ }),
  javascript('unique', 'Print the unique words of "to be or not to be" in alphabetical order', {
    prints: /be\W+not\W+or\W+to/,
  }),
  javascript('vowels', 'Count the vowels in "Assay makes AI work checkable" and print the number', { prints: number('10') }),
  javascript('fizzbuzz', 'Print FizzBuzz for the numbers 1 to 15', { prints: /14\s+FizzBuzz/ }),
  javascript('title case', 'Print "the road of every piece of work" with the first letter of each word in upper case', {
    prints: /The Road Of Every Piece Of Work/,
  }),
  javascript('sum of context', 'Print the sum of the prices in the context', {
    context: { prices: [19.99, 5.01, 25] },
    prints: /\b50(\.0+)?\b/,
  }),
  javascript('read JSON', 'Read /tmp/staff.json, a list of people, and print the name of the oldest', {
    files: { '/tmp/staff.json': STAFF },
    prints: /Grace/,
  }),
  javascript('line count', 'Print how many lines /tmp/app.log has', {
    files: { '/tmp/app.log': LOG.trimEnd() },
    prints: number('5'),
  }),
  javascript('save JSON', 'Save the squares of 1 to 5 as a JSON array in /tmp/squares.json', {
    leaves: { '/tmp/squares.json': /\[\s*1,\s*4,\s*9,\s*16,\s*25\s*\]/ },
  }),
];
