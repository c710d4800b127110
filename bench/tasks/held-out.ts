/**
 * Plain tasks that prompts are not tuned on. They were written before the tuning and are looked at only as a number, so that a prompt which
 * fits the other tasks by heart shows here.
 */

import { type BenchTask, javascript, number, python } from './tasks.ts';

const WEATHER =
  'city,country,celsius\nOslo,Norway,4.5\nBergen,Norway,7.5\nRome,Italy,18.0\nMilan,Italy,12.0\nMadrid,Spain,16.5\n';
const ORDERS = JSON.stringify({
  customer: 'Ada',
  items: [
    { name: 'pen', price: 1.5, quantity: 10 },
    { name: 'book', price: 12.25, quantity: 2 },
    { name: 'lamp', price: 30, quantity: 1 },
  ],
});
const READINGS = 'sensor,value\na,10\nb,n/a\nc,20\nd,\ne,12\n';
const SPEECH = 'we choose to go to the moon\nwe choose to go now\nto do it well\n';
const BOOKS = JSON.stringify([
  { title: 'One', shelf: 'left' },
  { title: 'Two', shelf: 'right' },
  { title: 'Three', shelf: 'left' },
  { title: 'Four', shelf: 'left' },
]);

export const HELD_OUT: readonly BenchTask[] = [
  python('least multiple', 'Print the least common multiple of 12 and 18', { prints: number('36') }),
  python('anagram', 'Check whether "listen" and "silent" are anagrams of each other and print True or False', {
    prints: /true/i,
  }),
  python('caesar', 'Shift each letter of "hello world" by 3 places in the alphabet and print the result', {
    prints: /khoor zruog/,
  }),
  python('base64', 'Print the text "attested" encoded in Base64', { prints: /YXR0ZXN0ZWQ=/ }),
  python('deviation', 'Print the population standard deviation of the numbers in the context', {
    context: { numbers: [2, 4, 4, 4, 5, 5, 7, 9] },
    prints: /(?<![0-9.])2(\.0+)?(?![0-9.])/,
  }),
  python('add days', 'Print the date that is 100 days after 2024-02-10 in the form YYYY-MM-DD', { prints: /2024-05-20/ }),
  python('warmest', 'Read /tmp/weather.csv and print the name of the city with the highest temperature', {
    files: { '/tmp/weather.csv': WEATHER },
    prints: /Rome/,
  }),
  python('average by country', 'Read /tmp/weather.csv and print the average temperature of each country', {
    files: { '/tmp/weather.csv': WEATHER },
    prints: /^(?=[\s\S]*Norway\D+6(\.0+)?\b)(?=[\s\S]*Italy\D+15(\.0+)?\b)(?=[\s\S]*Spain\D+16\.50?\b)/,
  }),
  python('order total', 'Read /tmp/order.json and print the total of the order: price times quantity, over all items', {
    files: { '/tmp/order.json': ORDERS },
    prints: /69\.50?\b/,
  }),
  python('frequent word', 'Print the most frequent word in /tmp/speech.txt and how often it occurs', {
    files: { '/tmp/speech.txt': SPEECH },
    prints: /\bto\b[\s\S]*4/,
  }),
  python('bad rows', 'Read /tmp/readings.csv and print the sum of the values; leave out rows whose value is not a number', {
    files: { '/tmp/readings.csv': READINGS },
    prints: /(?<![0-9.])42(\.0+)?\b/,
  }),
  python('sort lines', 'Sort the lines of /tmp/names.txt alphabetically and save them as /tmp/sorted.txt', {
    files: { '/tmp/names.txt': 'pear\napple\nfig\n' },
    leaves: { '/tmp/sorted.txt': /^apple\nfig\npear\n?$/ },
  }),
  javascript('reverse words', 'Print the words of "one two three four" in reverse order', {
    prints: /four\W+three\W+two\W+one/,
  }),
  javascript('average of context', 'Print the average of the scores in the context with one decimal', {
    context: { scores: [8, 9.5, 7, 6] },
    prints: /\b7\.6\b/,
  }),
  javascript('books by shelf', 'Read /tmp/books.json, a list of books, and print how many books each shelf has', {
    files: { '/tmp/books.json': BOOKS },
    prints: /^(?=[\s\S]*left\D+3)(?=[\s\S]*right\D+1)/,
  }),
  javascript('cold cities', 'Read /tmp/weather.csv and print the names of the cities with less than 10 degrees', {
    files: { '/tmp/weather.csv': WEATHER },
    prints: /^(?![\s\S]*(?:Rome|Milan|Madrid))[\s\S]*Oslo[\s\S]*Bergen/,
  }),
  javascript('write words', 'Write the words red, green and blue, one a line, into /tmp/colours.txt', {
    leaves: { '/tmp/colours.txt': /^red\r?\ngreen\r?\nblue\r?\n?$/ },
  }),
  javascript('letters', 'Count how often each letter occurs in "banana" and print the counts', {
    prints: /^(?=[\s\S]*\bb\b\D+1\b)(?=[\s\S]*\ba\b\D+3\b)(?=[\s\S]*\bn\b\D+2\b)/,
  }),
];
